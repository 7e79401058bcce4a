using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Arithmetic;

/// <summary>
/// Behind any instruction that gives a number, selects between this value and a decoy by a condition that always holds (<see cref="OpaquePredicate"/>) over locals or globals at
/// hand. The value has been computed by then, decoy and condition only read and compute, and select returns the value's bits as they are: for floats, too.
/// </summary>
public sealed class OpaqueSelectTransform : ISiteTransform
{
    public string Name => "opaque-select";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view.IsReachable(i) && view.ResultCount(i) == 1 && view.ResultType(i).IsScalar && view.Consumer(i) >= 0)
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var random = context.Random;
        var type = view.ResultType(site.At);
        if (OpaqueTerms.Condition(view, default, random) is not { } condition)
        {
            return null;
        }

        var value = Term.Variable(0);
        var decoy = OpaqueTerms.Decoy(view, type, random);
        var term = random.OneIn(2)
            ? Term.Of(Instruction.Of(Opcode.Select), value, decoy, condition)
            : Term.Of(Instruction.Of(Opcode.Select), decoy, value, Term.Of(Opcode.I32Eqz, condition));
        return TermEmitter.Emit(view, Region.Behind(site.At, type), term, context);
    }
}

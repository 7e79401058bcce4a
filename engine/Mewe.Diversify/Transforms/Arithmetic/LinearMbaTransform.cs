using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Arithmetic;

/// <summary>
/// Replaces add, sub, and, or, xor by a random linear mixed boolean-arithmetic expression of the same value (<see cref="LinearMba"/>), often entangled with a local or global at
/// hand. Equivalent because x + y, x - y, x &amp; y, x | y = x + y - (x &amp; y) and x ^ y = x + y - 2 (x &amp; y) are such expressions, and what is added is a null combination.
/// The value at hand must not be changed by the operands, so that all its reads agree.
/// </summary>
public sealed class LinearMbaTransform : ISiteTransform
{
    public string Name => "mba-linear";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (IsLinear(view[i].Opcode) && view.IsReachable(i))
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var region = new Region();
        if (!region.TryFlat(view, site.At))
        {
            return null;
        }

        var random = context.Random;
        var type = view.ResultType(site.At);
        var (x, y) = (Term.Variable(0), Term.Variable(1));
        var atHand = random.OneIn(3) ? null : ValuesAtHand.Pick(view, type, ValuesAtHand.EffectsOf(view, region), random);
        var sum = atHand is null ? new LinearMba(type, x, y) : new LinearMba(type, x, y, atHand);
        switch (view[site.At].Opcode)
        {
            case Opcode.I32Add or Opcode.I64Add:
                sum.Plus(1, 1).Plus(2, 1);
                break;
            case Opcode.I32Sub or Opcode.I64Sub:
                sum.Plus(1, 1).Plus(2, -1);
                break;
            case Opcode.I32And or Opcode.I64And:
                sum.Plus(3, 1);
                break;
            case Opcode.I32Or or Opcode.I64Or:
                sum.Plus(1, 1).Plus(2, 1).Plus(3, -1);
                break;
            default:
                sum.Plus(1, 1).Plus(2, 1).Plus(3, -2);
                break;
        }

        return TermEmitter.Emit(view, region, sum.Build(random.Between(1, 2), random), context);
    }

    private static bool IsLinear(Opcode opcode) => opcode is Opcode.I32Add or Opcode.I32Sub or Opcode.I32And or Opcode.I32Or or Opcode.I32Xor
        or Opcode.I64Add or Opcode.I64Sub or Opcode.I64And or Opcode.I64Or or Opcode.I64Xor;
}

using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Arithmetic;

/// <summary>
/// Replaces an integer constant by a linear mixed boolean-arithmetic expression over one or two locals or globals at hand that has this value whatever they hold:
/// the constant plus a null combination (<see cref="LinearMba"/>). Reads of locals and globals have no effect.
/// </summary>
public sealed class OpaqueConstantTransform : ISiteTransform
{
    public string Name => "constant-opaque";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode is Opcode.I32Const or Opcode.I64Const && view.IsReachable(i))
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var random = context.Random;
        var type = view.ResultType(site.At);
        if (ValuesAtHand.Pick(view, type, default, random) is not { } first)
        {
            return null;
        }

        var second = ValuesAtHand.Pick(view, type, default, random) is { } other && other.Instruction != first.Instruction ? other : null;
        var sum = second is null ? new LinearMba(type, first) : new LinearMba(type, first, second);
        var region = new Region();
        region.Begin(site.At);
        return TermEmitter.Emit(view, region, sum.Plus(0, -view[site.At].I64).Build(second is null ? 1 : random.Between(1, 2), random), context);
    }
}

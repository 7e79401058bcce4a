using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Arithmetic;

/// <summary>
/// Behind any instruction that gives an integer, computes the same integer again as a linear mixed boolean-arithmetic expression of it and a local or global at hand: x plus a
/// null combination (<see cref="LinearMba"/>). The value itself is taken from the stack, so what made it does not matter: it works on loads, calls and addresses.
/// </summary>
public sealed class IdentityMbaTransform : ISiteTransform
{
    public string Name => "mba-identity";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view.IsReachable(i) && view.ResultCount(i) == 1 && view.ResultType(i).IsInteger && view.Consumer(i) >= 0)
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var random = context.Random;
        var type = view.ResultType(site.At);
        if (ValuesAtHand.Pick(view, type, default, random) is not { } atHand)
        {
            return null;
        }

        var region = Region.Behind(site.At, type);
        var term = new LinearMba(type, Term.Variable(0), atHand).Plus(1, 1).Build(random.Between(1, 2), random);
        return TermEmitter.Emit(view, region, term, context);
    }
}

using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Arithmetic;

/// <summary>
/// Puts an expression into the arm of an if that is always taken (<see cref="OpaquePredicate"/>), with a decoy in the other. The condition only reads locals or globals and
/// computes, before the expression, whose effects then happen exactly once as before; the expression has no branches, so no label changes its meaning.
/// Not in modules with non-nullable references, where an assignment inside an arm would not count as an initialisation behind it.
/// </summary>
public sealed class OpaqueBranchTransform : ISiteTransform
{
    private const int MaxSize = 60;

    public string Name => "opaque-branch";

    public bool Applies(FunctionView view) => !view.Module.Uses(Feature.FunctionReferences) && !view.Module.Uses(Feature.Gc);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view.IsReachable(i) && view.IsTree(i) && view.ResultType(i).IsScalar && (view.EffectsOf(i).Effects & Effects.Control) == 0
                && i - view.OperandsStart(i) is > 0 and < MaxSize)
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var random = context.Random;
        if (OpaqueTerms.Condition(view, default, random) is not { } condition)
        {
            return null;
        }

        var tree = view.TreeAt(site.At);
        var inverted = random.OneIn(2);
        var output = context.Scratch();
        TermEmitter.WriteClosed(condition, output);
        if (inverted)
        {
            output.Add(Instruction.Of(Opcode.I32Eqz));
        }

        output.Add(Instruction.Block(Opcode.If, BlockType.Of(tree.Type)));
        if (inverted)
        {
            TermEmitter.WriteClosed(OpaqueTerms.Decoy(view, tree.Type, random), output);
            output.Add(Instruction.Of(Opcode.Else));
            output.AddRange(tree.Instructions);
        }
        else
        {
            output.AddRange(tree.Instructions);
            output.Add(Instruction.Of(Opcode.Else));
            TermEmitter.WriteClosed(OpaqueTerms.Decoy(view, tree.Type, random), output);
        }

        output.Add(Instruction.Of(Opcode.End));
        return new Edit(tree.Start, tree.End + 1, output.ToArray());
    }
}

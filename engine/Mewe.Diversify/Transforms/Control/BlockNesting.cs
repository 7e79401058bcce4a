using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Wraps a range of statements, up to a whole body, in a block: the label of the new block is mentioned by nobody, so control runs through it.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 6: a range starts and ends where the block around it has nothing on the stack; one that runs to a branch at the end
/// of its block gets <c>unreachable</c> behind it, so that what follows stays unreachable; where code behind a branch may push results, the new block has them, too. 9: every kind of label that leaves the range is raised by one.
/// 7: bodies with locals that have no default value are refused, because such a local counts as unset behind the end of a block.
/// </remarks>
public sealed class BlockNesting : ISiteTransform
{
    public string Name => "block-nesting";

    public bool Applies(FunctionView view) => view.Count > 2 && !Statements.HasUnsetLocals(view);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count - 1; i++)
        {
            if (view.IsReachable(i) && !Statements.IsBorder(view[i]) && Statements.IsCut(view, i))
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var start = site.At;
        var frame = Statements.FrameOf(view, start);
        var armEnd = Statements.ArmEnd(view, start);
        var end = start;
        var wanted = context.Random.OneIn(6) ? int.MaxValue : 1 + context.Random.Below(6);
        while (wanted-- > 0 && Statements.Next(view, end) is >= 0 and var next)
        {
            end = next;
        }

        // Without a cut in front of the end, the rest of the arm is wrapped: it leaves the block's results, or is unreachable at its end.
        var type = BlockType.Empty;
        var dead = false;
        if (end == start || (wanted > 0 && end != armEnd))
        {
            end = armEnd;
            dead = !Statements.MayLeaveValues(view, end);
            if (!dead && ResultsOf(view, frame) is { } results)
            {
                type = results;
            }
            else if (!dead)
            {
                return null;
            }
        }

        if (!context.Spend(end - start))
        {
            return null;
        }

        var code = context.Scratch();
        code.Add(Instruction.Block(Opcode.Block, type));
        Labels.Copy(view.Code[start..end], code, deeper: 1);
        code.Add(Instruction.Of(Opcode.End));
        if (dead)
        {
            code.Add(Instruction.Of(Opcode.Unreachable));
        }

        return new Edit(start, end, code.ToArray());
    }

    /// <summary>A block type without parameters that has the results of a block (-1: of the function), or null where there is none.</summary>
    private static BlockType? ResultsOf(FunctionView view, int opener)
    {
        var results = view.Input.Type.Results;
        if (opener >= 0)
        {
            var type = view[opener].BlockType;
            if (!type.IsIndex)
            {
                return type;
            }

            results = view.Module.TypeAt(type.TypeIndex)?.Results ?? [];
        }

        return results.Length switch { 0 => BlockType.Empty, 1 => BlockType.Of(results[0]), _ => TypeOf(view, results) };
    }

    private static BlockType? TypeOf(FunctionView view, System.Collections.Immutable.ImmutableArray<ValueType> results)
    {
        var wanted = new FunctionType([], results);
        for (var index = 0; index < view.Module.Types.Length; index++)
        {
            if (wanted.Equals(view.Module.Types[index].Type))
            {
                return BlockType.Index((uint)index);
            }
        }

        return null;
    }
}

using Mewe.Diversify.Transforms.Control;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>
/// Splits the range of a local around statements that only read it: they read a copy, which is made before them, plain or masked by xor for integers.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 7: nothing in the statements writes the local, so the copy holds its value all through them, however they are left.
/// 9: no label changes, since copy and statements stay in the same block; a loop around them runs through the copy each time, because it stands directly before them.
/// </remarks>
public sealed class RegionCopy : ISiteTransform
{
    private const int Longest = 300;

    public string Name => "region-copy";

    public bool Applies(FunctionView view) => view.LocalCount > 0;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count - 1; i++)
        {
            if (view.IsReachable(i) && !Statements.IsBorder(view[i]) && Statements.IsCut(view, i) && Statements.Next(view, i) > 0)
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var start = site.At;
        var end = start;
        for (var wanted = 1 + context.Random.Below(8); wanted > 0 && Statements.Next(view, end) is > 0 and var next && next - start <= Longest; wanted--)
        {
            end = next;
        }

        if (end == start || !context.HasRoomForLocals() || !context.Spend(end - start) || Pick(view, start, end, context) is not { } local)
        {
            return null;
        }

        var type = view.LocalType(local);
        var copy = context.AddLocal(type);
        var code = context.Scratch();
        code.Add(Instruction.LocalGet(local));
        Instruction[] mask = [];
        if (type.IsInteger && context.Random.OneIn(2))
        {
            mask = type == ValueType.I32
                ? [Instruction.I32Const((int)context.Random.NextBits()), Instruction.Of(Opcode.I32Xor)]
                : [Instruction.I64Const((long)context.Random.NextBits()), Instruction.Of(Opcode.I64Xor)];
        }

        code.AddRange(mask);
        code.Add(Instruction.LocalSet(copy));
        for (var i = start; i < end; i++)
        {
            if (!LocalUses.IsOf(view[i], local) || !view.IsReachable(i))
            {
                code.Add(view[i]);
                continue;
            }

            code.Add(Instruction.LocalGet(copy));
            code.AddRange(mask);
        }

        return new Edit(start, end, code.ToArray());
    }

    /// <summary>A random local that the range reads and does not write.</summary>
    private static uint? Pick(FunctionView view, int start, int end, RewriteContext context)
    {
        HashSet<uint> written = [];
        List<uint> read = [];
        for (var i = start; i < end; i++)
        {
            if (view[i].Opcode is Opcode.LocalSet or Opcode.LocalTee)
            {
                written.Add(view[i].Index);
            }
            else if (view[i].Opcode == Opcode.LocalGet && view.IsReachable(i) && view.LocalType(view[i].Index).IsDefaultable && !read.Contains(view[i].Index))
            {
                read.Add(view[i].Index);
            }
        }

        read.RemoveAll(written.Contains);
        return read.Count == 0 ? null : context.Random.Pick(read);
    }
}

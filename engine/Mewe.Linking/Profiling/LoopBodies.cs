using System.Collections.Immutable;
using Mewe.Wasm;

namespace Mewe.Linking.Profiling;

/// <summary>Which loops and arms stand around the instructions of a body.</summary>
internal static class LoopBodies
{
    /// <param name="position">Of the instruction.</param>
    /// <param name="loop">Position of the innermost loop around it, null for none.</param>
    /// <param name="loops">How many loops are around it.</param>
    /// <param name="arms">How many arms of <c>if</c> are around it.</param>
    public delegate void Visit(int position, int? loop, int loops, int arms);

    /// <summary>
    /// For the position of each <c>loop</c> the number of instructions in it that are in no inner loop, and in the last entry the number outside of all loops; 0 elsewhere.
    /// </summary>
    public static int[] Lengths(ImmutableArray<Instruction> code)
    {
        var lengths = new int[code.Length + 1];
        Walk(code, (_, loop, _, _) => lengths[loop ?? code.Length]++);
        return lengths;
    }

    public static void Walk(ImmutableArray<Instruction> code, Visit visit)
    {
        var open = new Stack<(Opcode Opener, int Position)>();
        var loops = new Stack<int>();
        var arms = 0;
        for (var i = 0; i < code.Length; i++)
        {
            var opcode = code[i].Opcode;
            visit(i, loops.TryPeek(out var loop) ? loop : null, loops.Count, arms);
            if (OpcodeTable.Get(opcode).Immediate is ImmediateKind.BlockType or ImmediateKind.TryTable)
            {
                open.Push((opcode, i));
                if (opcode == Opcode.Loop)
                {
                    loops.Push(i);
                }

                arms += opcode == Opcode.If ? 1 : 0;
            }
            else if (opcode is Opcode.End or Opcode.Delegate && open.TryPop(out var closed))
            {
                arms -= closed.Opener == Opcode.If ? 1 : 0;
                if (closed.Opener == Opcode.Loop)
                {
                    loops.Pop();
                }
            }
        }
    }
}

using Mewe.Wasm;

namespace Mewe.Diversify;

/// <summary>
/// Estimated cost of instructions, so that a variant does not slow a hot loop a lot: a weight per instruction, times ten for each loop around it
/// (at most <see cref="MaxWeightedDepth"/>). The unit is about a quarter of a simple operation; only ratios matter.
/// </summary>
public static class CostModel
{
    public const int MaxWeightedDepth = 4;

    private static readonly byte[] Costs = new byte[OpcodeTable.Size];
    private static readonly long[] Weights = [1, 10, 100, 1_000, 10_000];

    static CostModel()
    {
        foreach (var info in OpcodeTable.All)
        {
            Costs[(int)info.Opcode] = (byte)CostOf(info);
        }
    }

    /// <summary>Cost of one evaluation.</summary>
    public static int Of(Opcode opcode) => Costs[(int)opcode];

    /// <summary>How often an instruction is taken to run at a loop depth.</summary>
    public static long Weight(int loopDepth) => Weights[Math.Min(loopDepth, MaxWeightedDepth)];

    public static long Of(ReadOnlySpan<Instruction> code)
    {
        long sum = 0;
        foreach (ref readonly var instruction in code)
        {
            sum += Costs[(int)instruction.Opcode];
        }

        return sum;
    }

    private static int CostOf(OpcodeInfo info) => info.Opcode switch
    {
        Opcode.Nop or Opcode.Block or Opcode.Loop or Opcode.End or Opcode.Else or Opcode.Drop => 0,
        Opcode.LocalGet or Opcode.LocalSet or Opcode.LocalTee => 1,
        Opcode.I32Const or Opcode.I64Const or Opcode.F32Const or Opcode.F64Const => 1,
        Opcode.I32Mul or Opcode.I64Mul => 8,
        Opcode.I32DivS or Opcode.I32DivU or Opcode.I32RemS or Opcode.I32RemU => 40,
        Opcode.I64DivS or Opcode.I64DivU or Opcode.I64RemS or Opcode.I64RemU => 60,
        Opcode.Select or Opcode.SelectTyped => 6,
        Opcode.If or Opcode.BrIf or Opcode.Br => 4,
        Opcode.BrTable => 12,
        _ when (info.Effects & Effects.Calls) != 0 => 60,
        _ when (info.Effects & Effects.Atomic) != 0 => 80,
        _ when info.Immediate is ImmediateKind.Memory or ImmediateKind.MemoryLane => 8,
        _ when info.Immediate is ImmediateKind.MemoryMemory || info.Opcode is Opcode.MemoryFill or Opcode.MemoryGrow => 200,
        Opcode.GlobalGet or Opcode.GlobalSet => 4,
        _ when (info.Effects & Effects.FloatArithmetic) != 0 => 12,
        _ => 4,
    };
}

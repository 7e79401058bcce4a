using System.Buffers.Binary;
using Mewe.Wasm;

namespace Mewe.Equivalence.Testing;

/// <summary>What all harnesses of a function share, and what an input means something only together with.</summary>
/// <param name="Images">Contents that the memories may start with.</param>
/// <param name="ValueTable">64 values that memory and calls out take often: boundaries, and constants of the function.</param>
internal sealed record FunctionSetting(MemoryImages Images, ReadOnlyMemory<byte> ValueTable, Arena Arena)
{
    public static FunctionSetting Of(OriginalModule original, uint function, FunctionCode code, RecordedInputs recorded, TestOptions options)
    {
        var table = Table(Constants(code));
        return new(MemoryImages.Of(original, code, recorded.Memory, options.DataBudget), table, Arena.Of(original, function, options.Seed, table));
    }

    /// <summary>The constants of a function and the addresses that its loads and stores name, in ascending order.</summary>
    public static ulong[] Constants(FunctionCode code)
    {
        var constants = new SortedSet<ulong>();
        foreach (ref readonly var instruction in code.Instructions.AsSpan())
        {
            if (instruction.Opcode is Opcode.I32Const or Opcode.I64Const or Opcode.F32Const or Opcode.F64Const
                || (instruction.Info.Immediate == ImmediateKind.Memory && instruction.Bits > 1024))
            {
                constants.Add(instruction.Bits);
            }
        }

        return [.. constants];
    }

    private static byte[] Table(ulong[] constants)
    {
        // Up to half of the table, spread evenly over the constants.
        var taken = Math.Min(constants.Length, HarnessState.ValueCount / 2);
        var bytes = new byte[HarnessState.ValueCount * 8];
        for (var i = 0; i < HarnessState.ValueCount; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * 8), i < taken ? constants[i * constants.Length / taken] : Boundaries.Values[i % Boundaries.Values.Length]);
        }

        return bytes;
    }
}

/// <summary>What a harness keeps of each run.</summary>
/// <param name="Inputs">At most so many inputs.</param>
/// <param name="BranchOutcomes">Outcomes of the original's branches.</param>
internal sealed record HarnessProfile(int Inputs, int BranchOutcomes);

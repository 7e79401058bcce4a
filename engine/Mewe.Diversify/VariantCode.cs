using System.Collections.Immutable;
using Mewe.Wasm;

namespace Mewe.Diversify;

/// <summary>A function that a variant needs beside itself, because a transform moved part of its body there.</summary>
/// <param name="Type">A function type of numeric values only.</param>
public sealed record OutlinedFunction(FunctionType Type, FunctionCode Code);

/// <summary>
/// The code of one version of a function. It has the original's type and uses the original module's index spaces; only its calls to
/// <see cref="Outlined"/> functions carry placeholders, <see cref="OutlinedBase"/> plus the position in the list, which the linker and the
/// tester replace by real function indices. A <i>blinded</i> variant also names the global <see cref="BlindGlobal"/>. Block types use only value types and type indices that the original module has.
/// </summary>
public sealed record VariantCode(FunctionCode Code, ImmutableArray<OutlinedFunction> Outlined)
{
    /// <summary>First placeholder index of an outlined function: above every index that <see cref="Limits.MaxFunctions"/> allows.</summary>
    public const uint OutlinedBase = 0x4000_0000;

    /// <summary>
    /// Placeholder of the blind word, a mutable i64 global of nobody's but the blinded variants, above every index of a global. What it holds is random, differs from call to call, and nothing is known
    /// of it: a variant may read it and write it, and must do the same as its original for every value.
    /// </summary>
    public const uint BlindGlobal = 0x4000_0000;

    public VariantCode(FunctionCode code)
        : this(code, [])
    {
    }

    /// <summary>Number of instructions, outlined functions included: the measure of size everywhere.</summary>
    public int InstructionCount { get; } = Code.Instructions.Length + Outlined.Sum(outlined => outlined.Code.Instructions.Length);

    /// <summary>True where it reads or writes the blind word.</summary>
    public bool IsBlinded => Outlined.Select(outlined => outlined.Code).Prepend(Code).Any(static code => code.Instructions.Any(static instruction => NamesBlindWord(instruction)));

    /// <summary>True for global.get and global.set of the blind word.</summary>
    public static bool NamesBlindWord(in Instruction instruction) => instruction.Opcode is Opcode.GlobalGet or Opcode.GlobalSet && instruction.Index == BlindGlobal;
}

using System.Collections.Immutable;
using Mewe.Wasm;

namespace Mewe.Equivalence.Testing;

/// <summary>
/// How a body under test is left before its end, when the outcome has been noted: it returns zeros that nobody looks at. A trap would do the same and costs
/// microseconds, most of them for an error object.
/// </summary>
internal readonly struct Leaving
{
    private readonly ImmutableArray<Instruction> code;

    public Leaving(FunctionType type)
    {
        // There is no zero of a type that has no null; such a body traps after all.
        code = type.Results.Any(result => result is { IsReference: true, IsNullable: false })
            ? [Instruction.Of(Opcode.Unreachable)]
            : [.. type.Results.Select(Zero), Instruction.Of(Opcode.Return)];
    }

    /// <summary>The zero, or null, of a type that has one.</summary>
    public static Instruction Zero(ValueType type) =>
        type.IsReference ? Instruction.Of(Opcode.RefNull, new HeapTypePayload(type.Heap))
        : type == ValueType.I32 ? Instruction.I32Const(0)
        : type == ValueType.I64 ? Instruction.I64Const(0)
        : type == ValueType.F32 ? Instruction.F32Const(0)
        : type == ValueType.F64 ? Instruction.F64Const(0)
        : Instruction.V128Const(0, 0);

    public void Leave(ImmutableArray<Instruction>.Builder body) => body.AddRange(code);
}

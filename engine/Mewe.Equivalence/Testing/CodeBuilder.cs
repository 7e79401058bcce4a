using System.Collections.Immutable;
using Mewe.Wasm;

namespace Mewe.Equivalence.Testing;

/// <summary>Writes the harness's own functions instruction by instruction: short names, because it reads like text-format code.</summary>
internal sealed class CodeBuilder
{
    private readonly ImmutableArray<Instruction>.Builder code = ImmutableArray.CreateBuilder<Instruction>(64);
    private readonly List<ValueType> locals = [];
    private readonly int parameters;

    public CodeBuilder(FunctionType type) => (Type, parameters) = (type, type.Parameters.Length);

    public FunctionType Type { get; }

    public uint Local(ValueType type)
    {
        locals.Add(type);
        return (uint)(parameters + locals.Count - 1);
    }

    public CodeBuilder Add(Instruction instruction)
    {
        code.Add(instruction);
        return this;
    }

    public CodeBuilder Op(params ReadOnlySpan<Opcode> opcodes)
    {
        foreach (var opcode in opcodes)
        {
            code.Add(Instruction.Of(opcode));
        }

        return this;
    }

    public CodeBuilder Get(uint local) => Add(Instruction.LocalGet(local));

    public CodeBuilder Set(uint local) => Add(Instruction.LocalSet(local));

    public CodeBuilder Tee(uint local) => Add(Instruction.LocalTee(local));

    public CodeBuilder Global(uint global) => Add(Instruction.Of(Opcode.GlobalGet, global));

    public CodeBuilder SetGlobal(uint global) => Add(Instruction.Of(Opcode.GlobalSet, global));

    public CodeBuilder I32(int value) => Add(Instruction.I32Const(value));

    public CodeBuilder I64(long value) => Add(Instruction.I64Const(value));

    public CodeBuilder I64(ulong value) => I64((long)value);

    public CodeBuilder Call(uint function) => Add(Instruction.Call(function));

    public CodeBuilder Access(Opcode opcode, uint memory, long offset = 0) => Add(Instruction.Memory(opcode, (ulong)offset, 0, memory));

    public CodeBuilder If(ValueType? result = null) => Add(Instruction.Block(Opcode.If, result is { } type ? BlockType.Of(type) : BlockType.Empty));

    public CodeBuilder Else() => Op(Opcode.Else);

    public CodeBuilder Block() => Add(Instruction.Block(Opcode.Block, BlockType.Empty));

    public CodeBuilder Loop() => Add(Instruction.Block(Opcode.Loop, BlockType.Empty));

    public CodeBuilder End() => Op(Opcode.End);

    public CodeBuilder Branch(uint label) => Add(Instruction.Of(Opcode.Br, label));

    public CodeBuilder BranchIf(uint label) => Add(Instruction.Of(Opcode.BrIf, label));

    /// <summary>Makes a float on the stack canonical where it is a NaN.</summary>
    public CodeBuilder CanonicalNan(ValueType type)
    {
        Testing.CanonicalNan.Emit(code, type, doubles: false, Local(type));
        return this;
    }

    /// <summary>The code with its final end.</summary>
    public FunctionCode Build()
    {
        code.Add(Instruction.Of(Opcode.End));
        return new FunctionCode(FunctionCode.Group(locals), code.ToImmutable());
    }
}

using System.Collections.Immutable;
using Mewe.Wasm;

namespace Mewe.Linking.Dispatch;

/// <summary>Writes the little code that the linker adds, one instruction after the other.</summary>
internal sealed class CodeBuilder
{
    private readonly ImmutableArray<Instruction>.Builder instructions = ImmutableArray.CreateBuilder<Instruction>();
    private readonly List<ValueType> locals = [];
    private readonly int parameters;

    public CodeBuilder(int parameters) => this.parameters = parameters;

    /// <summary>A new local beyond the parameters.</summary>
    public uint Local(ValueType type)
    {
        locals.Add(type);
        return (uint)(parameters + locals.Count - 1);
    }

    public CodeBuilder Op(Opcode opcode)
    {
        instructions.Add(Instruction.Of(opcode));
        return this;
    }

    public CodeBuilder Op(Opcode opcode, uint index)
    {
        instructions.Add(Instruction.Of(opcode, index));
        return this;
    }

    public CodeBuilder Add(Instruction instruction)
    {
        instructions.Add(instruction);
        return this;
    }

    public CodeBuilder Get(uint local) => Op(Opcode.LocalGet, local);

    public CodeBuilder Set(uint local) => Op(Opcode.LocalSet, local);

    public CodeBuilder Tee(uint local) => Op(Opcode.LocalTee, local);

    public CodeBuilder GetGlobal(uint global) => Op(Opcode.GlobalGet, global);

    public CodeBuilder SetGlobal(uint global) => Op(Opcode.GlobalSet, global);

    public CodeBuilder I32(int value) => Add(Instruction.I32Const(value));

    public CodeBuilder I64(ulong value) => Add(Instruction.I64Const((long)value));

    public CodeBuilder Call(uint function) => Op(Opcode.Call, function);

    public CodeBuilder Open(Opcode opener, ValueType? result = null) =>
        Add(Instruction.Block(opener, result is { } type ? BlockType.Of(type) : BlockType.Empty));

    public CodeBuilder End() => Op(Opcode.End);

    /// <summary>The parameters, pushed in order: what a call of the same type takes.</summary>
    public CodeBuilder Parameters()
    {
        for (var i = 0u; i < parameters; i++)
        {
            Get(i);
        }

        return this;
    }

    /// <summary>The body, with its final end.</summary>
    public FunctionBody Body() => new(new FunctionCode(FunctionCode.Group(locals), [.. instructions, Instruction.Of(Opcode.End)]));
}

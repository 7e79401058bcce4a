using Mewe.Wasm;

namespace Mewe.Diversify.Tests.Running;

/// <summary>Short names for instructions, so that hand-made bodies can be read.</summary>
internal static class Code
{
    public static Instruction Op(Opcode opcode) => Instruction.Of(opcode);

    public static Instruction Get(uint local) => Instruction.LocalGet(local);

    public static Instruction Set(uint local) => Instruction.LocalSet(local);

    public static Instruction Tee(uint local) => Instruction.LocalTee(local);

    public static Instruction I32(int value) => Instruction.I32Const(value);

    public static Instruction I64(long value) => Instruction.I64Const(value);

    public static Instruction Br(uint label) => Instruction.Of(Opcode.Br, label);

    public static Instruction BrIf(uint label) => Instruction.Of(Opcode.BrIf, label);

    public static Instruction BrTable(uint otherwise, params uint[] labels) => Instruction.BranchTable([.. labels], otherwise);

    public static Instruction Call(uint function) => Instruction.Call(function);

    public static Instruction Block() => Instruction.Block(Opcode.Block, BlockType.Empty);

    public static Instruction Block(ValueType result) => Instruction.Block(Opcode.Block, BlockType.Of(result));

    public static Instruction Loop() => Instruction.Block(Opcode.Loop, BlockType.Empty);

    public static Instruction Loop(ValueType result) => Instruction.Block(Opcode.Loop, BlockType.Of(result));

    public static Instruction If() => Instruction.Block(Opcode.If, BlockType.Empty);

    public static Instruction If(ValueType result) => Instruction.Block(Opcode.If, BlockType.Of(result));

    public static Instruction Else => Instruction.Of(Opcode.Else);

    public static Instruction End => Instruction.Of(Opcode.End);

    public static Instruction Return => Instruction.Of(Opcode.Return);

    public static Instruction Drop => Instruction.Of(Opcode.Drop);

    public static Instruction GlobalGet(uint global) => Instruction.Of(Opcode.GlobalGet, global);

    public static Instruction GlobalSet(uint global) => Instruction.Of(Opcode.GlobalSet, global);

    public static Instruction Load(Opcode opcode, ulong offset = 0) => Instruction.Memory(opcode, offset, 0);
}

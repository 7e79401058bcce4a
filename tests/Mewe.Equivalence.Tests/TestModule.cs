using Mewe.Wasm;

namespace Mewe.Equivalence.Tests;

/// <summary>A module of one function under test, at the index behind its two imports: (i32) -> i32 and () -> ().</summary>
internal static class TestModule
{
    public const uint Function = 2;

    public static WasmModule Of(FunctionType type, params Instruction[] body)
    {
        var module = new WasmModule();
        module.TypeGroups.Add(RecursionGroup.Single(FunctionType.Of([ValueType.I32], [ValueType.I32])));
        module.TypeGroups.Add(RecursionGroup.Single(FunctionType.Of([], [])));
        module.Imports.Add(new Import("env", "ask", new FunctionExtern(0)));
        module.Imports.Add(new Import("env", "tell", new FunctionExtern(1)));
        module.Memories.Add(new MemoryType(new SizeLimits(1, 4)));
        module.Globals.Add(new Global(new GlobalType(ValueType.I32, true), ConstantExpression.Of(Instruction.I32Const(7))));
        module.AddFunction(module.IndexOfType(type), new FunctionBody(Code(body)));
        return module;
    }

    public static FunctionCode Code(params ReadOnlySpan<Instruction> body) => new([], [.. body, Instruction.Of(Opcode.End)]);

    public static Instruction Op(Opcode opcode) => Instruction.Of(opcode);

    public static Instruction Get(uint local) => Instruction.LocalGet(local);

    public static Instruction Const(int value) => Instruction.I32Const(value);

    public static Instruction Store(Opcode opcode = Opcode.I32Store, ulong offset = 0) => Instruction.Memory(opcode, offset, 0);

    public static readonly FunctionType Binary = FunctionType.Of([ValueType.I32, ValueType.I32], [ValueType.I32]);
    public static readonly FunctionType Unary = FunctionType.Of([ValueType.I32], [ValueType.I32]);
    public static readonly FunctionType Write = FunctionType.Of([ValueType.I32, ValueType.I32], []);
}

using Mewe.Wasm;

namespace Mewe.Diversify.Tests.Evaluation;

/// <summary>
/// A module for bodies under test: one page of memory, a mutable i32, a mutable i64 and a constant global, imported functions (0 to 4) that give i32, i64, f32, f64 and
/// nothing for one parameter of the same type (4: two i32), and one defined function that uses every feature the rules need.
/// </summary>
public static class TestModule
{
    public const uint CallI32 = 0, CallI64 = 1, CallF32 = 2, CallF64 = 3, CallVoid = 4, CallV128 = 5;

    public static ModuleFacts Facts { get; } = Create();

    public static FunctionInput Function(FunctionType type, IEnumerable<ValueType> locals, params Instruction[] code) =>
        new(Facts, 7, type, new FunctionCode(FunctionCode.Group(locals), [.. code, Instruction.Of(Opcode.End)]));

    /// <summary>The import that gives a type.</summary>
    public static uint CallOf(ValueType type) =>
        type == ValueType.I32 ? CallI32 : type == ValueType.I64 ? CallI64 : type == ValueType.F32 ? CallF32 : type == ValueType.F64 ? CallF64 : CallV128;

    private static ModuleFacts Create()
    {
        var module = new WasmModule();
        foreach (var type in new[] { ValueType.I32, ValueType.I64, ValueType.F32, ValueType.F64 })
        {
            module.Imports.Add(new Import("env", $"get_{type}", new FunctionExtern(module.IndexOfType(FunctionType.Of([type], [type])))));
        }

        module.Imports.Add(new Import("env", "note", new FunctionExtern(module.IndexOfType(FunctionType.Of([ValueType.I32, ValueType.I32], [])))));
        module.Imports.Add(new Import("env", "get_v128", new FunctionExtern(module.IndexOfType(FunctionType.Of([ValueType.V128], [ValueType.V128])))));
        module.Memories.Add(new MemoryType(new SizeLimits(1, 1)));
        module.Globals.Add(new Global(new GlobalType(ValueType.I32, true), ConstantExpression.Of(Instruction.I32Const(7))));
        module.Globals.Add(new Global(new GlobalType(ValueType.I64, true), ConstantExpression.Of(Instruction.I64Const(7))));
        module.Globals.Add(new Global(new GlobalType(ValueType.I32, false), ConstantExpression.Of(Instruction.I32Const(7))));
        var empty = module.IndexOfType(FunctionType.Of([], []));
        module.AddFunction(empty, new FunctionBody(new FunctionCode([],
        [
            Instruction.I32Const(1), Instruction.Of(Opcode.I32Extend8S), Instruction.Of(Opcode.I8x16Splat), Instruction.Of(Opcode.Drop), Instruction.Of(Opcode.End),
        ])));
        return new ModuleFacts(module);
    }
}

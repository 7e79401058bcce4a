using System.Collections.Immutable;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Execution.Wasmtime;

/// <summary>The host module "spectest" of the specification's tests. It is a WebAssembly module, so that its functions have exact types and linking can fail as it should.</summary>
internal static class Spectest
{
    private static readonly (string Name, Wasm.ValueType[] Parameters)[] Prints =
    [
        ("print", []), ("print_i32", [Wasm.ValueType.I32]), ("print_i64", [Wasm.ValueType.I64]), ("print_f32", [Wasm.ValueType.F32]), ("print_f64", [Wasm.ValueType.F64]),
        ("print_i32_f32", [Wasm.ValueType.I32, Wasm.ValueType.F32]), ("print_f64_f64", [Wasm.ValueType.F64, Wasm.ValueType.F64]),
    ];

    /// <summary>The module, which imports nothing.</summary>
    public static byte[] Bytes { get; } = Build();

    private static byte[] Build()
    {
        var module = new WasmModule();
        ImmutableArray<Instruction> nothing = [Instruction.Of(Opcode.End)];
        foreach (var (name, parameters) in Prints)
        {
            var function = module.AddFunction(module.IndexOfType(FunctionType.Of(parameters, [])), new FunctionBody(new FunctionCode([], nothing)));
            module.Exports.Add(new Export(name, ExternKind.Function, function));
        }

        Global("global_i32", Wasm.ValueType.I32, Instruction.I32Const(666));
        Global("global_i64", Wasm.ValueType.I64, Instruction.I64Const(666));
        Global("global_f32", Wasm.ValueType.F32, Instruction.F32Const(BitConverter.SingleToUInt32Bits(666.6f)));
        Global("global_f64", Wasm.ValueType.F64, Instruction.F64Const(BitConverter.DoubleToUInt64Bits(666.6)));
        Table("table", is64: false);
        Table("table64", is64: true);
        Memory("memory", shared: false);
        Memory("shared_memory", shared: true);
        return ModuleWriter.Write(module);

        void Global(string name, Wasm.ValueType type, Instruction value)
        {
            module.Exports.Add(new Export(name, ExternKind.Global, (uint)module.Globals.Count));
            module.Globals.Add(new Global(new GlobalType(type, false), ConstantExpression.Of(value)));
        }

        void Table(string name, bool is64)
        {
            module.Exports.Add(new Export(name, ExternKind.Table, (uint)module.Tables.Count));
            module.Tables.Add(new Table(new TableType(Wasm.ValueType.FuncRef, new SizeLimits(10, 20, Is64: is64))));
        }

        void Memory(string name, bool shared)
        {
            module.Exports.Add(new Export(name, ExternKind.Memory, (uint)module.Memories.Count));
            module.Memories.Add(new MemoryType(new SizeLimits(1, 2, Shared: shared)));
        }
    }
}

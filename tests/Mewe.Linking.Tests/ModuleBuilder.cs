using Mewe.Linking.Dispatch;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Tests;

/// <summary>Builds the small modules that the tests link.</summary>
internal sealed class ModuleBuilder
{
    public WasmModule Module { get; } = new();

    public uint Import(string module, string name, ValueType[] parameters, ValueType[] results)
    {
        Module.Imports.Add(new Import(module, name, new FunctionExtern(Module.IndexOfType(FunctionType.Of(parameters, results)))));
        return (uint)Module.ImportedFunctionCount - 1;
    }

    /// <summary>Makes it a WASI module: an import of it, and a memory exported as "memory".</summary>
    public ModuleBuilder Wasi()
    {
        Import("wasi_snapshot_preview1", "sched_yield", [], [ValueType.I32]);
        return Memory();
    }

    public ModuleBuilder Memory(ulong pages = 1, bool is64 = false, string name = "memory")
    {
        Module.Memories.Add(new MemoryType(new SizeLimits(pages, null, is64)));
        Module.Exports.Add(new Export(name, ExternKind.Memory, (uint)Module.AllMemories().Length - 1));
        return this;
    }

    public uint Function(ValueType[] parameters, ValueType[] results, Action<CodeBuilder> write, string? export = null)
    {
        var code = new CodeBuilder(parameters.Length);
        write(code);
        var index = Module.AddFunction(Module.IndexOfType(FunctionType.Of(parameters, results)), code.Body());
        if (export is not null)
        {
            Module.Exports.Add(new Export(export, ExternKind.Function, index));
        }

        return index;
    }

    /// <summary>A function () -> i32 that gives a number, exported or not.</summary>
    public uint Constant(int value, string? export = null) => Function([], [ValueType.I32], code => code.I32(value), export);

    public uint Global(int value, string? export = null)
    {
        Module.Globals.Add(new Global(new GlobalType(ValueType.I32, true), ConstantExpression.Of(Instruction.I32Const(value))));
        var index = (uint)Module.AllGlobals().Length - 1;
        if (export is not null)
        {
            Module.Exports.Add(new Export(export, ExternKind.Global, index));
        }

        return index;
    }

    /// <summary>A table of functions, exported as "table".</summary>
    public ModuleBuilder Table(params uint[] functions)
    {
        Module.Tables.Add(new Table(new TableType(ValueType.FuncRef, new SizeLimits((ulong)functions.Length, null))));
        Module.Elements.Add(new ElementSegment(0, SegmentMode.Active, 0, ConstantExpression.Of(Instruction.I32Const(0)),
            ValueType.Ref(HeapType.Func, false), [.. functions], default));
        Module.Exports.Add(new Export("table", ExternKind.Table, 0));
        return this;
    }

    /// <summary>The module as it is read from its bytes.</summary>
    public WasmModule Read() => ModuleReader.Read(ModuleWriter.Write(Module));
}

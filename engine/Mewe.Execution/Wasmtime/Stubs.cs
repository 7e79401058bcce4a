using System.Collections.Immutable;
using Mewe.Execution.Wasmtime.Native;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Execution.Wasmtime;

/// <summary>An import that nobody provides, and what its function returns or its global holds: values, or nothing for zeros and nulls.</summary>
internal readonly record struct WantedStub(Import Import, ImmutableArray<WasmValue> Results);

/// <summary>Imports that nobody provides: a module for each importing module, with exactly the types asked for.</summary>
internal static class Stubs
{
    /// <summary>Makes them, in the order in which they are wanted. Null and a problem where the engine does not accept such a module.</summary>
    public static Extern[]? TryMake(Store store, WasmModule importer, IReadOnlyList<WantedStub> wanted, out string? problem)
    {
        problem = null;
        if (wanted.Count == 0)
        {
            return [];
        }

        CompiledModule compiled;
        try
        {
            compiled = store.Compile(Build(importer, wanted));
        }
        catch (RejectedException rejected)
        {
            problem = rejected.Message;
            return null;
        }

        if (store.Instantiate(compiled.Handle, [], out var trap, out problem) is not { } instance)
        {
            problem ??= trap!.Message;
            return null;
        }

        var made = new Extern[wanted.Count];
        for (var i = 0; i < made.Length; i++)
        {
            instance.TryGet(Name(i), out made[i]);
            store.OwnIfShared(made[i]);
        }

        return made;
    }

    /// <summary>An instruction for a value of a type: zero, null, or a trap where there is no default, when the value is not given.</summary>
    public static Instruction Constant(Wasm.ValueType type, WasmValue? given)
    {
        if (type.IsReference)
        {
            return type.IsNullable ? Instruction.Of(Opcode.RefNull, new HeapTypePayload(type.Heap)) : Instruction.Of(Opcode.Unreachable);
        }

        var kind = References.KindOf(type);
        var value = given is { } fitting && fitting.Kind == kind ? fitting : default;
        return kind switch
        {
            WasmValueKind.I32 => Instruction.I32Const((int)(uint)value.Low),
            WasmValueKind.I64 => Instruction.I64Const((long)value.Low),
            WasmValueKind.F32 => Instruction.F32Const((uint)value.Low),
            WasmValueKind.F64 => Instruction.F64Const(value.Low),
            _ => Instruction.V128Const(value.Low, value.High),
        };
    }

    private static byte[] Build(WasmModule importer, IReadOnlyList<WantedStub> wanted)
    {
        var module = new WasmModule();
        foreach (var group in importer.TypeGroups)
        {
            module.TypeGroups.Add(group);
        }

        for (var i = 0; i < wanted.Count; i++)
        {
            var (import, results) = wanted[i];
            module.Exports.Add(new Export(Name(i), import.Type.Kind, Add(module, import.Type, results)));
        }

        return ModuleWriter.Write(module);
    }

    private static uint Add(WasmModule module, ExternType wanted, ImmutableArray<WasmValue> results)
    {
        WasmValue? Given(int index) => index < results.Length ? results[index] : null;
        switch (wanted)
        {
            case FunctionExtern function:
                var type = module.FunctionTypeAt(function.TypeIndex);
                var code = new FunctionCode([], [.. type.Results.Select((result, i) => Constant(result, Given(i))), Instruction.Of(Opcode.End)]);
                return module.AddFunction(function.TypeIndex, new FunctionBody(code));
            case TableType table:
                module.Tables.Add(new Table(table));
                return (uint)module.Tables.Count - 1;
            case MemoryType memory:
                module.Memories.Add(memory);
                return (uint)module.Memories.Count - 1;
            case GlobalType global:
                module.Globals.Add(new Global(global, ConstantExpression.Of(Constant(global.Value, Given(0)))));
                return (uint)module.Globals.Count - 1;
            default:
                module.Tags.Add((TagType)wanted);
                return (uint)module.Tags.Count - 1;
        }
    }

    private static string Name(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

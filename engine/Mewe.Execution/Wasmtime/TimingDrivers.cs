using System.Buffers.Binary;
using System.Collections.Immutable;
using Mewe.Execution.Wasmtime.Native;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Execution.Wasmtime;

/// <summary>
/// What repeats a workload without leaving WebAssembly: a module linked to the instance, with a function <c>go</c> (i32 repeats) -> (). The same bodies as in Node/Worker/time.js, so that the host's part of what is
/// timed is the same on both engines.
/// </summary>
internal static class TimingDrivers
{
    private const string Go = "go";
    private const uint Repeats = 0; // the parameter, counted down

    private static readonly FunctionType GoType = FunctionType.Of([Wasm.ValueType.I32], []);

    /// <summary>The driver of a reactor: for every request <c>alloc</c>, copy, <c>run</c>, <c>answer</c> if it was not refused, <c>release</c>.</summary>
    public static StoreItem OfReactor(WorkloadRun run, ReactorWorkload workload)
    {
        const uint listed = 1, at = 2; // locals: the entry in the list, where the request lies
        const uint alloc = 0, answer = 1, call = 2, release = 3;
        var module = new WasmModule();
        Wasm.ValueType i32 = Wasm.ValueType.I32;
        var imports = new List<Extern>();
        Import("alloc", FunctionType.Of([i32], [i32]));
        Import("answer", FunctionType.Of([], [i32]));
        Import("run", FunctionType.Of([i32, i32], [i32]));
        Import("release", FunctionType.Of([i32], []));
        module.Imports.Add(new Import("s", "memory", new MemoryType(new SizeLimits(0, null))));
        imports.Add(run.Instance.TryGet("memory", out var memory) && memory.Kind == ExternTag.Memory
            ? memory
            : throw new RejectedException("module does not export the memory \"memory\""));

        // Memory 1 holds the requests, behind a list of (u32 offset, u32 length).
        var listBytes = workload.Requests.Length * 8;
        var bytes = listBytes + workload.Requests.Sum(request => (long)request.Length);
        module.Memories.Add(new MemoryType(new SizeLimits((ulong)Math.Max(1, (bytes + Store.PageBytes - 1) / Store.PageBytes), null)));
        module.Exports.Add(new Export("requests", ExternKind.Memory, 1));

        Instruction[] Listed(ulong offset) => [Instruction.LocalGet(listed), Instruction.Memory(Opcode.I32Load, offset, 2, memory: 1)];
        Instruction[] body = workload.Requests.IsEmpty ? [] :
        [
            Instruction.I32Const(0), Instruction.LocalSet(listed),
            Instruction.Block(Opcode.Loop, BlockType.Empty),
            .. Listed(4), Instruction.Call(alloc), Instruction.LocalTee(at),
            .. Listed(0), .. Listed(4), Instruction.Of(Opcode.MemoryCopy, 0, 1),
            Instruction.LocalGet(at), .. Listed(4), Instruction.Call(call), Instruction.I32Const(0), Instruction.Of(Opcode.I32GeS),
            Instruction.Block(Opcode.If, BlockType.Empty), Instruction.Call(answer), Instruction.Of(Opcode.Drop), Instruction.Of(Opcode.End),
            Instruction.LocalGet(at), Instruction.Call(release),
            Instruction.LocalGet(listed), Instruction.I32Const(8), Instruction.Of(Opcode.I32Add), Instruction.LocalTee(listed), Instruction.I32Const(listBytes), Instruction.Of(Opcode.I32LtU),
            Instruction.Of(Opcode.BrIf, 0),
            Instruction.Of(Opcode.End),
        ];
        var driver = Link(run.Store, module, [new LocalGroup(2, i32)], body, imports);
        Fill(driver.Memory("requests")!, workload.Requests, listBytes);
        return FunctionOf(driver);

        void Import(string name, FunctionType type)
        {
            module.Imports.Add(new Import("s", name, new FunctionExtern(module.IndexOfType(type))));
            imports.Add(run.Instance.TryGet(name, out var found) ? found : throw new RejectedException($"module does not export the function \"{name}\""));
        }
    }

    /// <summary>The driver of export calls, results dropped.</summary>
    public static StoreItem OfCalls(WorkloadRun run, WasmModule target, ImmutableArray<ExportCall> calls)
    {
        var module = new WasmModule();
        foreach (var group in target.TypeGroups)
        {
            module.TypeGroups.Add(group);
        }

        var imports = new List<Extern>();
        var numbers = new Dictionary<string, uint>(StringComparer.Ordinal);
        var body = new List<Instruction>();
        foreach (var (export, arguments) in calls)
        {
            var function = target.Exports.First(item => item.Name == export && item.Kind == ExternKind.Function).Index;
            var type = target.TypeOfFunction(function);
            if (arguments.Where((given, i) => type.Parameters[i].IsReference && given.Kind != WasmValueKind.NullRef).Any())
            {
                throw new RejectedException("calls with references of the host cannot be timed");
            }

            if (!numbers.TryGetValue(export, out var number))
            {
                number = (uint)numbers.Count;
                numbers.Add(export, number);
                module.Imports.Add(new Import("s", export, new FunctionExtern(target.AllFunctionTypes()[(int)function])));
                run.Instance.TryGet(export, out var found);
                imports.Add(found);
            }

            body.AddRange(arguments.Select((given, i) => Stubs.Constant(type.Parameters[i], given)));
            body.Add(Instruction.Call(number));
            body.AddRange(type.Results.Select(_ => Instruction.Of(Opcode.Drop)));
        }

        return FunctionOf(Link(run.Store, module, [], body, imports));
    }

    private static Instance Link(Store store, WasmModule module, ImmutableArray<LocalGroup> locals, IEnumerable<Instruction> body, List<Extern> imports)
    {
        ImmutableArray<Instruction> loop =
        [
            Instruction.Block(Opcode.Loop, BlockType.Empty), .. body,
            Instruction.LocalGet(Repeats), Instruction.I32Const(1), Instruction.Of(Opcode.I32Sub), Instruction.LocalTee(Repeats), Instruction.Of(Opcode.BrIf, 0),
            Instruction.Of(Opcode.End), Instruction.Of(Opcode.End),
        ];
        var go = module.AddFunction(module.IndexOfType(GoType), new FunctionBody(new FunctionCode(locals, loop)));
        module.Exports.Add(new Export(Go, ExternKind.Function, go));
        return store.Instantiate(store.Compile(ModuleWriter.Write(module)).Handle, imports.ToArray(), out _, out var problem)
            ?? throw new RejectedException($"the workload's exports have other types than expected: {problem}");
    }

    private static StoreItem FunctionOf(Instance driver)
    {
        driver.TryGetFunction(Go, out var go);
        return go;
    }

    private static void Fill(LinearMemory memory, ImmutableArray<ReadOnlyMemory<byte>> requests, int listBytes)
    {
        var target = memory.Bytes;
        var offset = listBytes;
        for (var i = 0; i < requests.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(target[(8 * i)..], offset);
            BinaryPrimitives.WriteInt32LittleEndian(target[((8 * i) + 4)..], requests[i].Length);
            requests[i].Span.CopyTo(target[offset..]);
            offset += requests[i].Length;
        }
    }
}

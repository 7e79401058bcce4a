using Mewe.Linking.Dispatch;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Tracing;

/// <summary>What all instrumented builds do alike: a memory of their own under a name that is not taken, and code before a function's first instruction.</summary>
internal static class TraceCode
{
    /// <summary>Appends a memory behind the module's own, so that no index moves, and exports it.</summary>
    /// <returns>Its index and the name of its export.</returns>
    public static (uint Memory, string Export) AddMemory(WasmModule module, ulong pages)
    {
        var memory = (uint)module.AllMemories().Length;
        module.Memories.Add(new MemoryType(new SizeLimits(pages, pages)));
        var export = ExportNames.Unused(module, "mewe_trace");
        module.Exports.Add(new Export(export, ExternKind.Memory, memory));
        return (memory, export);
    }

    /// <summary>Lets dispatchers call the bodies that stand in them, so that those record themselves like all others.</summary>
    public static void CallInlined(WasmModule module, MultivariantMap map)
    {
        foreach (var function in map.Functions.Where(function => function is { Original: not null, Dispatch.Form: DispatchForm.Inlined }))
        {
            var place = (int)(function.Index - (uint)module.ImportedFunctionCount);
            module.Bodies[place] = DispatcherCode.WithCalls(module.Bodies[place], module.TypeOfFunction(function.Index), [.. Enumerable.Range(0, function.ChoiceCount).Select(function.FunctionOf)]);
        }
    }

    /// <summary>The body with instructions before its first one. They must leave the stack as it was and use no locals.</summary>
    public static FunctionBody WithPrologue(FunctionBody body, params ReadOnlySpan<Instruction> prologue)
    {
        body.Decode(out var offsets);
        var start = (int)(offsets[0] - body.Offset);
        var edited = new BinaryEncoder(body.Content.Length + 16);
        edited.Bytes(body.Content.Span[..start]);
        foreach (ref readonly var instruction in prologue)
        {
            InstructionCodec.Write(edited, instruction);
        }

        edited.Bytes(body.Content.Span[start..]);
        return FunctionBody.FromContent(edited.ToArray());
    }
}

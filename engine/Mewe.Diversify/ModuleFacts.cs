using System.Collections.Immutable;
using System.Security.Cryptography;
using Mewe.Wasm;
using Mewe.Wasm.Validation;

namespace Mewe.Diversify;

/// <summary>
/// What transforms may know of the module around a function: index spaces, the features in use and the hash that random streams start from.
/// Made once per module; immutable, so that any number of threads may share it.
/// </summary>
public sealed class ModuleFacts
{
    private readonly bool[] features = new bool[Enum.GetValues<Feature>().Length];

    /// <param name="module">Valid, and not changed afterwards by the caller.</param>
    /// <exception cref="WasmException">A type that code may refer to is invalid.</exception>
    public ModuleFacts(WasmModule module)
        : this(module, SHA256.HashData(module.Source.Length > 0 ? module.Source.Span : Mewe.Wasm.Binary.ModuleWriter.Write(module)))
    {
    }

    private ModuleFacts(WasmModule module, byte[] hash)
    {
        Module = module;
        Context = ModuleContext.Create(module);
        Sha256 = [.. hash];
        Types = module.Types;
        FunctionTypes = [.. module.AllFunctionTypes().Select(index => index < Types.Length ? Types[(int)index].Type as FunctionType : null)];
        Globals = module.AllGlobals();
        Memories = module.AllMemories();
        HasSharedMemory = Memories.Any(memory => memory.Limits.Shared);
        Tables = module.AllTables();
        Tags = [.. module.AllTags().Select(tag => tag.TypeIndex < Types.Length ? Types[(int)tag.TypeIndex].Type as FunctionType : null)];
        ImportedFunctionCount = module.ImportedFunctionCount;
        features[(int)Feature.Mvp] = true;
        foreach (var body in module.Bodies)
        {
            NoteFeatures(body);
        }
    }

    public WasmModule Module { get; }

    /// <summary>What the validator needs to know of the module.</summary>
    public ModuleContext Context { get; }

    /// <summary>SHA-256 of the module's bytes.</summary>
    public ImmutableArray<byte> Sha256 { get; }

    public ImmutableArray<SubType> Types { get; }

    /// <summary>Type of every function, imports first; null where the type index is no function type.</summary>
    public ImmutableArray<FunctionType?> FunctionTypes { get; }

    public ImmutableArray<GlobalType> Globals { get; }

    public ImmutableArray<MemoryType> Memories { get; }

    /// <summary>True where other threads may see and change a memory: then no access is moved.</summary>
    public bool HasSharedMemory { get; }

    public ImmutableArray<TableType> Tables { get; }

    /// <summary>Type of every tag.</summary>
    public ImmutableArray<FunctionType?> Tags { get; }

    public int ImportedFunctionCount { get; }

    /// <summary>True where some body of the module has an instruction of that feature: only then may a variant use one.</summary>
    public bool Uses(Feature feature) => features[(int)feature];

    /// <summary>The function type at a type index, or null.</summary>
    public FunctionType? TypeAt(uint index) => index < Types.Length ? Types[(int)index].Type as FunctionType : null;

    /// <summary>i32 or i64, the type of addresses of a memory.</summary>
    public ValueType AddressType(uint memory) => memory < Memories.Length ? Memories[(int)memory].Limits.AddressType : ValueType.I32;

    private void NoteFeatures(FunctionBody body)
    {
        try
        {
            foreach (ref readonly var instruction in body.Decode().Instructions.AsSpan())
            {
                features[(int)instruction.Info.Feature] = true;
            }
        }
        catch (WasmException)
        {
            // A body that cannot be decoded uses no feature that anybody could rely on; the validator speaks of it.
        }
    }
}

using System.Collections.Immutable;

namespace Mewe.Wasm;

/// <summary>
/// A module as the binary format has it: the sections in their order, with custom sections where they stood. Entries are immutable; sections are
/// lists that may be changed, and a section that nobody changed is written back byte for byte. Function bodies stay undecoded until asked for.
/// Index spaces count imports first, as in the specification (2.5.1).
/// </summary>
public sealed class WasmModule
{
    private uint? start;
    private uint? dataCount;
    private FlatTypes? flatTypes;

    public Section<RecursionGroup> TypeGroups { get; } = [];

    public Section<Import> Imports { get; } = [];

    /// <summary>Type index of each defined function.</summary>
    public Section<uint> FunctionTypes { get; } = [];

    public Section<Table> Tables { get; } = [];

    public Section<MemoryType> Memories { get; } = [];

    public Section<TagType> Tags { get; } = [];

    public Section<Global> Globals { get; } = [];

    public Section<Export> Exports { get; } = [];

    public Section<ElementSegment> Elements { get; } = [];

    /// <summary>Body of each defined function.</summary>
    public Section<FunctionBody> Bodies { get; } = [];

    public Section<DataSegment> Data { get; } = [];

    /// <summary>Function index of the start function.</summary>
    public uint? Start
    {
        get => start;
        set => (start, StartTouched) = (value, true);
    }

    /// <summary>The data count section's number.</summary>
    public uint? DataCount
    {
        get => dataCount;
        set => (dataCount, DataCountTouched) = (value, true);
    }

    /// <summary>Every section in order. Custom sections live here; the others may be rewritten from the lists above.</summary>
    public List<SectionPlace> Layout { get; } = [];

    /// <summary>The bytes that were read; empty for a module that was built.</summary>
    public ReadOnlyMemory<byte> Source { get; internal set; }

    internal bool StartTouched { get; private set; }

    internal bool DataCountTouched { get; private set; }

    /// <summary>All types, recursion groups flattened: what type indices count.</summary>
    public ImmutableArray<SubType> Types
    {
        get
        {
            // One reference holds both, so that threads that read the module at the same time see them together.
            var known = flatTypes;
            if (known is null || known.Version != TypeGroups.Version)
            {
                flatTypes = known = new FlatTypes(TypeGroups.Version, [.. TypeGroups.SelectMany(group => group.Members)]);
            }

            return known.Types;
        }
    }

    public IEnumerable<CustomSection> CustomSections => Layout.Where(place => place.Custom is not null).Select(place => place.Custom!);

    public IEnumerable<T> ImportsOf<T>()
        where T : ExternType => Imports.Select(import => import.Type).OfType<T>();

    public int ImportedFunctionCount => ImportsOf<FunctionExtern>().Count();

    public int FunctionCount => ImportedFunctionCount + FunctionTypes.Count;

    /// <summary>Type index of every function, imports first.</summary>
    public ImmutableArray<uint> AllFunctionTypes() => [.. ImportsOf<FunctionExtern>().Select(function => function.TypeIndex), .. FunctionTypes];

    public ImmutableArray<TableType> AllTables() => [.. ImportsOf<TableType>(), .. Tables.Select(table => table.Type)];

    public ImmutableArray<MemoryType> AllMemories() => [.. ImportsOf<MemoryType>(), .. Memories];

    public ImmutableArray<GlobalType> AllGlobals() => [.. ImportsOf<GlobalType>(), .. Globals.Select(global => global.Type)];

    public ImmutableArray<TagType> AllTags() => [.. ImportsOf<TagType>(), .. Tags];

    /// <summary>The function type at a type index.</summary>
    /// <exception cref="WasmException">Invalid: no such type, or not a function type.</exception>
    public FunctionType FunctionTypeAt(uint typeIndex) => typeIndex < Types.Length && Types[(int)typeIndex].Type is FunctionType type
        ? type
        : throw new WasmException(WasmErrorKind.Invalid, 0, $"type {typeIndex} is not a function type");

    /// <summary>The type of a function by its index in the function index space.</summary>
    public FunctionType TypeOfFunction(uint function)
    {
        var imported = ImportedFunctionCount;
        return function < imported
            ? FunctionTypeAt(ImportsOf<FunctionExtern>().ElementAt((int)function).TypeIndex)
            : FunctionTypeAt(FunctionTypes[(int)function - imported]);
    }

    /// <summary>The index of a plain function type that equals <paramref name="type"/>, appended where there is none.</summary>
    public uint IndexOfType(FunctionType type)
    {
        uint index = 0;
        foreach (var group in TypeGroups)
        {
            if (group.Members.Length == 1 && group.Members[0].IsPlain && type.Equals(group.Members[0].Type))
            {
                return index;
            }

            index += (uint)group.Members.Length;
        }

        TypeGroups.Add(RecursionGroup.Single(type));
        return index;
    }

    /// <summary>Appends a defined function and gives its index in the function index space.</summary>
    public uint AddFunction(uint typeIndex, FunctionBody body)
    {
        FunctionTypes.Add(typeIndex);
        Bodies.Add(body);
        return (uint)(FunctionCount - 1);
    }

    /// <summary>A copy whose sections can be changed without changing this one; the immutable entries are shared.</summary>
    public WasmModule Clone()
    {
        var copy = new WasmModule { start = start, dataCount = dataCount, Source = Source, StartTouched = StartTouched, DataCountTouched = DataCountTouched };
        copy.TypeGroups.CopyFrom(TypeGroups);
        copy.Imports.CopyFrom(Imports);
        copy.FunctionTypes.CopyFrom(FunctionTypes);
        copy.Tables.CopyFrom(Tables);
        copy.Memories.CopyFrom(Memories);
        copy.Tags.CopyFrom(Tags);
        copy.Globals.CopyFrom(Globals);
        copy.Exports.CopyFrom(Exports);
        copy.Elements.CopyFrom(Elements);
        copy.Bodies.CopyFrom(Bodies);
        copy.Data.CopyFrom(Data);
        copy.Layout.AddRange(Layout);
        return copy;
    }

    /// <summary>Replaces the custom section of that name, or appends it at the end; null removes it.</summary>
    public void SetCustom(string name, ReadOnlyMemory<byte>? bytes)
    {
        var at = Layout.FindIndex(place => place.Custom?.Name == name);
        if (bytes is not { } content)
        {
            if (at >= 0)
            {
                Layout.RemoveAt(at);
            }

            return;
        }

        var place = new SectionPlace(SectionId.Custom, default, 0) { Custom = new CustomSection(name, content) };
        if (at >= 0)
        {
            Layout[at] = place;
        }
        else
        {
            Layout.Add(place);
        }
    }

    internal void Untouch(uint? startFunction, uint? count)
    {
        (start, dataCount) = (startFunction, count);
        TypeGroups.Touched = Imports.Touched = FunctionTypes.Touched = Tables.Touched = Memories.Touched = Tags.Touched = Globals.Touched
            = Exports.Touched = Elements.Touched = Bodies.Touched = Data.Touched = StartTouched = DataCountTouched = false;
    }

    private sealed record FlatTypes(int Version, ImmutableArray<SubType> Types);
}

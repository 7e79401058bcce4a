using System.Collections.Immutable;

namespace Mewe.Wasm.Validation;

/// <summary>
/// What instructions may refer to: the index spaces of a module resolved once (specification, 3.1.1). Immutable, and safe to share between threads.
/// It says nothing about code: it can be made for a module whose bodies have never been decoded. It does not follow later changes of the module.
/// </summary>
public sealed class ModuleContext
{
    private readonly TypeSpace space;
    private readonly FunctionType?[] functionTypesByIndex;
    private readonly ImmutableArray<uint> typeIndices;
    private readonly FunctionType[] functionTypes;
    private readonly FunctionType[] tagTypes;
    private readonly HashSet<uint> declared;

    private ModuleContext(WasmModule module)
    {
        space = TypeSpace.Create(module, OffsetOf(module, SectionId.Type));
        functionTypesByIndex = [.. space.Types.Select(type => type.Type as FunctionType)];
        ImportedFunctionCount = module.ImportedFunctionCount;
        typeIndices = module.AllFunctionTypes();
        functionTypes = new FunctionType[typeIndices.Length];
        for (var i = 0; i < functionTypes.Length; i++)
        {
            var section = i < ImportedFunctionCount ? SectionId.Import : SectionId.Function;
            functionTypes[i] = Resolve(typeIndices[i]) ?? throw Unknown(module, section, $"unknown type {typeIndices[i]} of function {i}");
        }

        Tags = module.AllTags();
        tagTypes = new FunctionType[Tags.Length];
        for (var i = 0; i < tagTypes.Length; i++)
        {
            var section = i < Tags.Length - module.Tags.Count ? SectionId.Import : SectionId.Tag;
            tagTypes[i] = Resolve(Tags[i].TypeIndex) ?? throw Unknown(module, section, $"unknown type {Tags[i].TypeIndex} of tag {i}");
        }

        Tables = module.AllTables();
        Memories = module.AllMemories();
        Globals = module.AllGlobals();
        ElementTypes = [.. module.Elements.Select(element => element.Type)];
        DataCount = module.DataCount;
        declared = Declared(module);
    }

    /// <summary>The context of a module, or the first error in its type section or in the types of its functions and tags.</summary>
    /// <exception cref="WasmException">Invalid or beyond a limit; the offset is the section's.</exception>
    public static ModuleContext Create(WasmModule module) => new(module);

    /// <summary>All types, recursion groups flattened.</summary>
    public ImmutableArray<SubType> Types => space.Types;

    public int ImportedFunctionCount { get; }

    public int FunctionCount => functionTypes.Length;

    public ImmutableArray<TableType> Tables { get; }

    public ImmutableArray<MemoryType> Memories { get; }

    public ImmutableArray<GlobalType> Globals { get; }

    public ImmutableArray<TagType> Tags { get; }

    /// <summary>The reference type of each element segment.</summary>
    public ImmutableArray<ValueType> ElementTypes { get; }

    /// <summary>What the data count section announces; null without one, and then code may not name data segments.</summary>
    public uint? DataCount { get; }

    /// <summary>The type of a function, imports counted first.</summary>
    public FunctionType TypeOfFunction(uint function) => functionTypes[(int)function];

    /// <summary>The type index of a function, imports counted first.</summary>
    public uint TypeIndexOfFunction(uint function) => typeIndices[(int)function];

    public FunctionType TypeOfTag(uint tag) => tagTypes[(int)tag];

    /// <summary>The function type at a type index; null where there is none or it is no function type.</summary>
    public FunctionType? Resolve(uint typeIndex) => typeIndex < (uint)functionTypesByIndex.Length ? functionTypesByIndex[typeIndex] : null;

    /// <summary>True where ref.func may name the function in code: it occurs in the module outside of bodies and start.</summary>
    public bool IsDeclared(uint function) => declared.Contains(function);

    /// <summary>A number that two type indices share exactly when they mean the same type.</summary>
    public int CanonicalType(uint typeIndex) => space.Canonical(typeIndex);

    /// <summary>True where a value of <paramref name="type"/> may stand for one of <paramref name="super"/> (specification, 3.3).</summary>
    public bool IsSubtype(ValueType type, ValueType super) => space.IsSubtype(type, super);

    public bool IsSubtype(HeapType type, HeapType super) => space.IsSubtype(type, super);

    public bool IsSubtype(ReadOnlySpan<ValueType> types, ReadOnlySpan<ValueType> supers) => space.IsSubtype(types, supers);

    /// <summary>The top of the hierarchy that a heap type belongs to: any, func, extern or exn.</summary>
    public HeapType TopOf(HeapType heap) => space.TopOf(heap);

    /// <summary>True for a type that a value can have here: no packed type, and no type index that does not exist.</summary>
    public bool IsValid(ValueType type) => type.IsReference ? IsValid(type.Heap) : !type.IsPacked && type != ValueType.Bottom;

    public bool IsValid(HeapType heap) => heap.IsIndex ? heap.TypeIndex < (uint)Types.Length : heap.IsDefined;

    /// <summary>Where a section starts in the module that was read; zero where it has none.</summary>
    internal static long OffsetOf(WasmModule module, SectionId section) => module.Layout.Find(place => place.Id == section)?.Offset ?? 0;

    private static WasmException Unknown(WasmModule module, SectionId section, string message) =>
        new(WasmErrorKind.Invalid, OffsetOf(module, section), message);

    private static HashSet<uint> Declared(WasmModule module)
    {
        var functions = new HashSet<uint>(module.Exports.Where(export => export.Kind == ExternKind.Function).Select(export => export.Index));
        foreach (var element in module.Elements)
        {
            if (element.Expressions.IsDefault)
            {
                functions.UnionWith(element.Functions);
            }
            else
            {
                foreach (var expression in element.Expressions)
                {
                    Collect(expression);
                }
            }

            Collect(element.Offset);
        }

        foreach (var global in module.Globals)
        {
            Collect(global.Initializer);
        }

        foreach (var table in module.Tables)
        {
            Collect(table.Initializer);
        }

        foreach (var data in module.Data)
        {
            Collect(data.Offset);
        }

        return functions;

        void Collect(ConstantExpression? expression)
        {
            if (expression is not null)
            {
                foreach (var instruction in expression.Code)
                {
                    if (instruction.Opcode == Opcode.RefFunc)
                    {
                        functions.Add(instruction.Index);
                    }
                }
            }
        }
    }
}

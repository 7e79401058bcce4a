using System.Globalization;
using Mewe.Execution;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Equivalence.Testing;

/// <summary>The module that is being built: functions are declared first and defined later, so that they may call each other in any order.</summary>
internal sealed class HarnessModule
{
    private readonly WasmModule module = new();
    private readonly List<FunctionBody?> functions = [];
    private readonly List<FunctionType> functionTypes = [];
    private readonly Dictionary<FunctionType, uint> types = [];
    private readonly Dictionary<uint, uint> dummies = [];
    private readonly int importedFunctions, importedGlobals;

    /// <summary>Starts with all types of the module under test, at their indices.</summary>
    public HarnessModule(WasmModule original)
    {
        uint index = 0;
        foreach (var group in original.TypeGroups)
        {
            module.TypeGroups.Add(group);
            if (group.Members is [{ IsPlain: true, Type: FunctionType type }])
            {
                types.TryAdd(type, index);
            }

            index += (uint)group.Members.Length;
        }
    }

    /// <summary>Starts with all that a library declares, imported: types, functions, globals and memories have the same indices in both.</summary>
    public HarnessModule(HarnessModule library)
    {
        foreach (var group in library.module.TypeGroups)
        {
            module.TypeGroups.Add(group);
        }

        types = new(library.types);
        functionTypes.AddRange(library.functionTypes);
        functions.AddRange(Enumerable.Repeat<FunctionBody?>(null, library.functions.Count));
        importedFunctions = functions.Count;
        importedGlobals = library.module.Globals.Count;
        foreach (var export in library.module.Exports)
        {
            module.Imports.Add(new Import(SweepLibrary.ImportName, export.Name, export.Kind switch
            {
                ExternKind.Function => new FunctionExtern(library.module.FunctionTypes[(int)export.Index]),
                ExternKind.Global => library.module.Globals[(int)export.Index].Type,
                _ => library.module.Memories[(int)export.Index],
            }));
        }
    }

    public uint TypeIndex(FunctionType type)
    {
        if (!types.TryGetValue(type, out var index))
        {
            index = (uint)module.Types.Length;
            module.TypeGroups.Add(RecursionGroup.Single(type));
            types.Add(type, index);
        }

        return index;
    }

    public uint Declare(FunctionType type) => Declare(TypeIndex(type), type);

    public uint Declare(uint typeIndex, FunctionType type)
    {
        module.FunctionTypes.Add(typeIndex);
        functions.Add(null);
        functionTypes.Add(type);
        return (uint)functions.Count - 1;
    }

    public FunctionType TypeOf(uint function) => functionTypes[(int)function];

    /// <summary>A builder for the function's code.</summary>
    public CodeBuilder Code(uint function) => new(TypeOf(function));

    public void Define(uint function, FunctionBody body) => functions[(int)function] = body;

    public void Define(uint function, CodeBuilder code) => Define(function, new FunctionBody(code.Build()));

    public void Export(string name, uint function) => module.Exports.Add(new Export(name, ExternKind.Function, function));

    public void ExportMemory(string name, uint memory) => module.Exports.Add(new Export(name, ExternKind.Memory, memory));

    public void AddMemory(SizeLimits limits) => module.Memories.Add(new MemoryType(limits));

    /// <summary>Has a function run when the module is instantiated.</summary>
    public void Start(uint function) => module.Start = function;

    public uint AddGlobal(ValueType type, Instruction initial)
    {
        module.Globals.Add(new Global(new GlobalType(type, true), ConstantExpression.Of(initial)));
        return (uint)(importedGlobals + module.Globals.Count - 1);
    }

    /// <summary>A passive segment.</summary>
    public uint AddData(ReadOnlyMemory<byte> bytes)
    {
        module.Data.Add(new DataSegment(1, SegmentMode.Passive, 0, null, bytes));
        return (uint)module.Data.Count - 1;
    }

    /// <summary>A function of that type that may be referred to by ref.func and is never run.</summary>
    public uint Dummy(uint typeIndex, FunctionType type)
    {
        if (!dummies.TryGetValue(typeIndex, out var function))
        {
            function = Declare(typeIndex, type);
            Define(function, Code(function).Op(Opcode.Unreachable));
            dummies.Add(typeIndex, function);
            module.Elements.Add(new ElementSegment(3, SegmentMode.Declarative, 0, null, ValueType.FuncRef, [function], default));
        }

        return function;
    }

    /// <summary>An active segment.</summary>
    public void AddData(uint memory, int address, ReadOnlyMemory<byte> bytes) =>
        module.Data.Add(new DataSegment(2, SegmentMode.Active, memory, ConstantExpression.Of(Instruction.I32Const(address)), bytes));

    /// <summary>Exports everything, for modules that extend this one.</summary>
    public void ExportAll()
    {
        Add("f", ExternKind.Function, functions.Count);
        Add("g", ExternKind.Global, module.Globals.Count);
        Add("m", ExternKind.Memory, module.Memories.Count);

        void Add(string letter, ExternKind kind, int count)
        {
            for (var i = 0; i < count; i++)
            {
                module.Exports.Add(new Export(letter + i.ToString(CultureInfo.InvariantCulture), kind, (uint)i));
            }
        }
    }

    /// <summary>Has short straight functions take the place of calls to them.</summary>
    public void InlineLeaves()
    {
        var leaves = new (FunctionType Type, FunctionCode Code)?[functions.Count];
        for (var f = importedFunctions; f < functions.Count; f++)
        {
            var code = functions[f]!.Decode();
            leaves[f] = LeafInlining.IsLeaf(functionTypes[f], code) ? (functionTypes[f], code) : null;
        }

        for (var f = importedFunctions; f < functions.Count; f++)
        {
            functions[f] = new FunctionBody(LeafInlining.Inline(functionTypes[f], functions[f]!.Decode(), callee => leaves[callee]));
        }
    }

    /// <summary>The module. To be called once.</summary>
    public byte[] Write()
    {
        foreach (var body in functions.Skip(importedFunctions))
        {
            module.Bodies.Add(body!);
        }

        module.DataCount = (uint)module.Data.Count;
        return ModuleWriter.Write(module);
    }
}

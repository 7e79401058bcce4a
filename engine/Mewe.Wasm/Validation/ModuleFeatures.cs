using System.Collections.Immutable;

namespace Mewe.Wasm.Validation;

/// <summary>Finds out which proposals a module needs.</summary>
public static class ModuleFeatures
{
    /// <summary>The features of a module in the order of <see cref="Feature"/>, without <see cref="Feature.Mvp"/>. All bodies are decoded.</summary>
    /// <exception cref="WasmException">A body is malformed.</exception>
    public static ImmutableArray<Feature> Of(WasmModule module)
    {
        var found = new HashSet<Feature>();
        Types(module, found);
        Externs(module, found);
        Segments(module, found);
        var code = new CodeFeatures(found);
        var openers = new Stack<Opcode>();
        foreach (var body in module.Bodies)
        {
            var decoder = body.Decoder();
            foreach (var group in body.DecodeLocals(ref decoder))
            {
                Value(group.Type, found);
            }

            FunctionBody.DecodeInstructions(ref decoder, ref code, openers);
        }

        if ((code.Throws || module.AllTags().Length > 0) && !found.Contains(Feature.LegacyExceptions))
        {
            found.Add(Feature.Exceptions);
        }

        found.Remove(Feature.Mvp);
        return [.. found.Order()];
    }

    private struct CodeFeatures(HashSet<Feature> found) : IInstructionSink
    {
        /// <summary>throw belongs to both exception proposals, and to the legacy one where nothing newer is used.</summary>
        public bool Throws { get; private set; }

        public void Add(in Instruction instruction, long offset)
        {
            if (instruction.Opcode == Opcode.Throw)
            {
                Throws = true;
            }
            else
            {
                Code(instruction, found);
            }
        }
    }

    private static void Types(WasmModule module, HashSet<Feature> found)
    {
        foreach (var group in module.TypeGroups)
        {
            if (group.Explicit || group.Members.Length != 1)
            {
                found.Add(Feature.Gc);
            }

            foreach (var member in group.Members)
            {
                if (!member.IsPlain || member.Type is not FunctionType)
                {
                    found.Add(Feature.Gc);
                }

                Composite(member.Type, found);
            }
        }
    }

    private static void Composite(CompositeType type, HashSet<Feature> found)
    {
        switch (type)
        {
            case FunctionType function:
                if (function.Results.Length > 1)
                {
                    found.Add(Feature.MultiValue);
                }

                foreach (var value in function.Parameters)
                {
                    Value(value, found);
                }

                foreach (var value in function.Results)
                {
                    Value(value, found);
                }

                break;
            case StructType structure:
                foreach (var field in structure.Fields)
                {
                    Value(field.Storage, found);
                }

                break;
            case ArrayType array:
                Value(array.Element.Storage, found);
                break;
        }
    }

    private static void Value(ValueType type, HashSet<Feature> found)
    {
        if (type == ValueType.V128)
        {
            found.Add(Feature.Simd);
        }
        else if (type.IsReference)
        {
            found.Add(Feature.ReferenceTypes);
            if (!type.IsNullable || type.Heap.IsIndex)
            {
                found.Add(Feature.FunctionReferences);
            }

            Heap(type.Heap, found);
        }
    }

    private static void Heap(HeapType heap, HashSet<Feature> found)
    {
        if (heap == HeapType.Exn || heap == HeapType.NoExn)
        {
            found.Add(Feature.Exceptions);
        }
        else if (heap.IsIndex)
        {
            found.Add(Feature.FunctionReferences);
        }
        else if (heap != HeapType.Func && heap != HeapType.Extern)
        {
            found.Add(Feature.Gc);
        }
    }

    private static void Externs(WasmModule module, HashSet<Feature> found)
    {
        var tables = module.AllTables();
        var memories = module.AllMemories();
        var globals = module.AllGlobals();
        foreach (var table in tables)
        {
            // A table of funcref is as old as WebAssembly.
            if (table.Element != ValueType.FuncRef)
            {
                Value(table.Element, found);
            }

            Limits(table.Limits, found);
        }

        foreach (var memory in memories)
        {
            Limits(memory.Limits, found);
        }

        foreach (var global in globals)
        {
            Value(global.Value, found);
        }

        if (tables.Length > 1)
        {
            found.Add(Feature.ReferenceTypes);
        }

        if (memories.Length > 1)
        {
            found.Add(Feature.MultiMemory);
        }

        if (module.Tables.Any(table => table.Initializer is not null))
        {
            found.Add(Feature.FunctionReferences);
        }

        var exportsMutable = module.Exports.Any(export => export.Kind == ExternKind.Global && export.Index < globals.Length && globals[(int)export.Index].Mutable);
        if (exportsMutable || module.ImportsOf<GlobalType>().Any(global => global.Mutable))
        {
            found.Add(Feature.MutableGlobals);
        }
    }

    private static void Limits(SizeLimits limits, HashSet<Feature> found)
    {
        if (limits.Is64)
        {
            found.Add(Feature.Memory64);
        }

        if (limits.Shared)
        {
            found.Add(Feature.Threads);
        }
    }

    private static void Segments(WasmModule module, HashSet<Feature> found)
    {
        if (module.DataCount is not null || module.Data.Any(data => data.Mode != SegmentMode.Active)
            || module.Elements.Any(element => element.Mode == SegmentMode.Passive))
        {
            found.Add(Feature.BulkMemory);
        }

        if (module.Elements.Any(element => !element.Expressions.IsDefault || element.Table != 0 || element.Mode == SegmentMode.Declarative))
        {
            found.Add(Feature.ReferenceTypes);
        }

        foreach (var constant in Constants(module))
        {
            if (constant.Code.Any(instruction => instruction.Opcode is Opcode.I32Add or Opcode.I32Sub or Opcode.I32Mul or Opcode.I64Add or Opcode.I64Sub or Opcode.I64Mul))
            {
                found.Add(Feature.ExtendedConst);
            }

            foreach (var instruction in constant.Code)
            {
                Code(instruction, found);
            }
        }
    }

    private static IEnumerable<ConstantExpression> Constants(WasmModule module)
    {
        var constants = module.Globals.Select(global => global.Initializer)
            .Concat(module.Elements.Where(element => !element.Expressions.IsDefault).SelectMany(element => element.Expressions));
        ConstantExpression?[] optional = [.. module.Tables.Select(table => table.Initializer), .. module.Elements.Select(element => element.Offset), .. module.Data.Select(data => data.Offset)];
        return constants.Concat(optional.OfType<ConstantExpression>());
    }

    private static void Code(in Instruction instruction, HashSet<Feature> found)
    {
        var info = instruction.Info;
        if (info.Feature != Feature.Mvp)
        {
            found.Add(info.Feature);
        }

        switch (info.Immediate)
        {
            case ImmediateKind.BlockType or ImmediateKind.TryTable when instruction.BlockType is var block:
                if (block.IsIndex)
                {
                    found.Add(Feature.MultiValue);
                }
                else if (block.Result is { } result)
                {
                    Value(result, found);
                }

                break;
            case ImmediateKind.Memory or ImmediateKind.MemoryLane or ImmediateKind.MemoryIndex when instruction.Index != 0:
                found.Add(Feature.MultiMemory);
                break;
            case ImmediateKind.MemoryMemory when (instruction.Index | instruction.Index2) != 0:
                found.Add(Feature.MultiMemory);
                break;
            case ImmediateKind.DataMemory when instruction.Index2 != 0:
                found.Add(Feature.MultiMemory);
                break;
            case ImmediateKind.TypeTable when instruction.Index2 != 0:
                found.Add(Feature.ReferenceTypes);
                break;
            case ImmediateKind.HeapType:
                Heap(((HeapTypePayload)instruction.Payload!).Heap, found);
                break;
        }
    }
}

namespace Mewe.Wasm.Validation;

/// <summary>Validates whole modules (specification, 3.5).</summary>
public static class ModuleValidator
{
    private const ulong MaxPages32 = 1UL << 16, MaxPages64 = 1UL << 48;

    /// <summary>
    /// The first error of a module, or null for a valid one. Its offset is that of the instruction where it is in a body, else that of the section. A
    /// body that cannot be decoded makes the module malformed, and comes before all that is merely invalid.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static WasmError? Validate(WasmModule module, CancellationToken cancellation)
    {
        try
        {
            var context = ModuleContext.Create(module);
            new Sections(module, context).Check();
            CheckBodies(module, context, cancellation);
            return null;
        }
        catch (WasmException exception)
        {
            return exception.Error.Kind == WasmErrorKind.Invalid ? FirstMalformed(module, cancellation) ?? exception.Error : exception.Error;
        }
    }

    private static void CheckBodies(WasmModule module, ModuleContext context, CancellationToken cancellation)
    {
        if (module.Bodies.Count != module.FunctionTypes.Count)
        {
            throw new WasmException(WasmErrorKind.Malformed, 0, "function and code section have inconsistent lengths");
        }

        var checker = BodyChecker.Rent();
        try
        {
            for (var i = 0; i < module.Bodies.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                var function = context.ImportedFunctionCount + i;
                try
                {
                    checker.CheckFunction(context, context.TypeOfFunction((uint)function), module.Bodies[i], cancellation);
                }
                catch (WasmException exception)
                {
                    throw new WasmException(exception.Error with { Message = $"{exception.Error.Message}, in function {function}" });
                }
            }
        }
        finally
        {
            checker.Return();
        }
    }

    private static WasmError? FirstMalformed(WasmModule module, CancellationToken cancellation)
    {
        var decoding = new DecodingOnly(module.DataCount is not null);
        var openers = new Stack<Opcode>();
        try
        {
            foreach (var body in module.Bodies)
            {
                cancellation.ThrowIfCancellationRequested();
                var decoder = body.Decoder();
                body.DecodeLocals(ref decoder);
                FunctionBody.DecodeInstructions(ref decoder, ref decoding, openers);
            }

            return null;
        }
        catch (WasmException exception)
        {
            return exception.Error;
        }
    }

    /// <summary>Throws for what makes code malformed beyond its encoding: naming data segments without announcing their count.</summary>
    private readonly struct DecodingOnly(bool countsData) : IInstructionSink
    {
        public void Add(in Instruction instruction, long offset)
        {
            if (!countsData && instruction.Info.Immediate is ImmediateKind.Data or ImmediateKind.DataMemory or ImmediateKind.TypeData)
            {
                throw new WasmException(WasmErrorKind.Malformed, offset, "data count section required");
            }
        }
    }

    /// <summary>Everything outside of function bodies.</summary>
    private sealed class Sections(WasmModule module, ModuleContext context)
    {
        private SectionId section;

        public void Check()
        {
            section = SectionId.Import;
            foreach (var import in module.Imports)
            {
                CheckType(import.Type);
            }

            var importedGlobals = context.Globals.Length - module.Globals.Count;
            section = SectionId.Table;
            foreach (var table in module.Tables)
            {
                CheckTable(table, importedGlobals);
            }

            section = SectionId.Memory;
            foreach (var memory in module.Memories)
            {
                CheckType(memory);
            }

            section = SectionId.Tag;
            foreach (var tag in module.Tags)
            {
                CheckType(tag);
            }

            section = SectionId.Global;
            for (var i = 0; i < module.Globals.Count; i++)
            {
                CheckType(module.Globals[i].Type);
                CheckConstant(module.Globals[i].Initializer, module.Globals[i].Type.Value, importedGlobals + i);
            }

            CheckExports();
            CheckStart();
            section = SectionId.Element;
            foreach (var element in module.Elements)
            {
                CheckElement(element);
            }

            section = SectionId.Data;
            foreach (var data in module.Data)
            {
                if (data.Mode == SegmentMode.Active)
                {
                    var memory = data.Memory < (uint)context.Memories.Length ? context.Memories[(int)data.Memory] : throw Invalid($"unknown memory {data.Memory}");
                    CheckConstant(data.Offset!, memory.Limits.AddressType, context.Globals.Length);
                }
            }
        }

        private WasmException Invalid(string message) => new(WasmErrorKind.Invalid, ModuleContext.OffsetOf(module, section), message);

        private void CheckType(ExternType type)
        {
            switch (type)
            {
                case TableType table:
                    CheckValueType(table.Element);
                    CheckLimits(table.Limits, table.Limits.Is64 ? ulong.MaxValue : uint.MaxValue, "table size");
                    break;
                case MemoryType memory:
                    CheckLimits(memory.Limits, memory.Limits.Is64 ? MaxPages64 : MaxPages32, "memory size");
                    if (memory.Limits is { Shared: true, Maximum: null })
                    {
                        throw Invalid("shared memory must have maximum");
                    }

                    break;
                case GlobalType global:
                    CheckValueType(global.Value);
                    break;
                case TagType tag when !context.Resolve(tag.TypeIndex)!.Results.IsEmpty:
                    throw Invalid("non-empty tag result type");
            }
        }

        private void CheckValueType(ValueType type)
        {
            if (!context.IsValid(type))
            {
                throw Invalid($"unknown type {type}");
            }
        }

        private void CheckLimits(SizeLimits limits, ulong most, string what)
        {
            if (limits.Minimum > most || limits.Maximum > most)
            {
                throw Invalid($"{what} must be at most {most}");
            }

            if (limits.Maximum < limits.Minimum)
            {
                throw Invalid("size minimum must not be greater than maximum");
            }
        }

        private void CheckTable(Table table, int globals)
        {
            CheckType(table.Type);
            if (table.Initializer is not null)
            {
                CheckConstant(table.Initializer, table.Type.Element, globals);
            }
            else if (!table.Type.Element.IsDefaultable)
            {
                throw Invalid($"type mismatch: a table of {table.Type.Element} has no initializer");
            }
        }

        private void CheckConstant(ConstantExpression expression, ValueType type, int globals)
        {
            var checker = BodyChecker.Rent();
            try
            {
                checker.CheckConstant(context, type, globals, expression.Code.AsSpan());
            }
            catch (WasmException exception)
            {
                throw new WasmException(exception.Error.Kind, ModuleContext.OffsetOf(module, section), exception.Error.Message);
            }
            finally
            {
                checker.Return();
            }
        }

        private void CheckExports()
        {
            section = SectionId.Export;
            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (var export in module.Exports)
            {
                var (count, what) = export.Kind switch
                {
                    ExternKind.Function => (context.FunctionCount, "function"),
                    ExternKind.Table => (context.Tables.Length, "table"),
                    ExternKind.Memory => (context.Memories.Length, "memory"),
                    ExternKind.Global => (context.Globals.Length, "global"),
                    _ => (context.Tags.Length, "tag"),
                };
                if (export.Index >= (uint)count)
                {
                    throw Invalid($"unknown {what} {export.Index}");
                }

                if (!names.Add(export.Name))
                {
                    throw Invalid($"duplicate export name \"{export.Name}\"");
                }
            }
        }

        private void CheckStart()
        {
            section = SectionId.Start;
            if (module.Start is not { } start)
            {
                return;
            }

            if (start >= (uint)context.FunctionCount)
            {
                throw Invalid($"unknown function {start}");
            }

            if (context.TypeOfFunction(start) is not { Parameters.IsEmpty: true, Results.IsEmpty: true })
            {
                throw Invalid("start function: it must take and give nothing");
            }
        }

        private void CheckElement(ElementSegment element)
        {
            CheckValueType(element.Type);
            if (element.Expressions.IsDefault)
            {
                foreach (var function in element.Functions)
                {
                    if (function >= (uint)context.FunctionCount)
                    {
                        throw Invalid($"unknown function {function}");
                    }
                }
            }
            else
            {
                foreach (var expression in element.Expressions)
                {
                    CheckConstant(expression, element.Type, context.Globals.Length);
                }
            }

            if (element.Mode != SegmentMode.Active)
            {
                return;
            }

            var table = element.Table < (uint)context.Tables.Length ? context.Tables[(int)element.Table] : throw Invalid($"unknown table {element.Table}");
            if (!context.IsSubtype(element.Type, table.Element))
            {
                throw Invalid($"type mismatch: elements of {element.Type} for a table of {table.Element}");
            }

            CheckConstant(element.Offset!, table.Limits.AddressType, context.Globals.Length);
        }
    }
}

namespace Mewe.Wasm.Binary;

/// <summary>
/// Reads the binary format (specification, chapter 5). Sections are parsed; function bodies are only delimited, so that what nobody looks at costs
/// nothing and is written back as it was. Bodies are checked by <see cref="FunctionBody.Decode()"/> and by the validator.
/// </summary>
public static class ModuleReader
{
    /// <summary>Reads a module, or says why not.</summary>
    /// <param name="error">Null exactly when a module is returned.</param>
    public static WasmModule? TryRead(ReadOnlyMemory<byte> bytes, out WasmError? error)
    {
        try
        {
            error = null;
            return Read(bytes);
        }
        catch (WasmException exception)
        {
            error = exception.Error;
            return null;
        }
    }

    /// <exception cref="WasmException">Malformed, unsupported or beyond a limit.</exception>
    public static WasmModule Read(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length > Limits.MaxModuleBytes)
        {
            throw new WasmException(WasmErrorKind.LimitExceeded, 0, $"a module of {bytes.Length} bytes, the limit is {Limits.MaxModuleBytes}");
        }

        var decoder = new BinaryDecoder(bytes.Span);
        ReadHeader(ref decoder);
        var module = new WasmModule { Source = bytes };
        uint? start = null, dataCount = null;
        var last = 0;
        while (!decoder.AtEnd)
        {
            var sectionStart = decoder.Position;
            var at = decoder.Offset;
            var id = decoder.Byte();
            var size = decoder.U32();
            if (size > decoder.Remaining)
            {
                throw new WasmException(WasmErrorKind.Malformed, at, $"length out of bounds: section {id} announces {size} bytes, {decoder.Remaining} left");
            }

            var payloadStart = decoder.Position;
            var section = new BinaryDecoder(decoder.Bytes(size), payloadStart);
            var raw = bytes[sectionStart..decoder.Position];
            var place = new SectionPlace((SectionId)id, raw, at) { PayloadStart = payloadStart - sectionStart };
            if (id == 0)
            {
                var name = section.Name();
                place = place with { Custom = new CustomSection(name, bytes[(payloadStart + section.Position)..decoder.Position]) };
                if (module.Layout.Count > Limits.MaxCustomSections)
                {
                    throw new WasmException(WasmErrorKind.LimitExceeded, at, $"more than {Limits.MaxCustomSections} custom sections");
                }
            }
            else
            {
                var order = id <= (byte)SectionId.Tag ? Order((SectionId)id) : throw new WasmException(WasmErrorKind.Malformed, at, $"malformed section id {id}");
                if (order <= last)
                {
                    throw new WasmException(WasmErrorKind.Malformed, at, $"unexpected content after last section: section {(SectionId)id} is out of order or doubled");
                }

                last = order;
                ReadSection(module, (SectionId)id, ref section, bytes.Slice(payloadStart, (int)size), payloadStart, ref start, ref dataCount);
                if (!section.AtEnd)
                {
                    throw section.Malformed($"section size mismatch: {section.Remaining} bytes left over in section {(SectionId)id}");
                }
            }

            module.Layout.Add(place);
        }

        if (module.FunctionTypes.Count != module.Bodies.Count)
        {
            throw decoder.Malformed($"function and code section have inconsistent lengths ({module.FunctionTypes.Count} and {module.Bodies.Count})");
        }

        if (dataCount is { } announced && announced != module.Data.Count)
        {
            throw decoder.Malformed($"data count and data section have inconsistent lengths ({announced} and {module.Data.Count})");
        }

        module.Untouch(start, dataCount);
        return module;
    }

    /// <summary>The place of a section in the prescribed order, from 1.</summary>
    internal static int Order(SectionId id) => id switch
    {
        SectionId.Type => 1, SectionId.Import => 2, SectionId.Function => 3, SectionId.Table => 4, SectionId.Memory => 5, SectionId.Tag => 6,
        SectionId.Global => 7, SectionId.Export => 8, SectionId.Start => 9, SectionId.Element => 10, SectionId.DataCount => 11, SectionId.Code => 12,
        SectionId.Data => 13, _ => 0,
    };

    private static void ReadHeader(ref BinaryDecoder decoder)
    {
        if (decoder.Remaining < 4 || !decoder.Bytes(4).SequenceEqual("\0asm"u8))
        {
            throw new WasmException(WasmErrorKind.Malformed, 0, "magic header not detected: this is not a WebAssembly module");
        }

        if (decoder.Remaining < 4)
        {
            throw new WasmException(WasmErrorKind.Malformed, 4, "unexpected end: the version is missing");
        }

        var version = decoder.F32();
        if (version == 0x0001_000D || version >> 16 == 1)
        {
            throw new WasmException(WasmErrorKind.Unsupported, 4, "this is a component, not a core module; give the core module in it");
        }

        if (version != 1)
        {
            throw new WasmException(WasmErrorKind.Malformed, 4, $"unknown binary version {version}");
        }
    }

    private static void ReadSection(WasmModule module, SectionId id, ref BinaryDecoder decoder, ReadOnlyMemory<byte> payload, long offset,
        ref uint? start, ref uint? dataCount)
    {
        switch (id)
        {
            case SectionId.Type:
                TypeSectionReader.Read(ref decoder, module.TypeGroups);
                break;
            case SectionId.Import:
                for (var left = decoder.Count(Limits.MaxImports, "imports"); left > 0; left--)
                {
                    module.Imports.Add(new Import(decoder.Name(), decoder.Name(), TypeSectionReader.ReadExternType(ref decoder)));
                }

                break;
            case SectionId.Function:
                for (var left = decoder.Count(Limits.MaxFunctions, "functions"); left > 0; left--)
                {
                    module.FunctionTypes.Add(decoder.U32());
                }

                break;
            case SectionId.Table:
                for (var left = decoder.Count(Limits.MaxTables, "tables"); left > 0; left--)
                {
                    module.Tables.Add(ReadTable(ref decoder));
                }

                break;
            case SectionId.Memory:
                for (var left = decoder.Count(Limits.MaxMemories, "memories"); left > 0; left--)
                {
                    module.Memories.Add(new MemoryType(TypeSectionReader.ReadLimits(ref decoder, memory: true)));
                }

                break;
            case SectionId.Tag:
                for (var left = decoder.Count(Limits.MaxTags, "tags"); left > 0; left--)
                {
                    module.Tags.Add(TypeSectionReader.ReadTag(ref decoder));
                }

                break;
            case SectionId.Global:
                for (var left = decoder.Count(Limits.MaxGlobals, "globals"); left > 0; left--)
                {
                    module.Globals.Add(new Global(TypeSectionReader.ReadGlobal(ref decoder), ReadConstant(ref decoder)));
                }

                break;
            case SectionId.Export:
                for (var left = decoder.Count(Limits.MaxExports, "exports"); left > 0; left--)
                {
                    var name = decoder.Name();
                    var at = decoder.Offset;
                    var kind = decoder.Byte();
                    module.Exports.Add(kind <= (byte)ExternKind.Tag
                        ? new Export(name, (ExternKind)kind, decoder.U32())
                        : throw new WasmException(WasmErrorKind.Malformed, at, "malformed export kind"));
                }

                break;
            case SectionId.Start:
                start = decoder.U32();
                break;
            case SectionId.Element:
                SegmentReader.ReadElements(ref decoder, module.Elements);
                break;
            case SectionId.DataCount:
                dataCount = decoder.U32();
                break;
            case SectionId.Code:
                ReadBodies(ref decoder, payload, offset, module.Bodies);
                break;
            case SectionId.Data:
                SegmentReader.ReadData(ref decoder, payload, module.Data);
                break;
        }
    }

    private static Table ReadTable(ref BinaryDecoder decoder)
    {
        if (decoder.Peek() != 0x40)
        {
            return new Table(TypeSectionReader.ReadTableType(ref decoder));
        }

        decoder.Byte();
        var at = decoder.Offset;
        if (decoder.Byte() != 0)
        {
            throw new WasmException(WasmErrorKind.Malformed, at, "malformed table");
        }

        return new Table(TypeSectionReader.ReadTableType(ref decoder), ReadConstant(ref decoder));
    }

    internal static ConstantExpression ReadConstant(ref BinaryDecoder decoder)
    {
        var buffer = CodeBuffer.Rent();
        try
        {
            var sink = new CodeBuffer.Sink(buffer);
            ExpressionReader.Read(ref decoder, ref sink, buffer.Openers);
            return new ConstantExpression(buffer.ToInstructions());
        }
        finally
        {
            buffer.Return();
        }
    }

    private static void ReadBodies(ref BinaryDecoder decoder, ReadOnlyMemory<byte> payload, long offset, Section<FunctionBody> bodies)
    {
        for (var left = decoder.Count(Limits.MaxFunctions, "function bodies"); left > 0; left--)
        {
            var entry = decoder.Position;
            var at = decoder.Offset;
            var size = decoder.U32();
            if (size > (uint)decoder.Remaining)
            {
                throw new WasmException(WasmErrorKind.Malformed, at, $"unexpected end: a body of {size} bytes announced, {decoder.Remaining} bytes left");
            }

            if (size > Limits.MaxBodyBytes)
            {
                throw new WasmException(WasmErrorKind.LimitExceeded, at, $"a function body of {size} bytes, the limit is {Limits.MaxBodyBytes}");
            }

            var content = decoder.Position;
            decoder.Bytes(size);
            bodies.Add(new FunctionBody(payload[content..decoder.Position], payload[entry..decoder.Position], offset + content));
        }
    }
}

namespace Mewe.Wasm.Binary;

/// <summary>Encodes the entries of a section from the model (specification, 5.5).</summary>
internal static class SectionEncoder
{
    public static void WriteEntries(BinaryEncoder output, WasmModule module, SectionId id)
    {
        switch (id)
        {
            case SectionId.Type:
                Each(module.TypeGroups, group => WriteGroup(output, group));
                break;
            case SectionId.Import:
                Each(module.Imports, import =>
                {
                    output.Name(import.Module);
                    output.Name(import.Name);
                    output.Byte((byte)import.Type.Kind);
                    WriteExternType(output, import.Type);
                });
                break;
            case SectionId.Function:
                Each(module.FunctionTypes, output.U32);
                break;
            case SectionId.Table:
                Each(module.Tables, table =>
                {
                    if (table.Initializer is not null)
                    {
                        output.Bytes([0x40, 0x00]);
                    }

                    WriteExternType(output, table.Type);
                    WriteConstant(output, table.Initializer);
                });
                break;
            case SectionId.Memory:
                Each(module.Memories, memory => WriteExternType(output, memory));
                break;
            case SectionId.Tag:
                Each(module.Tags, tag => WriteExternType(output, tag));
                break;
            case SectionId.Global:
                Each(module.Globals, global =>
                {
                    WriteExternType(output, global.Type);
                    WriteConstant(output, global.Initializer);
                });
                break;
            case SectionId.Export:
                Each(module.Exports, export =>
                {
                    output.Name(export.Name);
                    output.Byte((byte)export.Kind);
                    output.U32(export.Index);
                });
                break;
            case SectionId.Element:
                Each(module.Elements, element => WriteElement(output, element));
                break;
            case SectionId.Code:
                Each(module.Bodies, body => output.Bytes(body.Entry.Span));
                break;
            case SectionId.Data:
                Each(module.Data, data => WriteData(output, data));
                break;
        }
    }

    private static void Each<T>(Section<T> section, Action<T> write)
    {
        foreach (var entry in section)
        {
            write(entry);
        }
    }

    private static void WriteGroup(BinaryEncoder output, RecursionGroup group)
    {
        if (group.Explicit || group.Members.Length != 1)
        {
            output.Byte(0x4E);
            output.U32((uint)group.Members.Length);
        }

        foreach (var member in group.Members)
        {
            if (!member.IsPlain)
            {
                output.Byte(member.Final ? (byte)0x4F : (byte)0x50);
                output.U32((uint)member.Supertypes.Length);
                foreach (var supertype in member.Supertypes)
                {
                    output.U32(supertype);
                }
            }

            WriteComposite(output, member.Type);
        }
    }

    private static void WriteComposite(BinaryEncoder output, CompositeType type)
    {
        switch (type)
        {
            case FunctionType function:
                output.Byte(0x60);
                output.U32((uint)function.Parameters.Length);
                foreach (var parameter in function.Parameters)
                {
                    output.ValueType(parameter);
                }

                output.U32((uint)function.Results.Length);
                foreach (var result in function.Results)
                {
                    output.ValueType(result);
                }

                break;
            case StructType structure:
                output.Byte(0x5F);
                output.U32((uint)structure.Fields.Length);
                foreach (var field in structure.Fields)
                {
                    WriteField(output, field);
                }

                break;
            case ArrayType array:
                output.Byte(0x5E);
                WriteField(output, array.Element);
                break;
        }
    }

    private static void WriteField(BinaryEncoder output, FieldType field)
    {
        output.ValueType(field.Storage);
        output.Byte(field.Mutable ? (byte)1 : (byte)0);
    }

    private static void WriteExternType(BinaryEncoder output, ExternType type)
    {
        switch (type)
        {
            case FunctionExtern function:
                output.U32(function.TypeIndex);
                break;
            case TableType table:
                output.ValueType(table.Element);
                WriteLimits(output, table.Limits);
                break;
            case MemoryType memory:
                WriteLimits(output, memory.Limits);
                break;
            case GlobalType global:
                output.ValueType(global.Value);
                output.Byte(global.Mutable ? (byte)1 : (byte)0);
                break;
            case TagType tag:
                output.Byte(0);
                output.U32(tag.TypeIndex);
                break;
        }
    }

    private static void WriteLimits(BinaryEncoder output, SizeLimits limits)
    {
        output.Byte((byte)((limits.Maximum is null ? 0 : 1) | (limits.Shared ? 2 : 0) | (limits.Is64 ? 4 : 0)));
        output.U64(limits.Minimum);
        if (limits.Maximum is { } maximum)
        {
            output.U64(maximum);
        }
    }

    private static void WriteConstant(BinaryEncoder output, ConstantExpression? expression)
    {
        if (expression is not null)
        {
            foreach (var instruction in expression.Code)
            {
                InstructionCodec.Write(output, instruction);
            }
        }
    }

    private static void WriteElement(BinaryEncoder output, ElementSegment element)
    {
        output.U32(element.Form);
        if (element.Mode == SegmentMode.Active && (element.Form & 2) != 0)
        {
            output.U32(element.Table);
        }

        WriteConstant(output, element.Offset);
        if ((element.Form & 3) != 0)
        {
            if (element.Expressions.IsDefault)
            {
                output.Byte(0);
            }
            else
            {
                output.ValueType(element.Type);
            }
        }

        output.U32((uint)element.Count);
        if (element.Expressions.IsDefault)
        {
            foreach (var function in element.Functions)
            {
                output.U32(function);
            }
        }
        else
        {
            foreach (var expression in element.Expressions)
            {
                WriteConstant(output, expression);
            }
        }
    }

    private static void WriteData(BinaryEncoder output, DataSegment data)
    {
        output.U32(data.Form);
        if (data.Form == 2)
        {
            output.U32(data.Memory);
        }

        WriteConstant(output, data.Offset);
        output.U32((uint)data.Bytes.Length);
        output.Bytes(data.Bytes.Span);
    }
}

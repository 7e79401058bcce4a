using System.Collections.Immutable;

namespace Mewe.Wasm.Binary;

/// <summary>Reads the type section and the types of imports, tables, memories, globals and tags (specification, 5.3).</summary>
internal static class TypeSectionReader
{
    public static void Read(ref BinaryDecoder decoder, Section<RecursionGroup> groups)
    {
        var total = 0;
        for (var left = decoder.Count(Limits.MaxTypes, "types"); left > 0; left--)
        {
            if (decoder.Peek() == 0x4E)
            {
                decoder.Byte();
                var members = new SubType[decoder.Count(Limits.MaxTypes, "types")];
                for (var i = 0; i < members.Length; i++)
                {
                    members[i] = ReadSubType(ref decoder);
                }

                groups.Add(new RecursionGroup(ImmutableArray.Create(members)) { Explicit = true });
                total += members.Length;
            }
            else
            {
                groups.Add(new RecursionGroup([ReadSubType(ref decoder)]));
                total++;
            }

            if (total > Limits.MaxTypes)
            {
                throw new WasmException(WasmErrorKind.LimitExceeded, decoder.Offset, $"more than {Limits.MaxTypes} types");
            }
        }
    }

    private static SubType ReadSubType(ref BinaryDecoder decoder)
    {
        var form = decoder.Peek();
        if (form is not (0x50 or 0x4F))
        {
            return SubType.Plain(ReadCompositeType(ref decoder));
        }

        decoder.Byte();
        var supertypes = new uint[decoder.Count(Limits.MaxTypes, "supertypes")];
        for (var i = 0; i < supertypes.Length; i++)
        {
            supertypes[i] = decoder.U32();
        }

        return new SubType(form == 0x4F, ImmutableArray.Create(supertypes), ReadCompositeType(ref decoder));
    }

    private static CompositeType ReadCompositeType(ref BinaryDecoder decoder)
    {
        var at = decoder.Offset;
        switch (decoder.Byte())
        {
            case 0x60:
                return new FunctionType(ReadValueTypes(ref decoder, Limits.MaxParameters, "parameters"), ReadValueTypes(ref decoder, Limits.MaxResults, "results"));
            case 0x5F:
                var fields = new FieldType[decoder.Count(Limits.MaxFields, "fields")];
                for (var i = 0; i < fields.Length; i++)
                {
                    fields[i] = ReadField(ref decoder);
                }

                return new StructType(ImmutableArray.Create(fields));
            case 0x5E:
                return new ArrayType(ReadField(ref decoder));
            case var form:
                throw UnsupportedProposals.Error(UnsupportedProposals.OfTypeForm(form), at, $"malformed type form 0x{form:x2}");
        }
    }

    private static ImmutableArray<ValueType> ReadValueTypes(ref BinaryDecoder decoder, int limit, string what)
    {
        var types = new ValueType[decoder.Count(limit, what)];
        for (var i = 0; i < types.Length; i++)
        {
            types[i] = decoder.ValueType();
        }

        return ImmutableArray.Create(types);
    }

    private static FieldType ReadField(ref BinaryDecoder decoder) => new(decoder.StorageType(), ReadMutability(ref decoder));

    private static bool ReadMutability(ref BinaryDecoder decoder)
    {
        var at = decoder.Offset;
        var mutability = decoder.Byte();
        return mutability <= 1 ? mutability == 1 : throw new WasmException(WasmErrorKind.Malformed, at, "malformed mutability");
    }

    public static GlobalType ReadGlobal(ref BinaryDecoder decoder) => new(decoder.ValueType(), ReadMutability(ref decoder));

    public static TagType ReadTag(ref BinaryDecoder decoder)
    {
        var at = decoder.Offset;
        return decoder.Byte() == 0 ? new TagType(decoder.U32()) : throw new WasmException(WasmErrorKind.Malformed, at, "malformed tag attribute");
    }

    public static TableType ReadTableType(ref BinaryDecoder decoder) => new(decoder.ReferenceType(), ReadLimits(ref decoder, memory: false));

    public static SizeLimits ReadLimits(ref BinaryDecoder decoder, bool memory)
    {
        var at = decoder.Offset;
        var flags = decoder.Byte();
        if (flags is >= 8 and <= 15 && memory)
        {
            throw new WasmException(WasmErrorKind.Unsupported, at, "custom page sizes are a proposal that is not supported");
        }

        if (flags > (memory ? 7 : 5) || (!memory && (flags & 2) != 0))
        {
            throw new WasmException(WasmErrorKind.Malformed, at, "malformed limits flags");
        }

        // Both address types have 64-bit bounds in the binary format; that 32-bit ones are small enough is validation.
        var minimum = decoder.U64();
        ulong? maximum = (flags & 1) == 0 ? null : decoder.U64();
        return new SizeLimits(minimum, maximum, (flags & 4) != 0, (flags & 2) != 0);
    }

    public static ExternType ReadExternType(ref BinaryDecoder decoder)
    {
        var at = decoder.Offset;
        var kind = decoder.Byte();
        return kind switch
        {
            0 => new FunctionExtern(decoder.U32()),
            1 => ReadTableType(ref decoder),
            2 => new MemoryType(ReadLimits(ref decoder, memory: true)),
            3 => ReadGlobal(ref decoder),
            4 => ReadTag(ref decoder),
            _ => throw UnsupportedProposals.Error(kind == 0x20 ? "custom descriptors" : null, at, "malformed import kind"),
        };
    }
}

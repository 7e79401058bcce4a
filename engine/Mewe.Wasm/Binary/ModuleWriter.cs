namespace Mewe.Wasm.Binary;

/// <summary>Writes a module. Sections that nobody changed are copied; changed ones are encoded in the shortest form, their untouched bodies as they were.</summary>
public static class ModuleWriter
{
    public static byte[] Write(WasmModule module)
    {
        var output = new BinaryEncoder(module.Source.Length + 4096);
        output.Bytes("\0asm\u0001\0\0\0"u8);
        var written = 0;
        foreach (var place in module.Layout)
        {
            if (place.Id == SectionId.Custom)
            {
                WriteCustom(output, place);
                continue;
            }

            var order = ModuleReader.Order(place.Id);
            WriteMissing(output, module, written + 1, order - 1);
            WriteSection(output, module, place.Id, place);
            written = order;
        }

        // New sections stand before the custom sections that follow the last known one only where the order demands it; here they come last.
        WriteMissing(output, module, written + 1, 13);
        return output.ToArray();
    }

    private static void WriteMissing(BinaryEncoder output, WasmModule module, int first, int last)
    {
        for (var order = first; order <= last; order++)
        {
            WriteSection(output, module, ByOrder[order], null);
        }
    }

    private static readonly SectionId[] ByOrder =
    [
        SectionId.Custom, SectionId.Type, SectionId.Import, SectionId.Function, SectionId.Table, SectionId.Memory, SectionId.Tag, SectionId.Global,
        SectionId.Export, SectionId.Start, SectionId.Element, SectionId.DataCount, SectionId.Code, SectionId.Data,
    ];

    private static void WriteCustom(BinaryEncoder output, SectionPlace place)
    {
        if (!place.Raw.IsEmpty)
        {
            output.Bytes(place.Raw.Span);
            return;
        }

        var payload = new BinaryEncoder(place.Custom!.Bytes.Length + 32);
        payload.Name(place.Custom.Name);
        payload.Bytes(place.Custom.Bytes.Span);
        Frame(output, SectionId.Custom, payload);
    }

    private static void Frame(BinaryEncoder output, SectionId id, BinaryEncoder payload)
    {
        output.Byte((byte)id);
        output.U32((uint)payload.Length);
        output.Bytes(payload.Written);
    }

    private static void WriteSection(BinaryEncoder output, WasmModule module, SectionId id, SectionPlace? place)
    {
        var (count, touched) = id switch
        {
            SectionId.Type => (module.TypeGroups.Count, module.TypeGroups.Touched),
            SectionId.Import => (module.Imports.Count, module.Imports.Touched),
            SectionId.Function => (module.FunctionTypes.Count, module.FunctionTypes.Touched),
            SectionId.Table => (module.Tables.Count, module.Tables.Touched),
            SectionId.Memory => (module.Memories.Count, module.Memories.Touched),
            SectionId.Tag => (module.Tags.Count, module.Tags.Touched),
            SectionId.Global => (module.Globals.Count, module.Globals.Touched),
            SectionId.Export => (module.Exports.Count, module.Exports.Touched),
            SectionId.Start => (module.Start is null ? 0 : 1, module.StartTouched),
            SectionId.Element => (module.Elements.Count, module.Elements.Touched),
            SectionId.DataCount => (module.DataCount is null ? 0 : 1, module.DataCountTouched),
            SectionId.Code => (module.Bodies.Count, module.Bodies.Touched),
            SectionId.Data => (module.Data.Count, module.Data.Touched),
            _ => throw new ArgumentOutOfRangeException(nameof(id), id, null),
        };
        if (!touched && place is { Raw.IsEmpty: false })
        {
            output.Bytes(place.Raw.Span);
            return;
        }

        if (count == 0)
        {
            return;
        }

        var payload = new BinaryEncoder(4096);
        switch (id)
        {
            case SectionId.Start:
                payload.U32(module.Start!.Value);
                break;
            case SectionId.DataCount:
                payload.U32(module.DataCount!.Value);
                break;
            default:
                payload.U32((uint)count);
                SectionEncoder.WriteEntries(payload, module, id);
                break;
        }

        Frame(output, id, payload);
    }
}

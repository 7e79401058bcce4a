using System.Collections.Immutable;

namespace Mewe.Wasm.Binary;

/// <summary>Reads element and data segments in all their forms (specification, 5.5.12 and 5.5.14).</summary>
internal static class SegmentReader
{
    public static void ReadElements(ref BinaryDecoder decoder, Section<ElementSegment> elements)
    {
        for (var left = decoder.Count(Limits.MaxSegments, "element segments"); left > 0; left--)
        {
            elements.Add(ReadElement(ref decoder));
        }
    }

    private static ElementSegment ReadElement(ref BinaryDecoder decoder)
    {
        var at = decoder.Offset;
        var form = decoder.U32();
        if (form > 7)
        {
            throw new WasmException(WasmErrorKind.Malformed, at, "malformed elements segment kind");
        }

        var mode = (form & 1) == 0 ? SegmentMode.Active : (form & 2) == 0 ? SegmentMode.Passive : SegmentMode.Declarative;
        var table = mode == SegmentMode.Active && (form & 2) != 0 ? decoder.U32() : 0;
        var offset = mode == SegmentMode.Active ? ModuleReader.ReadConstant(ref decoder) : null;
        var usesExpressions = (form & 4) != 0;

        // The two shortest forms imply the type: functions there cannot be null.
        var type = usesExpressions ? ValueType.FuncRef : ValueType.Ref(HeapType.Func, nullable: false);
        if ((form & 3) != 0)
        {
            at = decoder.Offset;
            if (usesExpressions)
            {
                type = decoder.ReferenceType();
            }
            else if (decoder.Byte() != 0)
            {
                throw new WasmException(WasmErrorKind.Malformed, at, "malformed element kind");
            }
        }

        var count = decoder.Count(Limits.MaxElementsPerSegment, "elements");
        if (!usesExpressions)
        {
            var functions = new uint[count];
            for (var i = 0; i < count; i++)
            {
                functions[i] = decoder.U32();
            }

            return new ElementSegment(form, mode, table, offset, type, ImmutableArray.Create(functions), default);
        }

        var expressions = ImmutableArray.CreateBuilder<ConstantExpression>(count);
        for (var i = 0; i < count; i++)
        {
            expressions.Add(ModuleReader.ReadConstant(ref decoder));
        }

        return new ElementSegment(form, mode, table, offset, type, default, expressions.MoveToImmutable());
    }

    public static void ReadData(ref BinaryDecoder decoder, ReadOnlyMemory<byte> payload, Section<DataSegment> data)
    {
        for (var left = decoder.Count(Limits.MaxSegments, "data segments"); left > 0; left--)
        {
            var at = decoder.Offset;
            var form = decoder.U32();
            if (form > 2)
            {
                throw new WasmException(WasmErrorKind.Malformed, at, "malformed data segment kind");
            }

            var memory = form == 2 ? decoder.U32() : 0;
            var offset = form == 1 ? null : ModuleReader.ReadConstant(ref decoder);
            var length = decoder.U32();
            var start = decoder.Position;
            decoder.Bytes(length);
            data.Add(new DataSegment(form, form == 1 ? SegmentMode.Passive : SegmentMode.Active, memory, offset, payload[start..decoder.Position]));
        }
    }
}

using Mewe.Wasm.Binary;

namespace Mewe.Wasm.Names;

/// <summary>Which names a subsection of the name section holds, by its id in the binary format.</summary>
public enum NameKind : byte { Module, Function, Local, Label, Type, Table, Memory, Global, Element, Data, Field, Tag }

/// <summary>
/// The custom section "name" (specification, appendix on custom sections). A subsection that nobody changed, and one of an unknown kind, is written
/// back byte for byte where it stood; new ones stand in the order of their ids. A section that cannot be read is no error of the module.
/// </summary>
public sealed class NameSection
{
    public const string SectionName = "name";

    private const byte LastKind = (byte)NameKind.Tag;

    private readonly List<(byte Id, ReadOnlyMemory<byte> Raw)> layout = [];
    private readonly NameMap[] maps = new NameMap[LastKind + 1];
    private readonly IndirectNameMap[] indirect = new IndirectNameMap[LastKind + 1];
    private string? module;
    private bool moduleTouched;

    public NameSection()
    {
        for (var kind = NameKind.Function; kind <= NameKind.Tag; kind++)
        {
            if (IsIndirect(kind))
            {
                indirect[(byte)kind] = new IndirectNameMap();
            }
            else
            {
                maps[(byte)kind] = new NameMap();
            }
        }
    }

    /// <summary>The name of the module itself; null where it has none.</summary>
    public string? Module
    {
        get => module;
        set => (module, moduleTouched) = (value, true);
    }

    public NameMap Functions => maps[(byte)NameKind.Function];

    /// <summary>Locals, parameters first, by function.</summary>
    public IndirectNameMap Locals => indirect[(byte)NameKind.Local];

    /// <summary>Labels, counted in the order of their blocks in the body, by function.</summary>
    public IndirectNameMap Labels => indirect[(byte)NameKind.Label];

    public NameMap Types => maps[(byte)NameKind.Type];

    public NameMap Tables => maps[(byte)NameKind.Table];

    public NameMap Memories => maps[(byte)NameKind.Memory];

    public NameMap Globals => maps[(byte)NameKind.Global];

    public NameMap Elements => maps[(byte)NameKind.Element];

    public NameMap Data => maps[(byte)NameKind.Data];

    /// <summary>Fields by type.</summary>
    public IndirectNameMap Fields => indirect[(byte)NameKind.Field];

    public NameMap Tags => maps[(byte)NameKind.Tag];

    /// <summary>The names of one index space.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The module's own name, or names inside of other things.</exception>
    public NameMap this[NameKind kind] => kind is > NameKind.Module and <= NameKind.Tag && !IsIndirect(kind)
        ? maps[(byte)kind]
        : throw new ArgumentOutOfRangeException(nameof(kind), kind, null);

    /// <summary>The names of a module; empty where it has no name section.</summary>
    /// <param name="error">Null exactly when names are returned; else what is malformed about the section.</param>
    public static NameSection? Of(WasmModule module, out WasmError? error)
    {
        var place = module.Layout.Find(place => place.Custom?.Name == SectionName);
        if (place is null)
        {
            error = null;
            return new NameSection();
        }

        var content = place.Custom!.Bytes;
        return TryRead(content, place.Raw.IsEmpty ? 0 : place.Offset + place.Raw.Length - content.Length, out error);
    }

    /// <summary>Reads the content of a name section.</summary>
    /// <param name="offset">Offset in the module of the content, for the error.</param>
    /// <param name="error">Null exactly when names are returned.</param>
    public static NameSection? TryRead(ReadOnlyMemory<byte> content, long offset, out WasmError? error)
    {
        try
        {
            var section = new NameSection();
            section.Read(content, offset);
            error = null;
            return section;
        }
        catch (WasmException exception)
        {
            error = exception.Error;
            return null;
        }
    }

    /// <summary>Puts these names into a module, in place of its name section, or at its end where it has none.</summary>
    public void Store(WasmModule target) => target.SetCustom(SectionName, ToBytes());

    /// <summary>The content of the section.</summary>
    public byte[] ToBytes()
    {
        var output = new BinaryEncoder();
        var next = (byte)0;
        foreach (var (id, raw) in layout)
        {
            if (id <= LastKind)
            {
                WriteMissing(output, next, id);
                next = (byte)(id + 1);
                if (IsTouched(id))
                {
                    WriteSubsection(output, id);
                    continue;
                }
            }

            output.Bytes(raw.Span);
        }

        WriteMissing(output, next, LastKind + 1);
        return output.ToArray();
    }

    private static bool IsIndirect(NameKind kind) => kind is NameKind.Local or NameKind.Label or NameKind.Field;

    private bool IsTouched(byte id) => id == 0 ? moduleTouched : IsIndirect((NameKind)id) ? indirect[id].Touched : maps[id].Touched;

    private void Read(ReadOnlyMemory<byte> content, long offset)
    {
        var decoder = new BinaryDecoder(content.Span, offset);
        var last = -1;
        while (!decoder.AtEnd)
        {
            var start = decoder.Position;
            var at = decoder.Offset;
            var id = decoder.Byte();
            var size = decoder.U32();
            var payload = decoder.Offset;
            var subsection = new BinaryDecoder(decoder.Bytes(size), payload);
            layout.Add((id, content[start..decoder.Position]));
            if (id > LastKind)
            {
                continue;
            }

            if (id <= last)
            {
                throw new WasmException(WasmErrorKind.Malformed, at, $"name subsection {id} is out of order or doubled");
            }

            last = id;
            ReadSubsection(ref subsection, id);
            if (!subsection.AtEnd)
            {
                throw subsection.Malformed($"{subsection.Remaining} bytes left over in name subsection {id}");
            }
        }

        foreach (var map in maps)
        {
            map?.Touched = false;
        }

        foreach (var map in indirect)
        {
            map?.Touched = false;
        }
    }

    private void ReadSubsection(ref BinaryDecoder decoder, byte id)
    {
        if (id == 0)
        {
            module = decoder.Name();
        }
        else if (!IsIndirect((NameKind)id))
        {
            ReadMap(ref decoder, maps[id]);
        }
        else
        {
            var last = -1L;
            for (var left = decoder.Count(Limits.MaxFunctions, "name maps"); left > 0; left--)
            {
                ReadMap(ref decoder, indirect[id][ReadIndex(ref decoder, ref last)]);
            }
        }
    }

    private static void ReadMap(ref BinaryDecoder decoder, NameMap map)
    {
        var last = -1L;
        for (var left = decoder.Count(Limits.MaxFunctions, "names"); left > 0; left--)
        {
            map[ReadIndex(ref decoder, ref last)] = decoder.Name();
        }
    }

    private static uint ReadIndex(ref BinaryDecoder decoder, ref long last)
    {
        var at = decoder.Offset;
        var index = decoder.U32();
        if (index <= last)
        {
            throw new WasmException(WasmErrorKind.Malformed, at, $"names are out of order: index {index} after {last}");
        }

        last = index;
        return index;
    }

    private void WriteMissing(BinaryEncoder output, byte first, int end)
    {
        for (var id = first; id < end; id++)
        {
            if (IsTouched(id))
            {
                WriteSubsection(output, id);
            }
        }
    }

    private void WriteSubsection(BinaryEncoder output, byte id)
    {
        var payload = new BinaryEncoder();
        if (id == 0)
        {
            if (module is null)
            {
                return;
            }

            payload.Name(module);
        }
        else if (!IsIndirect((NameKind)id))
        {
            if (maps[id].Count == 0)
            {
                return;
            }

            WriteMap(payload, maps[id]);
        }
        else
        {
            var named = indirect[id].Where(entry => entry.Value.Count > 0).ToList();
            if (named.Count == 0)
            {
                return;
            }

            payload.U32((uint)named.Count);
            foreach (var (index, map) in named)
            {
                payload.U32(index);
                WriteMap(payload, map);
            }
        }

        output.Byte(id);
        output.U32((uint)payload.Length);
        output.Bytes(payload.Written);
    }

    private static void WriteMap(BinaryEncoder output, NameMap map)
    {
        output.U32((uint)map.Count);
        foreach (var (index, name) in map)
        {
            output.U32(index);
            output.Name(name);
        }
    }
}

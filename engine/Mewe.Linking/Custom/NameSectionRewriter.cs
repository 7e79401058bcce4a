using System.Text;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Custom;

/// <summary>
/// The name section (specification, 7.4.1) of a module whose functions move or multiply. Subsections that speak of functions and globals are written anew;
/// the others are kept byte for byte.
/// </summary>
public sealed class NameSectionRewriter
{
    private const byte FunctionNames = 1, LocalNames = 2, LabelNames = 3, GlobalNames = 7;

    private readonly List<(byte Id, byte[] Bytes)> subsections = [];
    private readonly SortedDictionary<uint, string> functions = [];
    private readonly SortedDictionary<uint, string> globals = [];
    private readonly SortedDictionary<uint, SortedDictionary<uint, string>> locals = [];
    private readonly SortedDictionary<uint, SortedDictionary<uint, string>> labels = [];

    private NameSectionRewriter()
    {
    }

    /// <summary>An empty name section.</summary>
    public static NameSectionRewriter Empty() => new();

    /// <summary>Reads a name section, or null where its bytes make no sense.</summary>
    public static NameSectionRewriter? TryRead(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return Read(bytes.Span);
        }
        catch (WasmException)
        {
            return null;
        }
    }

    private static NameSectionRewriter Read(ReadOnlySpan<byte> bytes)
    {
        var names = new NameSectionRewriter();
        var decoder = new BinaryDecoder(bytes);
        while (!decoder.AtEnd)
        {
            var id = decoder.Byte();
            var content = decoder.Bytes(decoder.U32());
            var inner = new BinaryDecoder(content);
            switch (id)
            {
                case FunctionNames:
                    ReadMap(ref inner, names.functions);
                    break;
                case GlobalNames:
                    ReadMap(ref inner, names.globals);
                    break;
                case LocalNames:
                    ReadIndirectMap(ref inner, names.locals);
                    break;
                case LabelNames:
                    ReadIndirectMap(ref inner, names.labels);
                    break;
            }

            names.subsections.Add((id, content.ToArray()));
        }

        return names;
    }

    private static void ReadMap(ref BinaryDecoder decoder, SortedDictionary<uint, string> map)
    {
        for (var left = decoder.Count(int.MaxValue, "names"); left > 0; left--)
        {
            map.TryAdd(decoder.U32(), decoder.Name());
        }
    }

    private static void ReadIndirectMap(ref BinaryDecoder decoder, SortedDictionary<uint, SortedDictionary<uint, string>> map)
    {
        for (var left = decoder.Count(int.MaxValue, "functions"); left > 0; left--)
        {
            var names = new SortedDictionary<uint, string>();
            map.TryAdd(decoder.U32(), names);
            ReadMap(ref decoder, names);
        }
    }

    public string? FunctionName(uint function) => functions.GetValueOrDefault(function);

    public void NameFunction(uint function, string name) => functions[function] = Fit(name);

    public void NameGlobal(uint global, string name) => globals[global] = Fit(name);

    /// <summary>
    /// A name may not be longer than <see cref="Limits.MaxNameBytes"/>, and the suffixes that the linker adds must not push one over the limit: it keeps the
    /// end, which tells the variants apart.
    /// </summary>
    private static string Fit(string name)
    {
        while (Encoding.UTF8.GetByteCount(name) > Limits.MaxNameBytes)
        {
            var cut = Math.Max(1, (Encoding.UTF8.GetByteCount(name) - Limits.MaxNameBytes + 3) / 4);
            cut += char.IsLowSurrogate(name[cut]) ? 1 : 0;
            name = name[cut..];
        }

        return name;
    }

    public void Shift(FunctionIndexShift shift)
    {
        if (!shift.IsNone)
        {
            Shift(functions, shift);
            Shift(locals, shift);
            Shift(labels, shift);
        }
    }

    /// <summary>The code of a function stands elsewhere now: its locals and labels are named there. The dispatcher that it left keeps the names of the parameters.</summary>
    public void MoveCode(uint from, uint to, int parameters)
    {
        if (labels.Remove(from, out var itsLabels))
        {
            labels[to] = itsLabels;
        }

        if (locals.Remove(from, out var itsLocals))
        {
            locals[to] = itsLocals;
            var kept = new SortedDictionary<uint, string>();
            foreach (var (local, name) in itsLocals.Where(entry => entry.Key < parameters))
            {
                kept.Add(local, name);
            }

            if (kept.Count > 0)
            {
                locals[from] = kept;
            }
        }
    }

    private static void Shift<T>(SortedDictionary<uint, T> map, FunctionIndexShift shift)
    {
        var entries = map.ToArray();
        map.Clear();
        foreach (var (index, value) in entries)
        {
            map[shift.Apply(index)] = value;
        }
    }

    public byte[] Write()
    {
        var output = new BinaryEncoder();
        var done = 0;
        foreach (var (id, bytes) in subsections)
        {
            // Subsections are in ascending order; those that did not exist before are put where they belong.
            WriteNew(output, done + 1, id - 1);
            WriteSubsection(output, id, bytes);
            done = Math.Max(done, id);
        }

        WriteNew(output, done + 1, GlobalNames);
        return output.ToArray();
    }

    private void WriteNew(BinaryEncoder output, int first, int last)
    {
        for (var id = first; id <= Math.Min(last, GlobalNames); id++)
        {
            var isEmpty = (byte)id switch
            {
                FunctionNames => functions.Count == 0, GlobalNames => globals.Count == 0, LocalNames => locals.Count == 0, LabelNames => labels.Count == 0,
                _ => true,
            };
            if (!isEmpty)
            {
                WriteSubsection(output, (byte)id, []);
            }
        }
    }

    private void WriteSubsection(BinaryEncoder output, byte id, byte[] bytes)
    {
        var payload = new BinaryEncoder(bytes.Length + 64);
        switch (id)
        {
            case FunctionNames:
                WriteMap(payload, functions);
                break;
            case GlobalNames:
                WriteMap(payload, globals);
                break;
            case LocalNames:
                WriteIndirectMap(payload, locals);
                break;
            case LabelNames:
                WriteIndirectMap(payload, labels);
                break;
            default:
                payload.Bytes(bytes);
                break;
        }

        output.Byte(id);
        output.U32((uint)payload.Length);
        output.Bytes(payload.Written);
    }

    private static void WriteMap(BinaryEncoder output, SortedDictionary<uint, string> map)
    {
        output.U32((uint)map.Count);
        foreach (var (index, name) in map)
        {
            output.U32(index);
            output.Name(name);
        }
    }

    private static void WriteIndirectMap(BinaryEncoder output, SortedDictionary<uint, SortedDictionary<uint, string>> map)
    {
        output.U32((uint)map.Count);
        foreach (var (index, names) in map)
        {
            output.U32(index);
            WriteMap(output, names);
        }
    }
}

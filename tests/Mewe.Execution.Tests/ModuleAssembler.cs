using System.Text;

namespace Mewe.Execution.Tests;

/// <summary>Puts small modules together, section by section, so that these tests need nothing but the bytes of the binary format.</summary>
internal sealed class ModuleAssembler
{
    public const byte I32 = 0x7f, I64 = 0x7e, F32 = 0x7d, F64 = 0x7c, V128 = 0x7b, FuncRef = 0x70, ExternRef = 0x6f, AnyRef = 0x6e, ExnRef = 0x69;

    private readonly List<byte[]> types = [], imports = [], functions = [], tables = [], memories = [], tags = [], globals = [], exports = [], elements = [];
    private readonly List<byte[]> bodies = [], data = [];
    private int? start;
    private int importedFunctions;

    /// <summary>The header of every module.</summary>
    public static byte[] Preamble => [0, (byte)'a', (byte)'s', (byte)'m', 1, 0, 0, 0];

    public static byte[] U(long value)
    {
        var bytes = new List<byte>();
        do
        {
            var low = (byte)(value & 0x7f);
            value >>= 7;
            bytes.Add(value == 0 ? low : (byte)(low | 0x80));
        }
        while (value != 0);
        return [.. bytes];
    }

    public static byte[] S(long value)
    {
        var bytes = new List<byte>();
        for (; ; )
        {
            var low = (byte)(value & 0x7f);
            value >>= 7;
            if ((value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0))
            {
                bytes.Add(low);
                return [.. bytes];
            }

            bytes.Add((byte)(low | 0x80));
        }
    }

    public static byte[] Name(string name) => [.. U(Encoding.UTF8.GetByteCount(name)), .. Encoding.UTF8.GetBytes(name)];

    public static byte[] I32Const(int value) => [0x41, .. S(value)];

    public static byte[] I64Const(long value) => [0x42, .. S(value)];

    public int Type(byte[] parameters, byte[] results) =>
        Add(types, [0x60, .. U(parameters.Length), .. parameters, .. U(results.Length), .. results]);

    /// <summary>Any type definition, such as a structure, as its bytes.</summary>
    public int RawType(params byte[] definition) => Add(types, definition);

    public int ImportFunction(string module, string name, byte[] parameters, byte[] results)
    {
        Add(imports, [.. Name(module), .. Name(name), 0, .. U(Type(parameters, results))]);
        return importedFunctions++;
    }

    public void ImportGlobal(string module, string name, byte type, bool mutable) =>
        Add(imports, [.. Name(module), .. Name(name), 3, type, (byte)(mutable ? 1 : 0)]);

    public void ImportMemory(string module, string name, int pages) => Add(imports, [.. Name(module), .. Name(name), 2, 0, .. U(pages)]);

    /// <summary>A function; <paramref name="body"/> ends before its <c>end</c>.</summary>
    public int Function(byte[] parameters, byte[] results, byte[] body, params byte[] locals) => FunctionOfType(Type(parameters, results), body, locals);

    public int FunctionOfType(int type, byte[] body, params byte[] locals) => FunctionOfTypeWithLocals(type, body, [.. locals.Select(local => new[] { local })]);

    /// <summary>A function whose locals have types of more than one byte.</summary>
    public int FunctionOfTypeWithLocals(int type, byte[] body, byte[][] locals)
    {
        Add(functions, U(type));
        byte[] code = [.. U(locals.Length), .. locals.SelectMany(local => new byte[] { 1 }.Concat(local)), .. body, 0x0b];
        return importedFunctions + Add(bodies, [.. U(code.Length), .. code]);
    }

    public ModuleAssembler Exported(string name, byte[] parameters, byte[] results, byte[] body, params byte[] locals)
    {
        ExportFunction(name, Function(parameters, results, body, locals));
        return this;
    }

    public ModuleAssembler Memory(int pages, string? export = null)
    {
        var index = Add(memories, [0, .. U(pages)]);
        return export is null ? this : Export(export, 2, index);
    }

    public ModuleAssembler Table(int size, byte elementType = FuncRef)
    {
        Add(tables, [elementType, 0, .. U(size)]);
        return this;
    }

    public int Tag(byte[] parameters) => Add(tags, [0, .. U(Type(parameters, []))]);

    public int Global(byte type, bool mutable, byte[] initial) => Add(globals, [type, (byte)(mutable ? 1 : 0), .. initial, 0x0b]);

    public ModuleAssembler Element(int offset, params int[] functionIndices)
    {
        Add(elements, [0, .. I32Const(offset), 0x0b, .. U(functionIndices.Length), .. functionIndices.SelectMany(index => U(index))]);
        return this;
    }

    public ModuleAssembler Data(int offset, byte[] bytes)
    {
        Add(data, [0, .. I32Const(offset), 0x0b, .. U(bytes.Length), .. bytes]);
        return this;
    }

    public ModuleAssembler ExportFunction(string name, int index) => Export(name, 0, index);

    public ModuleAssembler Export(string name, byte kind, int index)
    {
        Add(exports, [.. Name(name), kind, .. U(index)]);
        return this;
    }

    public ModuleAssembler Start(int function)
    {
        start = function;
        return this;
    }

    public byte[] ToArray() =>
    [
        .. Preamble, .. Section(1, types), .. Section(2, imports), .. Section(3, functions), .. Section(4, tables), .. Section(5, memories), .. Section(13, tags),
        .. Section(6, globals), .. Section(7, exports), .. start is { } function ? Section(8, U(function)) : [], .. Section(9, elements), .. Section(10, bodies),
        .. Section(11, data),
    ];

    private static byte[] Section(byte id, List<byte[]> entries) =>
        entries.Count == 0 ? [] : Section(id, [.. U(entries.Count), .. entries.SelectMany(entry => entry)]);

    private static byte[] Section(byte id, byte[] content) => [id, .. U(content.Length), .. content];

    private static int Add(List<byte[]> list, byte[] entry)
    {
        list.Add(entry);
        return list.Count - 1;
    }
}

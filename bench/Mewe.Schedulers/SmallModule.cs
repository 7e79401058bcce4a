namespace Mewe.Schedulers;

/// <summary>A module of many functions that take no time to diversify, so that what is left is coordination.</summary>
internal static class SmallModule
{
    /// <summary>Each function adds a constant of its own to one of its parameters and combines it with the other one; all are exported.</summary>
    public static byte[] Make(int functions)
    {
        using var module = new MemoryStream();
        module.Write([0, 0x61, 0x73, 0x6D, 1, 0, 0, 0]);
        Section(module, 1, content => content.Write([1, 0x60, 2, 0x7F, 0x7F, 1, 0x7F])); // (i32, i32) -> i32
        Section(module, 3, content =>
        {
            Number(content, functions);
            content.Write(new byte[functions]);
        });
        Section(module, 7, content =>
        {
            Number(content, functions);
            for (var i = 0; i < functions; i++)
            {
                var name = System.Text.Encoding.UTF8.GetBytes($"f{i}");
                Number(content, name.Length);
                content.Write(name);
                content.WriteByte(0);
                Number(content, i);
            }
        });
        Section(module, 10, content =>
        {
            Number(content, functions);
            for (var i = 0; i < functions; i++)
            {
                using var body = new MemoryStream();
                body.Write([0, 0x20, 0, 0x41]); // no locals, local.get 0, i32.const
                Number(body, i & 0x3F);
                body.Write([0x6A, 0x20, 1, 0x73, 0x0B]); // i32.add, local.get 1, i32.xor, end
                Number(content, (int)body.Length);
                body.WriteTo(content);
            }
        });
        return module.ToArray();
    }

    private static void Section(MemoryStream module, byte id, Action<MemoryStream> write)
    {
        using var content = new MemoryStream();
        write(content);
        module.WriteByte(id);
        Number(module, (int)content.Length);
        content.WriteTo(module);
    }

    private static void Number(MemoryStream stream, int value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            stream.WriteByte((byte)(value | 0x80));
        }

        stream.WriteByte((byte)value);
    }
}

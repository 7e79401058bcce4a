using static Mewe.Execution.Tests.ModuleAssembler;

namespace Mewe.Execution.Tests;

/// <summary>Modules that mean harm, as commands: each asks for more of something than there is.</summary>
internal static class HostileModules
{
    private static readonly byte[] EndlessLoop = [0x03, 0x40, 0x0c, 0, 0x0b];

    /// <summary>All of them, with a name.</summary>
    public static IReadOnlyList<(string Name, byte[] Module)> All { get; } =
    [
        ("endless loop", Command(EndlessLoop)),
        ("endless loop in the start function", WithStart(EndlessLoop)),
        ("trap in the start function", WithStart([0x00])),
        ("endless recursion", Command([0x10, 0])),
        ("endless recursion with a large frame", LargeFrames()),
        ("endless tail call", Command([0x12, 0])),
        ("endless recursion through a table", new ModuleAssembler().Table(1).Element(0, 0).Exported("_start", [], [], [.. I32Const(0), 0x11, 0, 0]).ToArray()),
        ("memory growth without end", With(module => module.Memory(1, "memory"), [0x03, 0x40, .. I32Const(1), 0x40, 0, 0x1a, 0x0c, 0, 0x0b])),
        ("memory growth by all there is", With(module => module.Memory(1, "memory"), [.. I32Const(65535), 0x40, 0, 0x1a, .. I32Const(-1), 0x40, 0, 0x1a])),
        ("a memory that is too large from the beginning", With(module => module.Memory(65536, "memory"), [])),
        ("a hundred memories, all of them grown and written", HundredMemories()),
        ("a table that is too large from the beginning", With(module => module.Table(int.MaxValue), [])),
        ("table growth without end", With(module => module.Table(1), [0x03, 0x40, 0xd0, FuncRef, .. I32Const(100_000), 0xfc, 15, 0, 0x1a, 0x0c, 0, 0x0b])),
        ("all of the memory filled again and again", With(module => module.Memory(256, "memory"), [0x03, 0x40, .. I32Const(0), .. I32Const(1), .. I32Const(256 << 16), 0xfc, 11, 0, 0x0c, 0, 0x0b])),
        ("an exception thrown without end", Thrower()),
        ("structures allocated without end", StructuresWithoutEnd()),
        ("an array that is too large", new ModuleAssembler() is var arrays && arrays.RawType(0x5e, I64, 1) == 0
            ? arrays.Exported("_start", [], [], [.. I32Const(-1), 0xfb, 7, 0, 0x1a]).ToArray() : []),
        ("blocks nested a thousand deep", Command([.. Enumerable.Repeat<byte[]>([0x02, 0x40], 1000).SelectMany(block => block), .. Enumerable.Repeat((byte)0x0b, 1000)])),
        ("fifty thousand locals", new ModuleAssembler() is var many ? ManyLocals(many) : []),
        ("a branch table of a hundred thousand labels", Command([.. I32Const(5), 0x0e, .. U(100_000), .. new byte[100_001]])),
        ("output without end", Writer()),
        ("all the randomness there is", Random()),
    ];

    private static byte[] Command(byte[] body) => With(_ => { }, body);

    private static byte[] With(Action<ModuleAssembler> with, byte[] body)
    {
        var module = new ModuleAssembler().Exported("_start", [], [], body);
        with(module);
        return module.ToArray();
    }

    private static byte[] WithStart(byte[] body)
    {
        var module = new ModuleAssembler().Exported("_start", [], [], []);
        module.Start(module.Function([], [], body));
        return module.ToArray();
    }

    private static byte[] LargeFrames()
    {
        // Every local is used after the call, so that it has to be kept meanwhile.
        var locals = Enumerable.Repeat(I64, 200).ToArray();
        byte[] use = [.. Enumerable.Range(0, 200).SelectMany(local => (byte[])[0x20, .. U(local), .. I64Const(local), 0x7c, 0x21, .. U(local)])];
        byte[] keep = [.. Enumerable.Range(0, 200).SelectMany(local => (byte[])[0x20, .. U(local), 0x50, 0x1a])];
        return new ModuleAssembler().Exported("_start", [], [], [.. use, 0x10, 0, .. keep], locals).ToArray();
    }

    private static byte[] HundredMemories()
    {
        var module = new ModuleAssembler();
        var body = new List<byte>();
        for (var i = 0; i < 100; i++)
        {
            module.Memory(1);
            body.AddRange([.. I32Const(16384), 0x40, .. U(i), 0x1a, .. I32Const(0), .. I32Const(1), 0x3f, .. U(i), .. I32Const(16), 0x74, 0xfc, 11, .. U(i)]);
        }

        return module.Exported("_start", [], [], [.. body]).ToArray();
    }

    private static byte[] Thrower()
    {
        var module = new ModuleAssembler();
        var tag = module.Tag([]);
        var throwing = module.Function([], [], [0x08, .. U(tag)]);
        return module.Exported("_start", [], [], [0x03, 0x40, 0x02, 0x40, 0x1f, 0x40, 1, 2, 0, 0x10, .. U(throwing), 0x0b, 0x0b, 0x0c, 0, 0x0b]).ToArray();
    }

    private static byte[] StructuresWithoutEnd()
    {
        var module = new ModuleAssembler();
        module.RawType(0x5f, 5, 0x63, 0, 1, I64, 0, I64, 0, I64, 0, I64, 0);
        byte[] zeros = [.. I64Const(0), .. I64Const(0), .. I64Const(0), .. I64Const(0)];
        var type = module.Type([], []);
        module.ExportFunction("_start", module.FunctionOfTypeWithLocals(type, [0x03, 0x40, 0x20, 0, .. zeros, 0xfb, 0, 0, 0x21, 0, 0x0c, 0, 0x0b], [[0x63, 0]]));
        return module.ToArray();
    }

    private static byte[] ManyLocals(ModuleAssembler module) => module.Exported("_start", [], [], [0x20, 0, 0x1a], Enumerable.Repeat(I64, 49_999).ToArray()).ToArray();

    private static byte[] Writer()
    {
        var module = new ModuleAssembler();
        module.ImportFunction("wasi_snapshot_preview1", "fd_write", [I32, I32, I32, I32], [I32]);
        module.Memory(16, "memory").Data(0, [.. BitConverter.GetBytes(0), .. BitConverter.GetBytes(16 << 16)]);
        return module.Exported("_start", [], [], [0x03, 0x40, .. I32Const(1), .. I32Const(0), .. I32Const(1), .. I32Const(64), 0x10, 0, 0x1a, 0x0c, 0, 0x0b]).ToArray();
    }

    private static byte[] Random()
    {
        var module = new ModuleAssembler();
        module.ImportFunction("wasi_snapshot_preview1", "random_get", [I32, I32], [I32]);
        return module.Memory(1, "memory").Exported("_start", [], [], [.. I32Const(0), .. I32Const(-1), 0x10, 0, 0x1a, .. I32Const(0), .. I32Const(65536), 0x10, 0, 0x1a]).ToArray();
    }
}

using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Mewe.EndToEnd.Tests.Running;
using Mewe.Execution;
using Mewe.Grains;
using Mewe.Wasm;
using Mewe.Wasm.Tests.Shared;

namespace Mewe.EndToEnd.Tests.Corpus;

/// <summary>The real modules beside the repository, and something to ask each of them.</summary>
internal static class CorpusModules
{
    private const string Absent = "(the corpus is not there)";

    /// <summary>
    /// Every module by its path in the corpus, but those that are samples: <see cref="SampleAnswersTests"/> has them. Where the corpus is absent there is one
    /// entry, whose test then says so.
    /// </summary>
    public static TheoryData<string> Names()
    {
        if (SharedFolder.TryFind("corpus") is not { } root)
        {
            return [Absent];
        }

        var samples = Sample.Names.Select(name => Hash(Sample.ModulePath(name))).ToHashSet(StringComparer.Ordinal);
        return [.. Directory.EnumerateFiles(root, "*.wasm", SearchOption.AllDirectories).Where(path => !samples.Contains(Hash(path)))
            .Select(path => Path.GetRelativePath(root, path)).Order(StringComparer.Ordinal)];
    }

    public static byte[] Bytes(string name) => File.ReadAllBytes(SharedFolder.Require("real modules, made multivariant", "corpus", name == Absent ? "paper" : name));

    /// <summary>Each entry is one fresh instance. All requests of a reactor go to one instance.</summary>
    public static ImmutableArray<Workload> Workload(string name, WasmModule module)
    {
        var exports = module.Exports.Where(export => export.Kind == ExternKind.Function).Select(export => export.Name).ToHashSet();
        var requests = Requests(Path.GetFileName(name).Split('.')[0]);
        if (exports.Contains("_start"))
        {
            return [.. requests.Select(request => new CommandWorkload { Stdin = request })];
        }

        return exports.IsSupersetOf(["alloc", "run", "answer", "release"])
            ? [new ReactorWorkload(requests), new ReactorWorkload([.. requests.Reverse()])]
            : [new ExportCallsWorkload(Calls(exports))];
    }

    private static string Hash(string path) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));

    private static ImmutableArray<ReadOnlyMemory<byte>> Requests(string service) =>
        Sample.Names.Contains(service)
            ? [.. Sample.Workload(service).Runs.Cast<CommandWorkload>().Select(command => command.Stdin)]
            : [.. new[] { "", "a", "The quick brown fox jumps over the lazy dog", new string('x', 300) }.Select(text => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(text))];

    /// <summary>Calls for the two modules of the corpus that are neither command nor reactor; the second gets its input in <see cref="SourceMapTests"/>.</summary>
    private static ImmutableArray<ExportCall> Calls(HashSet<string> exports) => exports.Contains("mandelbrot")
        ?
        [
            new("describe", [WasmValue.I32(5)]), new("run", [WasmValue.I32(3)]), new("run", [WasmValue.I32(40)]),
            new("mix", [WasmValue.I64(1), WasmValue.I64(-2)]), new("mix", [WasmValue.I64(long.MinValue), WasmValue.I64(12345678987654321)]),
            new("mandelbrot", [WasmValue.I32(10)]), new("__new", [WasmValue.I32(100), WasmValue.I32(0)]), new("__collect", []), new("describe", [WasmValue.I32(-1)]),
        ]
        :
        [
            new("get_last_error", []), new("allocate_mappings", [WasmValue.I32(64)]), new("allocate_mappings", [WasmValue.I32(4096)]), new("get_last_error", []),
        ];
}

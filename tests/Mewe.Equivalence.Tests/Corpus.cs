using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Tests.Shared;

namespace Mewe.Equivalence.Tests;

/// <summary>The real modules that tests run on, from the data beside the repository.</summary>
internal static class Corpus
{
    private const string Absent = "(the corpus is not there)";

    /// <summary>Paths in the corpus. Where it is absent there is one entry, whose test then says so.</summary>
    public static IEnumerable<string> Names => SharedFolder.TryFind("corpus") is { } root
        ? Directory.EnumerateFiles(root, "*.wasm", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(root, path)).Order(StringComparer.Ordinal)
        : [Absent];

    public static WasmModule Load(string name) =>
        ModuleReader.Read(File.ReadAllBytes(SharedFolder.Require("candidates of real modules", name == Absent ? ["corpus"] : ["corpus", .. name.Split('/')])));
}

using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Tests.Shared;

namespace Mewe.Diversify.Tests;

/// <summary>The real modules that tests run on, from the data beside the repository.</summary>
internal static class Corpus
{
    /// <summary>All modules with their names.</summary>
    public static IEnumerable<(string Name, WasmModule Module)> Modules() =>
        Directory.EnumerateFiles(SharedFolder.Require("transforms on real modules", "corpus"), "*.wasm", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(path => (Path.GetFileNameWithoutExtension(path), ModuleReader.Read(File.ReadAllBytes(path))));

    public static WasmModule Load(string path) => ModuleReader.Read(File.ReadAllBytes(SharedFolder.Require("transforms on real modules", ["corpus", .. path.Split('/')])));
}

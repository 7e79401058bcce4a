using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Equivalence.Tests;

/// <summary>The real modules that tests run on: the folder <c>shared/corpus</c> beside the repository, or the one that MEWE_CORPUS names.</summary>
internal static class Corpus
{
    private static readonly Lazy<string> Folder = new(Find);

    public static IEnumerable<string> Names => Directory.EnumerateFiles(Folder.Value, "*.wasm", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(Folder.Value, path)).Order(StringComparer.Ordinal);

    public static WasmModule Load(string name) => ModuleReader.Read(File.ReadAllBytes(Path.Combine(Folder.Value, name)));

    private static string Find()
    {
        if (Environment.GetEnvironmentVariable("MEWE_CORPUS") is { Length: > 0 } named)
        {
            return named;
        }

        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var corpus = Path.Combine(directory.FullName, "shared", "corpus");
            if (Directory.Exists(corpus))
            {
                return corpus;
            }
        }

        throw new DirectoryNotFoundException("these tests run on real modules: put shared/corpus beside the repository, or set MEWE_CORPUS to where it is");
    }
}

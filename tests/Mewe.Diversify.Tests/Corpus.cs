using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Diversify.Tests;

/// <summary>The shared corpus of real modules, found by walking up from the tests. Continuous integration must have it.</summary>
internal static class Corpus
{
    public static string? Folder { get; } = Find();

    /// <summary>All modules with their names; empty where there is no corpus and nobody insists.</summary>
    public static IEnumerable<(string Name, WasmModule Module)> Modules()
    {
        if (Folder is null)
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", "shared/corpus was not found at or above the tests");
            yield break;
        }

        foreach (var path in Directory.EnumerateFiles(Folder, "*.wasm", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            yield return (Path.GetFileNameWithoutExtension(path), ModuleReader.Read(File.ReadAllBytes(path)));
        }
    }

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "shared", "corpus");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}

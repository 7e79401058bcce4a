namespace Mewe.Wasm.Tests.Shared;

/// <summary>The real modules of the shared corpus.</summary>
internal static class Corpus
{
    /// <summary>Name and bytes of every module, in the order of the names.</summary>
    public static IReadOnlyList<(string Name, byte[] Bytes)> Modules(string notRun)
    {
        var root = SharedFolder.Require(notRun, "corpus");
        return [.. Directory.EnumerateFiles(root, "*.wasm", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(file => (Path.GetRelativePath(root, file), File.ReadAllBytes(file)))];
    }
}

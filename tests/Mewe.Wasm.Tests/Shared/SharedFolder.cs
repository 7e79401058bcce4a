namespace Mewe.Wasm.Tests.Shared;

/// <summary>
/// The data beside the repository (the corpus, the official suite, native libraries). It is not part of the project: where it is absent, a test says what
/// it did not run, and fails only where CI=true.
/// </summary>
internal static class SharedFolder
{
    private static readonly Lazy<string?> Root = new(Find);

    /// <summary>The path of a file or folder in it; null where it is absent.</summary>
    public static string? TryFind(params string[] parts)
    {
        if (Root.Value is not { } root)
        {
            return null;
        }

        var path = Path.Combine([root, .. parts]);
        return Path.Exists(path) ? path : null;
    }

    /// <summary>As <see cref="TryFind"/>; where it is absent the running test is skipped with <paramref name="notRun"/>, or fails in CI.</summary>
    public static string Require(string notRun, params string[] parts)
    {
        if (TryFind(parts) is { } path)
        {
            return path;
        }

        var message = $"not run: {notRun} ({string.Join('/', parts)} is not beside the repository; set MEWE_SHARED to its folder)";
        if (Environment.GetEnvironmentVariable("CI") == "true")
        {
            Assert.Fail(message);
        }

        Assert.Skip(message);
        throw new InvalidOperationException("unreachable");
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("MEWE_SHARED") is { Length: > 0 } given)
        {
            return Directory.Exists(given) ? given : null;
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Mewe.Cluster.sln")))
            {
                var shared = Path.Combine(folder.Parent?.FullName ?? folder.FullName, "shared");
                return Directory.Exists(shared) ? shared : null;
            }
        }

        return null;
    }
}

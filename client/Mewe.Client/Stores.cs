using Mewe.Client.Output;
using Mewe.Store;
using Mewe.Store.Sqlite;

namespace Mewe.Client;

/// <summary>Opens the file in which lemmas and learned rules outlive a command.</summary>
internal static class Stores
{
    /// <summary>The value of --store for none.</summary>
    public const string None = "none";

    /// <summary><c>$XDG_CACHE_HOME/mewe/store.db</c>, or the same below <c>~/.cache</c>.</summary>
    public static string DefaultPath
    {
        get
        {
            // The specification wants relative paths ignored: https://specifications.freedesktop.org/basedir-spec
            var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } named && Path.IsPathRooted(named)
                ? named : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
            return Path.Combine(cache, "mewe", "store.db");
        }
    }

    /// <summary>The store, or null for none or where it cannot be used: that loses only speed, so it is a note and no failure.</summary>
    public static async Task<SqliteStore?> OpenAsync(string? path, CommandOutput output, CancellationToken cancellationToken)
    {
        if (path == None)
        {
            return null;
        }

        var answer = await SqliteStore.OpenAsync(path ?? DefaultPath, cancellationToken);
        if (answer.TryGet(out var store))
        {
            return store;
        }

        output.Note($"note: working without a store of lemmas, which loses only speed: {answer.Problem!.Message}");
        return null;
    }

    /// <summary>The store, where its rules are what is asked for: one that cannot be used ends the command.</summary>
    public static async Task<SqliteStore> OpenForRulesAsync(string? path, int exitCode, CancellationToken cancellationToken)
    {
        var answer = await SqliteStore.OpenAsync(path ?? DefaultPath, cancellationToken);
        return answer.TryGet(out var store) ? store : throw new CommandException(exitCode, answer.Problem!.Message);
    }
}

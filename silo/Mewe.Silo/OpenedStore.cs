using System.Diagnostics;
using Mewe.Store;
using Mewe.Store.Postgres;
using Mewe.Store.Sqlite;

namespace Mewe.Silo;

/// <summary>The store of a cluster: PostgreSQL, or for a silo on one machine a file.</summary>
public sealed class OpenedStore : IAsyncDisposable
{
    /// <summary>Where the store is named, if not on the command line, whose words other users of the machine can read.</summary>
    public const string Variable = "MEWE_STORE";

    private static readonly TimeSpan BetweenTries = TimeSpan.FromSeconds(1);

    private readonly IAsyncDisposable owner;

    private OpenedStore(IJobStore jobs, IApiKeyStore keys, ILemmaStore lemmas, IAsyncDisposable owner) => (Jobs, Keys, Lemmas, this.owner) = (jobs, keys, lemmas, owner);

    /// <summary>The same as PostgreSQL, for what only that has; null for a file.</summary>
    public PostgresStore? Postgres => owner as PostgresStore;

    public IJobStore Jobs { get; }

    public IApiKeyStore Keys { get; }

    public ILemmaStore Lemmas { get; }

    /// <summary>Opens a store and brings it up to date.</summary>
    /// <param name="named">A connection string, which has a <c>=</c>, or a file; null for what <see cref="Variable"/> says.</param>
    /// <param name="patience">For how long a server is asked again that does not answer; nothing where somebody waits for the answer.</param>
    /// <exception cref="StartupException">It cannot be opened.</exception>
    public static async Task<OpenedStore> OpenAsync(string? named, TimeSpan lease, TimeSpan patience, CancellationToken cancellationToken)
    {
        named ??= Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } variable ? variable
            : throw new StartupException(ExitCode.Usage, $"where the jobs are is missing: --store \"Host=...\" or {Variable}");
        if (named.Contains('='))
        {
            var since = Stopwatch.GetTimestamp();
            StoreAnswer<PostgresStore> answer;
            for (var tries = 1; ; tries++)
            {
                answer = await PostgresStore.OpenAsync(named, new PostgresStoreOptions { Lease = lease }, cancellationToken);
                if (answer.Problem is not { Kind: StoreProblemKind.Unreachable } problem || Stopwatch.GetElapsedTime(since) >= patience)
                {
                    break;
                }

                if (tries == 1)
                {
                    await Console.Error.WriteLineAsync($"mewe: {problem.Message.ReplaceLineEndings(" ")}; trying again for {patience.TotalSeconds:0} s");
                }

                await Task.Delay(BetweenTries, cancellationToken);
            }

            return answer.TryGet(out var postgres) ? new OpenedStore(postgres.Jobs, postgres.Keys, postgres, postgres) : throw new StartupException(ExitCode.Unavailable, answer.Problem!.Message);
        }

        var opened = await SqliteStore.OpenAsync(named, cancellationToken);
        return opened.TryGet(out var file) ? new OpenedStore(file.Jobs, file.Keys, file, file) : throw new StartupException(ExitCode.Unavailable, opened.Problem!.Message);
    }

    public ValueTask DisposeAsync() => owner.DisposeAsync();
}

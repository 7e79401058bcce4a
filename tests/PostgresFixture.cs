using Mewe.Tests;

[assembly: AssemblyFixture(typeof(PostgresFixture))]

namespace Mewe.Tests;

/// <summary>
/// One real PostgreSQL server for all tests of a project, started when the first one asks; each test makes databases of its own. Shared by the test projects, each of which compiles this file. Where
/// PostgreSQL is missing, tests that need it say that they did not run; in CI they fail.
/// </summary>
public sealed class PostgresFixture : IAsyncDisposable
{
    private readonly SemaphoreSlim gate = new(1);
    private PostgresServer? server;
    private int databases;

    /// <summary>The server.</summary>
    public async Task<PostgresServer> ServerAsync()
    {
        await gate.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            if (PostgresServer.Programs is null)
            {
                Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", PostgresServer.Missing);
                Assert.Fail(PostgresServer.Missing);
            }

            return server ??= await PostgresServer.StartAsync(durable: false, TestContext.Current.CancellationToken);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>A new, empty database: its connection string.</summary>
    public async Task<string> NewDatabaseAsync() => await (await ServerAsync()).NewDatabaseAsync($"test_{Interlocked.Increment(ref databases)}", TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }
    }
}

using System.Globalization;
using Mewe.Store;
using Mewe.Store.Postgres;
using Mewe.StoreLoad;
using Mewe.Tests;
using Npgsql;

// What the cluster's store can take, without any work in between: see ../README.md.
if (LoadOptions.Parse(args) is not { } options)
{
    Console.Error.WriteLine(LoadOptions.Usage);
    return 64;
}

if (options.Store is null && PostgresServer.Programs is null)
{
    Console.Error.WriteLine(PostgresServer.Missing);
    return 69;
}

await using var server = options.Store is null ? await PostgresServer.StartAsync(durable: true, CancellationToken.None) : null;
var connectionString = options.Store ?? await server!.NewDatabaseAsync("load", CancellationToken.None);
await using var store = Required(await PostgresStore.OpenAsync(connectionString, new PostgresStoreOptions { Lease = TimeSpan.FromMinutes(10) }, CancellationToken.None));
var load = new StoreLoad(store.Jobs, options, server?.ProcessId);

Console.WriteLine($"{options.Silos} silos with {options.Workers} workers each, {options.Variants} variants and {options.ResultBytes:N0} bytes of result per function");
Console.WriteLine($"{"queued",12} {"finished",12} {"functions/s",12} {"claim p50",10} {"p99 ms",8} {"claimed",8} {"done p50",9} {"p99 ms",8} {"client ms",10} {"server ms",10}");
foreach (var finished in options.Histories)
{
    await FinishedAsync(finished);
    await load.QueueAsync();
    await Sql("VACUUM (ANALYZE)");
    await Sql("CHECKPOINT");
    var figures = await load.RunAsync();
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{options.Functions,12:N0} {finished,12:N0} {figures.PerSecond,12:N0} {figures.Claims.Median,10:F2} {figures.Claims.Worst,8:F2} {figures.PerClaim,8:F1} {figures.Completions.Median,9:F2} {figures.Completions.Worst,8:F2} {figures.ClientMilliseconds,10:F3} {figures.ServerMilliseconds,10:F3}"));
    await load.CancelAsync();
}

return 0;

// History is made by the server itself: finished jobs of ten thousand functions, with their variants.
async Task FinishedAsync(long functions)
{
    await Sql("TRUNCATE jobs, job_work, job_blobs, functions, function_results, variants");
    for (var job = 0; job < functions / StoreLoad.FunctionsPerJob; job++)
    {
        var id = JobId.New();
        await Sql($"""
            INSERT INTO jobs (id, name, module, options, priority, state, finished_at, output_module) VALUES ('{id}', 'old', sha256('x'), '', 0, 5, now(), sha256('x'));
            INSERT INTO job_work (job, priority, weight, max_attempts, total, done) VALUES ('{id}', 0, 1, 3, {StoreLoad.FunctionsPerJob}, {StoreLoad.FunctionsPerJob});
            INSERT INTO functions (job, function, name, cost, state, attempt, silo, epoch, ended, finished_at)
                SELECT '{id}', f, 'f' || f, f, 3, 1, 'old', 1, 1, now() FROM generate_series(1, {StoreLoad.FunctionsPerJob}) AS f;
            INSERT INTO variants (job, function, ordinal, code, code_bytes, transforms, evidence, tests_passed)
                SELECT '{id}', f, v, sha256('x'), 100, 'swap operands', 1, 256 FROM generate_series(1, {StoreLoad.FunctionsPerJob}) AS f, generate_series(1, {options.Variants}) AS v
            """);
    }
}

async Task Sql(string text)
{
    await using var connection = new NpgsqlConnection(connectionString);
    await connection.OpenAsync();
    await using var command = new NpgsqlCommand(text, connection) { CommandTimeout = 600 };
    await command.ExecuteNonQueryAsync();
}

static T Required<T>(StoreAnswer<T> answer) => answer.TryGet(out var value) ? value : throw new InvalidOperationException(answer.Problem!.Message);

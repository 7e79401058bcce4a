using System.Diagnostics;
using System.Globalization;
using Mewe.Schedulers;
using Mewe.Store;
using Mewe.Tests;
using Npgsql;

// Schedulers side by side: see ../README.md. The programs are those that ./mewe builds; their folders are named by the script.
if (BenchOptions.Parse(args) is not { } options)
{
    Console.Error.WriteLine(BenchOptions.Usage);
    return 64;
}

if (PostgresServer.Programs is null)
{
    Console.Error.WriteLine(PostgresServer.Missing);
    return 69;
}

var root = Environment.GetEnvironmentVariable("MEWE_ROOT") ?? Environment.CurrentDirectory;
var encrypt = await File.ReadAllBytesAsync(Path.Combine(root, "samples", "encrypt.wasm"));
await using var server = await PostgresServer.StartAsync(durable: true, CancellationToken.None);
Console.WriteLine($"{options.Silos} silos with {options.Workers} workers each; {options.Jobs} jobs of {options.Functions} functions");
Console.WriteLine($"{"scheduler",-10} {"job s",8} {"jobs s",8} {"functions/s",12} {"silo ms/f",10} {"engine ms/f",12} {"scatter",14} {"failed",7} {"timeouts",9} {"MB",6} {"recovery s",11}");
foreach (var scheduler in options.Schedulers)
{
    var program = Environment.GetEnvironmentVariable($"MEWE_SILO_{scheduler.ToUpperInvariant()}") ?? throw new InvalidOperationException($"MEWE_SILO_{scheduler.ToUpperInvariant()} names the program");
    var database = await server.NewDatabaseAsync(scheduler, CancellationToken.None);
    await using var cluster = await BenchCluster.StartAsync(program, scheduler, database, options);

    // One job, twice: the first time all is slow.
    const string One = """{"variants":2,"functions":"sodium|store|str|mem|load"}""";
    await cluster.FinishedAsync([await cluster.SubmitAsync(encrypt, One)]);
    var alone = (await cluster.FinishedAsync([await cluster.SubmitAsync(encrypt, One)]))[0];

    var module = SmallModule.Make(options.Functions);
    var (watch, before) = (Stopwatch.StartNew(), cluster.ProcessorSeconds());
    var ids = await Task.WhenAll(Enumerable.Range(0, options.Jobs).Select(seed => cluster.SubmitAsync(module, $$"""{"variants":1,"seed":{{seed}}}""")));
    var jobs = await cluster.FinishedAsync(ids);
    var (seconds, after) = (watch.Elapsed.TotalSeconds, cluster.ProcessorSeconds());
    var functions = jobs.Sum(job => job.Progress.Done);
    var failed = jobs.Count(job => job.State != JobState.Completed) + jobs.Sum(job => job.Progress.Failed);
    var scatter = await TextAsync(database, $"SELECT string_agg(count::text, '/' ORDER BY silo) FROM (SELECT silo, count(*) FROM functions WHERE job IN ({string.Join(',', ids.Select(id => $"'{id}'"))}) GROUP BY silo) AS counts");
    var memory = cluster.Silos.Max(silo => silo.ResidentMegabytes);
    var recovery = options.Recovery ? await RecoveryAsync(cluster, database) : double.NaN;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{scheduler,-10} {(alone.FinishedAt!.Value - alone.SubmittedAt).TotalSeconds,8:0.00} {seconds,8:0.0} {functions / seconds,12:0.0} {(after.Silos - before.Silos) * 1000 / functions,10:0.00} {(after.Engines - before.Engines) * 1000 / functions,12:0.00} {scatter,14} {failed,7} {cluster.Silos.Sum(silo => silo.TimedOut),9} {memory,6} {recovery,11:0.0}"));
}

return 0;

// How long until another silo works on what a killed one had.
async Task<double> RecoveryAsync(BenchCluster cluster, string database)
{
    var job = await cluster.SubmitAsync(encrypt, """{"variants":8}""");
    var victim = cluster.Silos[0];
    var held = -1;
    while (held < 0)
    {
        held = int.Parse(await TextAsync(database, $"SELECT coalesce((SELECT function FROM functions WHERE job = '{job}' AND state = 2 AND silo = '{victim.Name}' LIMIT 1), -1)::text"), CultureInfo.InvariantCulture);
        await Task.Delay(20);
    }

    await victim.KillAsync();
    var killed = Stopwatch.GetTimestamp();
    while (await TextAsync(database, $"SELECT count(*)::text FROM functions WHERE job = '{job}' AND function = {held} AND (silo <> '{victim.Name}' OR state = 3)") == "0")
    {
        await Task.Delay(50);
    }

    var recovered = Stopwatch.GetElapsedTime(killed).TotalSeconds;
    await cluster.Jobs.CancelAsync(job, CancellationToken.None);
    return recovered;
}

static async Task<string> TextAsync(string database, string sql)
{
    await using var connection = new NpgsqlConnection(database + ";Pooling=false");
    await connection.OpenAsync();
    await using var command = new NpgsqlCommand(sql, connection);
    return (string)(await command.ExecuteScalarAsync())!;
}

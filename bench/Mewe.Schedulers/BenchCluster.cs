using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mewe.Client.Http;
using Mewe.Store;
using Mewe.Store.Postgres;

namespace Mewe.Schedulers;

/// <summary>Silos of one scheduler on a database, as processes.</summary>
internal sealed class BenchCluster : IAsyncDisposable
{
    private const double TicksPerSecond = 100; // USER_HZ is 100 everywhere

    private readonly List<BenchSilo> silos = [];
    private readonly PostgresStore store;

    private BenchCluster(PostgresStore store) => this.store = store;

    public IJobStore Jobs => store.Jobs;

    public IReadOnlyList<BenchSilo> Silos => silos;

    public static async Task<BenchCluster> StartAsync(string program, string scheduler, string connectionString, BenchOptions options)
    {
        var opened = await PostgresStore.OpenAsync(connectionString, CancellationToken.None);
        var cluster = new BenchCluster(opened.TryGet(out var store) ? store : throw new InvalidOperationException(opened.Problem!.Message));
        for (var i = 0; i < options.Silos; i++)
        {
            cluster.silos.Add(BenchSilo.Start(program, scheduler, connectionString, $"silo-{i + 1}", options.Workers));
        }

        foreach (var silo in cluster.silos)
        {
            await silo.ReadyAsync();
        }

        return cluster;
    }

    public async Task<string> SubmitAsync(byte[] module, string options)
    {
        using var client = new MeweClient(silos[^1].Address, null);
        return (await client.SubmitAsync(new JobSubmission(new MemoryStream(module)) { Options = options }, CancellationToken.None)).Id;
    }

    /// <summary>Waits until jobs are finished.</summary>
    public async Task<IReadOnlyList<JobRecord>> FinishedAsync(IReadOnlyCollection<string> ids)
    {
        var finished = new List<JobRecord>();
        foreach (var id in ids)
        {
            while (true)
            {
                var seen = store.Jobs.Signals;
                if ((await store.Jobs.GetJobAsync(id, CancellationToken.None)).TryGet(out var job) && job!.State.IsTerminal())
                {
                    finished.Add(job);
                    break;
                }

                await store.Jobs.WaitForSignalAsync(seen, TimeSpan.FromMilliseconds(100), CancellationToken.None);
            }
        }

        return finished;
    }

    /// <summary>Processor time of the silos, and that of the engines which they started, in seconds.</summary>
    public (double Silos, double Engines) ProcessorSeconds()
    {
        var engines = silos.Sum(silo => Children(silo.Id).Sum(Seconds));
        return (silos.Sum(silo => Seconds(silo.Id)), engines);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var silo in silos)
        {
            await silo.DisposeAsync();
        }

        await store.DisposeAsync();
    }

    private static IEnumerable<int> Children(int process) => Directory.Exists($"/proc/{process}/task")
        ? Directory.GetDirectories($"/proc/{process}/task").Select(task => Path.Combine(task, "children")).Where(File.Exists)
            .SelectMany(file => File.ReadAllText(file).Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(id => int.Parse(id, CultureInfo.InvariantCulture))
        : [];

    /// <summary>After the program's name, which ends with the last parenthesis: state, parent, ..., utime and stime as the 12th and 13th (proc(5)).</summary>
    private static double Seconds(int process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
        }
        catch (IOException)
        {
            return 0; // it has just ended
        }
    }
}

/// <summary>A silo as an operator starts it.</summary>
internal sealed class BenchSilo : IAsyncDisposable
{
    private readonly Process process;
    private readonly ConcurrentQueue<string> output = new();

    private BenchSilo(Process process, Uri address, string name)
    {
        (this.process, Address, Name) = (process, address, name);
        process.OutputDataReceived += (_, line) => output.Enqueue(line.Data ?? "");
        process.ErrorDataReceived += (_, line) => output.Enqueue(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public Uri Address { get; }

    public string Name { get; }

    public int Id => process.Id;

    /// <summary>Calls that were not answered in time, by its log.</summary>
    public int TimedOut => output.Count(line => line.Contains("was not answered in time", StringComparison.Ordinal));

    public long ResidentMegabytes
    {
        get
        {
            process.Refresh();
            return process.WorkingSet64 >> 20;
        }
    }

    public static BenchSilo Start(string program, string scheduler, string store, string name, int workers)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        listener.Stop();
        var start = new ProcessStartInfo(program, ["silo", "--scheduler", scheduler, "--urls", address.AbsoluteUri, "--name", name, "--workers", workers.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };
        start.Environment["MEWE_STORE"] = store;
        return new BenchSilo(Process.Start(start)!, address, name);
    }

    public async Task ReadyAsync()
    {
        using var http = new HttpClient { BaseAddress = Address };
        while (true)
        {
            if (process.HasExited)
            {
                throw new InvalidOperationException($"{Name} ended:\n{string.Join('\n', output)}");
            }

            try
            {
                using var answer = await http.GetAsync("/readyz");
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }

            await Task.Delay(50);
        }
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        if (!process.HasExited)
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        process.Dispose();
    }
}

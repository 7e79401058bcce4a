using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Mewe.Cluster.Tests.Running;

/// <summary>A silo as an operator starts it: a process of its own.</summary>
internal sealed class SiloProcess : IAsyncDisposable
{
    private readonly Process process;
    private readonly ConcurrentQueue<string> output = new();

    private SiloProcess(Process process, Uri address, string name)
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

    public bool HasExited => process.HasExited;

    /// <summary>Of a silo that has ended.</summary>
    public int ExitCode => process.ExitCode;

    /// <summary>What it said so far, on both streams.</summary>
    public string Output => string.Join('\n', output);

    /// <summary>Starts one; it is ready later (<see cref="ReadyAsync"/>).</summary>
    public static SiloProcess Start(string store, string name, int workers, double leaseSeconds, IReadOnlyDictionary<string, string>? environment = null, params string[] more)
    {
        var address = new Uri($"http://127.0.0.1:{FreePort()}");
        var start = new ProcessStartInfo(Programs.Silo, ["silo", "--urls", address.AbsoluteUri, "--workers", $"{workers}", "--name", name, "--lease", FormattableString.Invariant($"{leaseSeconds}"), "--scheduler", Programs.Scheduler, .. more])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };
        start.Environment["MEWE_STORE"] = store;
        foreach (var (variable, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[variable] = value;
        }

        return new SiloProcess(Process.Start(start)!, address, name);
    }

    /// <summary>Waits until it says that it is ready.</summary>
    public async Task ReadyAsync(CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = Address };
        while (true)
        {
            Assert.False(process.HasExited, $"silo {Name} ended: {Output}");
            try
            {
                using var answer = await http.GetAsync("/readyz", cancellationToken);
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }

            await Task.Delay(50, cancellationToken);
        }
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        if (!process.HasExited)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    /// <summary>Sends a signal, such as STOP, CONT or TERM.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]);
        await kill.WaitForExitAsync(CancellationToken.None);
    }

    /// <summary>Waits for its end.</summary>
    public async Task<int> ExitedAsync(CancellationToken cancellationToken)
    {
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode;
    }

    /// <summary>Processor time so far of the process and each of its children, as /proc has it.</summary>
    public Dictionary<int, TimeSpan> ProcessorTimes()
    {
        var pids = new HashSet<int> { process.Id };
        foreach (var children in Directory.EnumerateDirectories($"/proc/{process.Id}/task").Select(task => System.IO.Path.Combine(task, "children")).Where(File.Exists))
        {
            pids.UnionWith(File.ReadAllText(children).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse));
        }

        return pids.ToDictionary(pid => pid, Of);

        static TimeSpan Of(int pid)
        {
            try
            {
                using var found = Process.GetProcessById(pid);
                return found.TotalProcessorTime;
            }
            catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
            {
                return TimeSpan.Zero;
            }
        }
    }

    /// <summary>Resident memory, in bytes.</summary>
    public long ResidentBytes()
    {
        process.Refresh();
        return process.WorkingSet64;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        process.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Mewe.Tests;

/// <summary>A private PostgreSQL server for tests and benchmarks: its own folder, a free port of the loopback address, no password, and a user that is not root (PostgreSQL refuses to run as root).</summary>
public sealed class PostgresServer : IAsyncDisposable
{
    public const string Missing = "PostgreSQL is missing (package postgresql; MEWE_POSTGRES names a folder with initdb and postgres)";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string folder, programs;
    private readonly bool durable;
    private Process? process;

    private PostgresServer(string folder, string programs, int port, bool durable) => (this.folder, this.programs, Port, this.durable) = (folder, programs, port, durable);

    /// <summary>The folder of initdb and postgres; null where there is none.</summary>
    public static string? Programs { get; } = Candidates().FirstOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "postgres")));

    public int Port { get; }

    /// <summary>The server's process while it runs.</summary>
    public int? ProcessId => process is { HasExited: false } ? process.Id : null;

    private string Log => Path.Combine(folder, "log");

    /// <summary>Makes and starts a server.</summary>
    /// <param name="durable">Waits for the disk, as production does; tests do without, except where they kill the server.</param>
    public static async Task<PostgresServer> StartAsync(bool durable, CancellationToken cancellation)
    {
        var server = new PostgresServer(Directory.CreateTempSubdirectory("mewe-postgres-").FullName, Programs ?? throw new InvalidOperationException(Missing), FreePort(), durable);
        try
        {
            if (Environment.IsPrivilegedProcess)
            {
                await RunAsync("chown", [User, server.folder], cancellation);
            }

            await RunAsync("initdb", ["-D", Path.Combine(server.folder, "data"), "-U", "mewe", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"], cancellation, server);
            await server.StartAsync(cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>How to connect to one of its databases.</summary>
    public string ConnectionString(string database) => $"Host=127.0.0.1;Port={Port};Username=mewe;Database={database}";

    /// <summary>Makes an empty database.</summary>
    /// <returns>How to connect to it.</returns>
    public async Task<string> NewDatabaseAsync(string name, CancellationToken cancellation)
    {
        await using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false");
        await connection.OpenAsync(cancellation);
        await using var create = new NpgsqlCommand($"CREATE DATABASE {name}", connection);
        await create.ExecuteNonQueryAsync(cancellation);
        return ConnectionString(name);
    }

    /// <summary>Starts it again after <see cref="StopAsync"/>, at the same port with the same data.</summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        string[] durability = durable ? [] : ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"];
        var start = AsUser(Path.Combine(programs, "postgres"),
            ["-D", Path.Combine(folder, "data"), "-k", folder, "-p", $"{Port}", "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "shared_buffers=128MB", "-c", "logging_collector=on",
                "-c", $"log_directory={folder}", "-c", "log_filename=log", "-c", "log_rotation_age=0", .. durability]);
        start.RedirectStandardError = true;
        process = Process.Start(start)!;
        process.BeginErrorReadLine(); // what it says before its log takes over; a pipe that nobody reads would stop it
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        while (!await AnswersAsync(patience.Token))
        {
            if (process.HasExited)
            {
                throw new InvalidOperationException($"PostgreSQL ended with exit code {process.ExitCode}: {(File.Exists(Log) ? await File.ReadAllTextAsync(Log, cancellation) : "no log")}");
            }

            await Task.Delay(20, patience.Token);
        }
    }

    /// <summary>Stops it: at once as in a crash, or after ending its connections in order.</summary>
    public async Task StopAsync(bool crash, CancellationToken cancellation)
    {
        if (ProcessId is { } id)
        {
            // SIGQUIT: no checkpoint, recovery at the next start. SIGINT: a fast shutdown. https://www.postgresql.org/docs/current/server-shutdown.html
            await RunAsync("kill", [crash ? "-QUIT" : "-INT", $"{id}"], cancellation);
            await process!.WaitForExitAsync(cancellation);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(crash: true, CancellationToken.None);
        process?.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellation)
    {
        try
        {
            await using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false;Timeout=5");
            await connection.OpenAsync(cancellation);
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    private static IEnumerable<string> Candidates()
    {
        if (Environment.GetEnvironmentVariable("MEWE_POSTGRES") is { Length: > 0 } named)
        {
            return [named];
        }

        var debian = Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql") : [];
        return [.. debian.OrderByDescending(version => int.TryParse(Path.GetFileName(version), out var number) ? number : 0).Select(version => Path.Combine(version, "bin")), .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')];
    }

    private static string User => File.ReadLines("/etc/passwd").Any(line => line.StartsWith("postgres:", StringComparison.Ordinal)) ? "postgres" : "nobody";

    private static ProcessStartInfo AsUser(string program, string[] arguments)
    {
        // setpriv becomes the program, so the process that was started is the server itself.
        var start = Environment.IsPrivilegedProcess
            ? new ProcessStartInfo("setpriv", ["--reuid", User, "--regid", User == "postgres" ? "postgres" : "nogroup", "--clear-groups", "--", program, .. arguments])
            : new ProcessStartInfo(program, arguments);
        start.WorkingDirectory = "/";
        start.Environment["LC_ALL"] = "C";
        return start;
    }

    private static async Task RunAsync(string program, string[] arguments, CancellationToken cancellation, PostgresServer? server = null)
    {
        var start = server is null ? new ProcessStartInfo(program, arguments) : AsUser(Path.Combine(server.programs, program), arguments);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var run = Process.Start(start)!;
        var (output, errors) = (run.StandardOutput.ReadToEndAsync(cancellation), run.StandardError.ReadToEndAsync(cancellation));
        await run.WaitForExitAsync(cancellation);
        if (run.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} ended with exit code {run.ExitCode}: {await output}{await errors}");
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

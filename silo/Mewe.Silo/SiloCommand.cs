using System.CommandLine;
using Mewe.Grains;
using Mewe.Silo.Access;
using Mewe.Silo.Api;
using Mewe.Silo.Observability;
using Mewe.Store;

namespace Mewe.Silo;

/// <summary><c>mewe silo</c>: joins a cluster, works on its jobs, and answers the HTTP API.</summary>
internal static class SiloCommand
{
    /// <summary>The scheduler that this program brings beside leases, where there is one.</summary>
    public const string Auto = "auto";

    private const string DefaultUrl = "http://127.0.0.1:5080";

    public static Command Command(ISiloScheduling? scheduling)
    {
        var store = new Option<string?>("--store")
        {
            Description = $"The cluster's store: a connection string of PostgreSQL, or for one machine a file (default: {OpenedStore.Variable}, which other users of the machine cannot read)", HelpName = "STORE",
        };
        var wait = new Option<double>("--store-wait") { Description = "Seconds for which a database that does not answer is asked again when the silo starts", DefaultValueFactory = _ => 60, HelpName = "SECONDS" };
        var urls = new Option<string?>("--urls") { Description = $"Where the HTTP API listens (default: {DefaultUrl}; TLS by Kestrel's configuration); beyond loopback only where there are keys", HelpName = "URLS" };
        var workers = new Option<int>("--workers") { Description = "Functions worked on at a time", DefaultValueFactory = _ => Environment.ProcessorCount, HelpName = "N" };
        var name = new Option<string>("--name") { Description = "Of this silo; another process with the same name takes its place", DefaultValueFactory = _ => $"{Environment.MachineName}-{Environment.ProcessId}", HelpName = "NAME" };
        var lease = new Option<double>("--lease") { Description = "Seconds after which a silo that is not heard of is taken for dead; the same on all silos", DefaultValueFactory = _ => JobLimits.Lease.TotalSeconds, HelpName = "SECONDS" };
        var upload = new Option<long>("--max-upload") { Description = "Largest module that may be submitted, in bytes", DefaultValueFactory = _ => 64 << 20, HelpName = "BYTES" };
        var keep = new Option<int?>("--keep-days") { Description = "Delete jobs that finished longer ago (default: never; `mewe admin prune` does it once)", HelpName = "N" };
        var scheduler = new Option<string>("--scheduler")
        {
            Description = "Who decides what runs where: leases in the store, orleans (an actor engine), or auto (orleans where this program has it); the same on all silos", DefaultValueFactory = _ => Auto,
            HelpName = "leases|orleans|auto",
        };
        Must(scheduler, value => value is Auto or NewSilo.Leases or "orleans", "--scheduler is leases, orleans or auto");
        Must(workers, value => value is >= 1 and <= 1024, "--workers is 1 to 1024");
        Must(lease, value => value is >= 0.5 and <= 600, "--lease is 0.5 to 600");
        Must(wait, value => value is >= 0 and <= 3600, "--store-wait is 0 to 3600");
        Must(upload, value => value is >= 1 and <= 1L << 30, "--max-upload is 1 to 1073741824");
        Must(keep, value => value is null or >= 0, "--keep-days is at least 0");
        var command = new Command("silo", """
            Join a cluster: work on its jobs and answer its HTTP API.

            Examples:
              mewe silo --store "Host=db;Database=mewe;Username=mewe;Password=..."
              mewe silo --store jobs.db --urls http://127.0.0.1:5080 --workers 4
            """) { store, wait, urls, workers, name, lease, upload, keep, scheduler };
        foreach (var option in scheduling?.Options ?? [])
        {
            command.Add(option);
        }

        command.SetAction((parsed, token) => RunAsync(
            new SiloSettings
            {
                Store = parsed.GetValue(store),
                StoreWait = TimeSpan.FromSeconds(parsed.GetValue(wait)),
                Urls = parsed.GetValue(urls),
                Workers = parsed.GetValue(workers),
                Name = parsed.GetRequiredValue(name),
                Lease = TimeSpan.FromSeconds(parsed.GetValue(lease)),
                MaxUpload = parsed.GetValue(upload),
                Keep = parsed.GetValue(keep) is { } days ? TimeSpan.FromDays(days) : null,
                Scheduler = parsed.GetRequiredValue(scheduler),
            },
            scheduling,
            parsed,
            token));
        return command;

        static void Must<T>(Option<T> option, Func<T?, bool> fits, string message) => option.Validators.Add(result =>
        {
            if (!fits(result.GetValue(option)))
            {
                result.AddError(message);
            }
        });
    }

    private static async Task<int> RunAsync(SiloSettings settings, ISiloScheduling? scheduling, ParseResult parsed, CancellationToken cancellationToken)
    {
        await using var store = await OpenedStore.OpenAsync(settings.Store, settings.Lease, settings.StoreWait, cancellationToken);
        var chosen = Choose(settings, scheduling, store);
        await using var engines = await EngineSet.StartAsync(EngineChoice.Everything, settings.Workers, cancellationToken);
        if (engines.Engines is null)
        {
            throw new StartupException(ExitCode.Unavailable, string.Join("; ", engines.Missing.Select(engine => $"{engine.Name} cannot be used: {engine.Failure.Message}")));
        }

        await using var app = await BuildAsync(settings, chosen, parsed, store, engines.Engines, cancellationToken);
        foreach (var missing in engines.Missing)
        {
            app.Logger.EngineMissing(missing.Name, missing.Failure.Message);
        }

        await app.StartAsync(cancellationToken);
        await app.WaitForShutdownAsync(cancellationToken);
        return app.Services.GetRequiredService<SiloService>().Problem is { } problem ? throw new StartupException(ExitCode.Unavailable, problem) : ExitCode.Success;
    }

    /// <summary>The scheduler that was asked for; with auto the one that the program brings, where it can use the store.</summary>
    /// <returns>Null for leases.</returns>
    /// <exception cref="StartupException">It cannot be had here.</exception>
    private static ISiloScheduling? Choose(SiloSettings settings, ISiloScheduling? scheduling, OpenedStore store)
    {
        if (settings.Scheduler is NewSilo.Leases || (settings.Scheduler == Auto && scheduling?.Refusal(store) is not null))
        {
            return null;
        }

        if (settings.Scheduler == Auto)
        {
            return scheduling;
        }

        return scheduling?.Name != settings.Scheduler
            ? throw new StartupException(ExitCode.Unavailable, $"this program has no scheduler {settings.Scheduler}: ./mewe silo --scheduler {settings.Scheduler} builds the one that has (silo/Mewe.Silo.Orleans)")
            : scheduling.Refusal(store) is { } refusal ? throw new StartupException(ExitCode.Usage, refusal) : scheduling;
    }

    private static async Task<WebApplication> BuildAsync(SiloSettings settings, ISiloScheduling? scheduling, ParseResult parsed, OpenedStore store, JobEngines engines, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddJsonFile(Path.Combine(Environment.CurrentDirectory, "appsettings.json"), optional: true);
        builder.WebHost.UseKestrelHttpsConfiguration();
        var endpoints = builder.Configuration.GetSection("Kestrel:Endpoints").GetChildren().Select(endpoint => endpoint["Url"]).OfType<string>().ToList();
        if (settings.Urls is not null || endpoints.Count == 0)
        {
            var urls = settings.Urls ?? builder.Configuration["URLS"] ?? DefaultUrl;
            builder.WebHost.UseUrls(urls);
            endpoints.AddRange(urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        }

        await Exposure.CheckAsync(endpoints, store.Keys, cancellationToken);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = SubmitEndpoint.LargestBody(settings);
        });
        TelemetrySetup.Add(builder, settings);
        scheduling?.Configure(builder);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(20));
        builder.Services.AddSingleton(settings).AddSingleton(store).AddSingleton(store.Jobs).AddSingleton(store.Keys).AddSingleton(engines)
            .AddSingleton(new SchedulerChoice(scheduling, parsed)).AddSingleton<SiloService>().AddSingleton<ProgressBroadcast>().AddSingleton<ApiAccess>().AddSingleton(new Exposure(endpoints))
            .AddHostedService(services => services.GetRequiredService<SiloService>())
            .AddHostedService(services => services.GetRequiredService<ProgressBroadcast>())
            .AddHostedService<Housekeeping>();
        builder.Services.AddApi();
        var app = builder.Build();
        app.UseApi();
        return app;
    }
}

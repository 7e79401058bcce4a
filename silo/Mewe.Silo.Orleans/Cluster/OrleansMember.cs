using Mewe.Grains;
using Mewe.Silo.Orleans.Grains;
using Mewe.Silo.Orleans.Placement;
using Mewe.Store.Postgres;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace Mewe.Silo.Orleans.Cluster;

/// <summary>One membership of this process in the Orleans cluster: a host of its own, from joining to leaving or being expelled.</summary>
internal sealed class OrleansMember : IAsyncDisposable
{
    private readonly IHost host;
    private readonly Expulsion expulsion;
    private readonly PostgresMembers members;
    private readonly SchedulerOptions options;

    private OrleansMember(IHost host, Expulsion expulsion, PostgresMembers members, SchedulerOptions options) => (this.host, this.expulsion, this.members, this.options) = (host, expulsion, members, options);

    public string Address => host.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress.ToParsableString();

    public static OrleansMember Build(SchedulerParts parts, PushScheduler push, OrleansEndpoint endpoint)
    {
        var postgres = parts.Store.Postgres!;
        var expulsion = new Expulsion();
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = typeof(OrleansMember).Assembly.GetName().Name });
        builder.UseOrleans(silo =>
        {
            silo.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (MeweCluster.Id, MeweCluster.Id));
            silo.Configure<SiloOptions>(named => named.SiloName = parts.Options.Silo);
            silo.Configure<EndpointOptions>(at => (at.AdvertisedIPAddress, at.SiloPort, at.GatewayPort) = (endpoint.Address, endpoint.Port, endpoint.GatewayPort));
            silo.Configure<ClusterMembershipOptions>(membership => OrleansTiming.Apply(membership, parts.Options.Lease));
            silo.Configure<SiloMessagingOptions>(messaging => messaging.ResponseTimeout = OrleansTiming.Response);
            silo.AddReminders().AddActivityPropagation();
            silo.Services.AddPlacementDirector<ScatteredPlacement, ScatteredPlacementDirector>();
        });
        builder.Services
            .AddSingleton<IMembershipTable>(new MembershipTable(postgres.Members)).AddSingleton<IReminderTable>(new ReminderTable(postgres.Reminders))
            .AddSingleton<IFatalErrorHandler>(expulsion)
            .AddSingleton(parts.Host.Time).AddSingleton(parts.Store.Jobs).AddSingleton(postgres.Members).AddSingleton(parts.Options).AddSingleton(push)
            .AddSingleton<SiloHere>().AddSingleton<ClusterView>().AddSingleton<ClusterLoads>().AddSingleton<JobRounds>();
        builder.Services.Replace(ServiceDescriptor.Singleton(parts.Services.GetRequiredService<ILoggerFactory>()));
        builder.Services.Configure<HostOptions>(ending => ending.ShutdownTimeout = OrleansTiming.Leaving);
        return new OrleansMember(builder.Build(), expulsion, postgres.Members, parts.Options);
    }

    /// <summary>Joins. A member must reach all others, so those that are dead and not known to be are buried meanwhile.</summary>
    /// <exception cref="Exception">It could not join.</exception>
    public async Task JoinAsync(CancellationToken cancellationToken)
    {
        using var joining = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var start = host.StartAsync(joining.Token);
        while (await Task.WhenAny(start, Task.Delay(options.Poll, joining.Token)) != start)
        {
            joining.Token.ThrowIfCancellationRequested();
            await members.BuryAsync((int)SiloStatus.Dead, options.Lease, joining.Token);
        }

        await start;
    }

    /// <summary>Works until it is told to leave; then it leaves in order.</summary>
    /// <returns>Ends by itself only when it was expelled.</returns>
    public async Task RunAsync(CancellationToken leaving)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(leaving);
        var rounds = host.Services.GetRequiredService<JobRounds>().RunAsync(ending.Token);
        var first = await Task.WhenAny(rounds, expulsion.Happened, Task.Delay(Timeout.Infinite, ending.Token));
        await ending.CancelAsync();
        await ((Task)rounds).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using var patience = new CancellationTokenSource(first == expulsion.Happened ? TimeSpan.Zero : OrleansTiming.Leaving);
        await host.StopAsync(patience.Token).WaitAsync(2 * OrleansTiming.Leaving, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        leaving.ThrowIfCancellationRequested();
        if (first == rounds)
        {
            await rounds;
        }
    }

    public async ValueTask DisposeAsync()
    {
        // One that was expelled has nobody to take leave of, and some of its parts wait for answers that never come.
        await DisposeHostAsync().WaitAsync(OrleansTiming.Leaving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        async Task DisposeHostAsync()
        {
            if (host is IAsyncDisposable disposable)
            {
                await disposable.DisposeAsync();
            }
            else
            {
                host.Dispose();
            }
        }
    }

    /// <summary>What Orleans calls when it cannot go on, above all when the others have declared this member dead. Its own handler ends the process; here a new member takes its place.</summary>
    private sealed class Expulsion : IFatalErrorHandler
    {
        private readonly TaskCompletionSource happened = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Happened => happened.Task;

        public bool IsUnexpected(Exception exception) => exception is not OperationCanceledException;

        public void OnFatalException(object? sender, string? context, Exception? exception) => happened.TrySetResult();
    }
}

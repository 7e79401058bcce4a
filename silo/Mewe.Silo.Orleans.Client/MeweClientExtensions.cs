using System.Net;
using Mewe.Store;
using Mewe.Store.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Messaging;
using Orleans.Runtime;

namespace Mewe.Silo.Orleans;

/// <summary>What names the cluster to Orleans. One database is one cluster, so the names are always the same.</summary>
public static class MeweCluster
{
    public const string Id = "mewe";

    /// <summary>Connects a client of Orleans to the cluster on a store: it finds gateways (silos that were started with <c>--orleans-gateway</c>) in the store's table of members.</summary>
    /// <param name="store">Of the cluster. It has to outlive the client.</param>
    public static IClientBuilder UseMeweCluster(this IClientBuilder builder, PostgresStore store)
    {
        builder.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (Id, Id));
        builder.Services.AddSingleton<IGatewayListProvider>(new Gateways(store.Members));
        return builder;
    }

    /// <summary>Gateways are members that are active and listen to clients.</summary>
    private sealed class Gateways(PostgresMembers members) : IGatewayListProvider
    {
        public TimeSpan MaxStaleness => TimeSpan.FromSeconds(10);

        public bool IsUpdatable => true;

        public Task InitializeGatewayListProvider() => Task.CompletedTask;

        public async Task<IList<Uri>> GetGateways()
        {
            var answer = await members.ReadAsync(null, CancellationToken.None);
            if (!answer.TryGet(out var table))
            {
                throw new OrleansException(answer.Problem!.Message);
            }

            return [.. table.Members.Select(row => row.Member).Where(member => member.Status == (int)SiloStatus.Active && member.GatewayPort > 0).Select(GatewayOf)];
        }

        private static Uri GatewayOf(Member member)
        {
            var silo = SiloAddress.FromParsableString(member.Address);
            return SiloAddress.New(new IPEndPoint(silo.Endpoint.Address, member.GatewayPort), silo.Generation).ToGatewayUri();
        }
    }
}

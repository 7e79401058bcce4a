using System.CommandLine;
using Mewe.Grains;

namespace Mewe.Silo.Orleans;

/// <summary>Orleans as the scheduler of a silo.</summary>
internal sealed class OrleansScheduling : ISiloScheduling
{
    private readonly OrleansOptions options = new();

    public string Name => "orleans";

    public IReadOnlyList<Option> Options => options.All;

    public string? Refusal(OpenedStore store) => store.Postgres is null ? "the scheduler orleans needs PostgreSQL: its members and reminders are kept there; for a file there are leases" : null;

    public void Configure(WebApplicationBuilder builder) => builder.Logging.AddFilter("Orleans", LogLevel.Error).AddFilter("Microsoft.Orleans", LogLevel.Error);

    public ISiloScheduler Create(SchedulerParts parts) => new OrleansScheduler(parts, options.Of(parts.Parsed));
}

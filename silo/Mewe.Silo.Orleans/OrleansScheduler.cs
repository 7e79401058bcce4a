using System.Net.Sockets;
using Mewe.Grains;
using Mewe.Silo.Orleans.Cluster;

namespace Mewe.Silo.Orleans;

/// <summary>
/// Orleans decides what runs where and when; the lease decides whether it counts (<see cref="PushScheduler"/>). A member that Orleans takes for dead cannot come back under its address, so the member is a host of its own inside
/// the process, and a new one takes its place: a silo that was suspended for a while joins again, without losing its process.
/// </summary>
internal sealed class OrleansScheduler(SchedulerParts parts, OrleansEndpoint endpoint) : ISiloScheduler
{
    private readonly PushScheduler push = new(parts.Host, parts.Options);
    private readonly ILogger logger = parts.Services.GetRequiredService<ILoggerFactory>().CreateLogger<OrleansScheduler>();
    private volatile bool joined;

    public SiloWork Work => push.Work;

    /// <summary>True while it has a lease and is a member.</summary>
    public bool IsReady => joined && push.IsReady;

    /// <summary>Joins once it has a lease; leaves after the work is given back, so that the others hear of it.</summary>
    public async Task<SchedulerEnd> RunAsync(CancellationToken stopping)
    {
        using var leaving = new CancellationTokenSource();
        using var failing = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var registered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Work.Registered += _ => registered.TrySetResult();
        var membership = MemberAsync();
        var end = await push.RunAsync(failing.Token);
        await leaving.CancelAsync();
        await membership;
        return end;

        async Task MemberAsync()
        {
            try
            {
                await registered.Task.WaitAsync(leaving.Token);
                await StayAsync(leaving.Token);
            }
            catch (OperationCanceledException) when (leaving.IsCancellationRequested)
            {
                // That is how it ends.
            }
            catch
            {
                await failing.CancelAsync();
                throw;
            }
        }
    }

    /// <summary>Is a member until told to leave, again and again if need be.</summary>
    private async Task StayAsync(CancellationToken leaving)
    {
        while (true)
        {
            try
            {
                await using var member = OrleansMember.Build(parts, push, endpoint with { Port = endpoint.Port == 0 ? FreePort() : endpoint.Port });
                await member.JoinAsync(leaving);
                joined = true;
                logger.Joined(parts.Options.Silo, member.Address);
                await member.RunAsync(leaving);
                logger.Expelled(parts.Options.Silo, member.Address);
            }
            catch (Exception exception) when (exception is not OperationCanceledException || !leaving.IsCancellationRequested)
            {
                // The store does not answer, the port is taken, another member does not answer yet.
                logger.NotJoined(exception, parts.Options.Silo);
            }
            finally
            {
                joined = false;
            }

            await Task.Delay(parts.Options.Poll, parts.Host.Time, leaving);
        }
    }

    private int FreePort()
    {
        using var listener = new TcpListener(endpoint.Address, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}

/// <summary>What the scheduler logs.</summary>
internal static partial class OrleansMessages
{
    [LoggerMessage(101, LogLevel.Information, "Silo {Silo} joined the cluster as {Address}")]
    public static partial void Joined(this ILogger logger, string silo, string address);

    [LoggerMessage(102, LogLevel.Warning, "Silo {Silo} is not a member as {Address} any more: it joins again")]
    public static partial void Expelled(this ILogger logger, string silo, string address);

    [LoggerMessage(104, LogLevel.Warning, "A call for job {Job} was not answered in time: its silo may have died")]
    public static partial void TimedOut(this ILogger logger, string job);

    [LoggerMessage(103, LogLevel.Warning, "Silo {Silo} is no member of the cluster: it tries again")]
    public static partial void NotJoined(this ILogger logger, Exception exception, string silo);
}

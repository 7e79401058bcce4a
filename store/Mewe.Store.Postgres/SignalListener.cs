using System.Globalization;
using Npgsql;

namespace Mewe.Store.Postgres;

/// <summary>
/// Turns the server's notifications into signals, with a connection of its own. It only makes things faster, so it fails quietly: it connects again after a while, and polling finds all work meanwhile. Many
/// notifications that come together are one signal. Behind a pooler in transaction mode LISTEN seems to work but nothing ever arrives, so the listener sends itself a notification first: if that does not
/// arrive, it hangs up (the pooler has better uses for the connection) and tries again much later.
/// </summary>
internal sealed class SignalListener : IAsyncDisposable
{
    private static readonly TimeSpan Proof = TimeSpan.FromSeconds(3), Again = TimeSpan.FromSeconds(2), MuchLater = TimeSpan.FromMinutes(5), Together = TimeSpan.FromMilliseconds(5);

    private readonly PostgresSession session;
    private readonly WorkSignal signal;
    private readonly TimeProvider time;
    private readonly CancellationTokenSource stop = new();
    private readonly Task listening;
    private bool heard;

    public SignalListener(PostgresSession session, WorkSignal signal, TimeProvider time)
    {
        (this.session, this.signal, this.time) = (session, signal, time);
        listening = Task.Run(() => ListenAsync(stop.Token));
    }

    /// <summary>Whether notifications arrive now.</summary>
    public bool Hears { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await listening;
    }

    private async Task ListenAsync(CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                var pause = Again;
                try
                {
                    pause = await ListenOnceAsync(cancellation) ? Again : MuchLater;
                }
                catch (Exception error) when (!cancellation.IsCancellationRequested && session.ProblemOf(error) is not null)
                {
                    // The server is away; everybody who needs it finds that out, and says so.
                }

                Hears = false;
                await Task.Delay(pause, time, cancellation);
            }
        }
        catch (Exception) when (cancellation.IsCancellationRequested)
        {
            // Cancelling breaks whatever is under way, in whatever way.
        }
    }

    /// <returns>False when notifications do not arrive.</returns>
    private async Task<bool> ListenOnceAsync(CancellationToken cancellation)
    {
        var settings = new NpgsqlConnectionStringBuilder(session.Settings.ToString()) { Pooling = false, KeepAlive = 10 };
        await using var connection = new NpgsqlConnection(settings.ToString());
        var proof = Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture);
        connection.Notification += (_, notification) =>
        {
            Hears |= notification.Payload == proof;
            heard = true;
        };
        await connection.OpenAsync(cancellation);
        await using (var listen = new NpgsqlCommand(PostgresSession.Statements["listen"], connection))
        {
            await listen.ExecuteNonQueryAsync(cancellation);
        }

        await session.ExecuteAsync("notify", cancellation, Parameters.Text("payload", proof));
        var asked = time.GetTimestamp();
        while (!Hears)
        {
            var left = Proof - time.GetElapsedTime(asked);
            if (left <= TimeSpan.Zero || !await connection.WaitAsync(left, cancellation) && !Hears)
            {
                return Hears;
            }
        }

        // What happened before one could hear it.
        signal.Raise();
        while (true)
        {
            heard = false;
            await connection.WaitAsync(cancellation);
            if (heard)
            {
                await Task.Delay(Together, time, cancellation);
                signal.Raise();
            }
        }
    }
}

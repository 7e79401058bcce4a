using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mewe.Tests;

/// <summary>
/// A connection pooler in transaction mode, as PgBouncer is, and as unkind as one can be: a client has a server connection only from the first message of a transaction to its end, and the next time it gets
/// another one, the one that was not used for longest. What belongs to a session (LISTEN, SET, named statements, advisory locks) is lost or is somebody else's. Notifications go nowhere.
/// Protocol: https://www.postgresql.org/docs/current/protocol-flow.html and protocol-message-formats.html, version 3.0.
/// </summary>
public sealed class TransactionPooler : IAsyncDisposable
{
    private const int SslRequest = 80877103, GssRequest = 80877104, CancelRequest = 80877102;

    private readonly int serverPort;
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentQueue<Server> idle = new();
    private readonly ConcurrentBag<IDisposable> sockets = [];
    private readonly SemaphoreSlim free;
    private readonly Task accepting;
    private int transactions;

    /// <param name="serverPort">Of a server on the loopback address that asks for no password.</param>
    /// <param name="connections">How many server connections there are; clients wait for each other.</param>
    public TransactionPooler(int serverPort, int connections)
    {
        this.serverPort = serverPort;
        free = new SemaphoreSlim(connections);
        listener.Start();
        accepting = AcceptAsync();
    }

    /// <summary>Where clients connect, on the loopback address.</summary>
    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>How many transactions went through.</summary>
    public int Transactions => Volatile.Read(ref transactions);

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        foreach (var socket in sockets)
        {
            socket.Dispose();
        }

        await accepting;
    }

    private readonly record struct Message(byte Type, byte[] Bytes);

    /// <summary>A connection to the server, for the startup parameters of the client that needed it first.</summary>
    private sealed record Server(NetworkStream Stream, byte[] Greeting);

    private async Task AcceptAsync()
    {
        var clients = new List<Task>();
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(stop.Token);
                client.NoDelay = true;
                sockets.Add(client);
                clients.Add(Task.Run(() => ServeAsync(client)));
            }
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            await Task.WhenAll(clients);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            {
                var stream = client.GetStream();
                if (await StartupAsync(stream) is { } startup)
                {
                    await TransactionsAsync(stream, startup);
                }
            }
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Whoever went away, went away.
        }
    }

    private async Task TransactionsAsync(NetworkStream client, byte[] startup)
    {
        var server = await TakeAsync(startup);
        await client.WriteAsync(server.Greeting, stop.Token);
        Return(server);
        var reading = ReadAsync(client);
        while (await reading is { Type: not (byte)'X' })
        {
            server = await TakeAsync(startup);
            var broken = true;
            try
            {
                reading = await TransactionAsync(client, server.Stream, reading);
                broken = false;
                Interlocked.Increment(ref transactions);
            }
            finally
            {
                if (broken)
                {
                    await server.Stream.DisposeAsync();
                    free.Release();
                }
                else
                {
                    Return(server);
                }
            }
        }
    }

    /// <summary>Passes messages on until the server is idle and has answered everything.</summary>
    /// <returns>The read of the client's next message.</returns>
    private async Task<Task<Message>> TransactionAsync(NetworkStream client, NetworkStream server, Task<Message> reading)
    {
        var (expected, unfinished, over, gate) = (0, false, false, new Lock());
        var answering = AnswerAsync();
        while (true)
        {
            await Task.WhenAny(reading, answering);
            if (answering.IsCompleted)
            {
                await answering;
                return reading;
            }

            var message = await reading;
            bool next;
            lock (gate)
            {
                // The client that has the last answer is already free to begin its next transaction, before the task that passed the answer on has ended.
                next = over;

                // Query, Sync and FunctionCall are answered with ReadyForQuery. The data of a COPY belong to the query before.
                (expected, unfinished) = message.Type is (byte)'Q' or (byte)'S' or (byte)'F' ? (expected + 1, false)
                    : message.Type is (byte)'d' or (byte)'c' or (byte)'f' ? (expected, unfinished)
                    : (expected, true);
            }

            if (next)
            {
                await answering;
                return reading;
            }

            await server.WriteAsync(message.Bytes, stop.Token);
            if (message.Type == 'X')
            {
                throw new IOException("the client ended within a transaction");
            }

            reading = ReadAsync(client);
        }

        async Task AnswerAsync()
        {
            for (var last = false; !last;)
            {
                var answer = await ReadAsync(server);
                lock (gate)
                {
                    expected -= answer.Type == 'Z' ? 1 : 0;
                    last = over = answer.Type == 'Z' && answer.Bytes[5] == 'I' && expected == 0 && !unfinished;
                }

                if (answer.Type != 'A')
                {
                    await client.WriteAsync(answer.Bytes, stop.Token);
                }
            }
        }
    }

    private async Task<Server> TakeAsync(byte[] startup)
    {
        await free.WaitAsync(stop.Token);
        try
        {
            return idle.TryDequeue(out var server) ? server : await ConnectAsync(startup);
        }
        catch
        {
            free.Release();
            throw;
        }
    }

    private void Return(Server server)
    {
        idle.Enqueue(server);
        free.Release();
    }

    private async Task<Server> ConnectAsync(byte[] startup)
    {
        var server = new TcpClient { NoDelay = true };
        sockets.Add(server);
        await server.ConnectAsync(IPAddress.Loopback, serverPort, stop.Token);
        var stream = server.GetStream();
        await stream.WriteAsync(startup, stop.Token);
        using var greeting = new MemoryStream();
        while (true)
        {
            var message = await ReadAsync(stream);
            greeting.Write(message.Bytes);
            switch ((char)message.Type)
            {
                case 'Z':
                    return new Server(stream, greeting.ToArray());
                case 'E':
                    throw new IOException(Encoding.UTF8.GetString(message.Bytes));
            }
        }
    }

    /// <summary>The startup message; null for a request to cancel, which is not passed on.</summary>
    private async Task<byte[]?> StartupAsync(NetworkStream client)
    {
        while (true)
        {
            var head = new byte[8];
            await client.ReadExactlyAsync(head, stop.Token);
            var (length, code) = (BinaryPrimitives.ReadInt32BigEndian(head), BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(4)));
            switch (code)
            {
                case SslRequest or GssRequest:
                    await client.WriteAsync("N"u8.ToArray(), stop.Token);
                    continue;
                case CancelRequest:
                    return null;
            }

            var startup = new byte[length];
            head.CopyTo(startup, 0);
            await client.ReadExactlyAsync(startup.AsMemory(8), stop.Token);
            return startup;
        }
    }

    private async Task<Message> ReadAsync(NetworkStream stream)
    {
        var head = new byte[5];
        await stream.ReadExactlyAsync(head, stop.Token);
        var message = new byte[1 + BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1))];
        head.CopyTo(message, 0);
        await stream.ReadExactlyAsync(message.AsMemory(5), stop.Token);
        return new Message(head[0], message);
    }
}

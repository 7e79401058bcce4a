using System.Buffers.Binary;
using System.ComponentModel;
using System.Diagnostics;
using System.Reflection;
using System.Text;

namespace Mewe.Execution.Node;

/// <summary>
/// One <c>node</c> process and the two pipes to it. It serves one request at a time; whoever holds the worker sends the next one.
/// </summary>
/// <remarks>
/// Reads on a process's pipes occupy a thread each for as long as they wait, so each worker brings its own two small threads instead of taking the thread pool's.
/// </remarks>
internal sealed class NodeWorker : IDisposable
{
    private const int ThreadStackBytes = 256 * 1024;
    private static readonly Lazy<byte[]> Sources = new(PackSources);

    private readonly Process process;
    private readonly Stream input;
    private readonly Stream output;
    private readonly CodeListingReader? listings;
    private readonly StandardErrorTail errors;
    private readonly Lock gate = new();
    private TaskCompletionSource<WorkerReply?>? pending;
    private bool ended;
    private uint lastId;
    private TimeSpan lastProcessorTime;

    private NodeWorker(Process process, bool printsCode)
    {
        this.process = process;
        input = process.StandardInput.BaseStream;
        output = process.StandardOutput.BaseStream;
        listings = printsCode ? new CodeListingReader(output) : null;
        errors = new StandardErrorTail(process.StandardError.BaseStream);
        new Thread(ReadReplies, ThreadStackBytes) { IsBackground = true, Name = "node replies" }.Start();
        new Thread(errors.Read, ThreadStackBytes) { IsBackground = true, Name = "node errors" }.Start();
    }

    /// <summary>Raised once, before the process is ended, with the processor time that it used.</summary>
    public event Action<NodeWorker, TimeSpan>? Ended;

    /// <summary>How many requests it was sent.</summary>
    public int Requests { get; private set; }

    /// <summary>The operating system's number of the process.</summary>
    public int ProcessId => process.Id;

    /// <summary>What the process has used so far; where it has ended, as far as was seen before.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            try
            {
                if (!process.HasExited)
                {
                    lastProcessorTime = process.TotalProcessorTime;
                }
            }
            catch (InvalidOperationException)
            {
                // It ended between the two lines, or was disposed: what was seen last stands.
            }

            return lastProcessorTime;
        }
    }

    /// <summary>Starts a process. Whether it works shows at the first request.</summary>
    /// <exception cref="Win32Exception">The program cannot be started.</exception>
    public static NodeWorker Start(string nodePath, WorkerProfile profile)
    {
        var start = new ProcessStartInfo(nodePath)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            CreateNoWindow = true,
        };
        foreach (var flag in profile.Flags)
        {
            start.ArgumentList.Add(flag);
        }

        start.ArgumentList.Add("-e");
        start.ArgumentList.Add(Source("bootstrap.js"));

        // What the user set for node programs of their own must not change what a module does here.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("NODE_", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            start.Environment.Remove(name);
        }

        var worker = new NodeWorker(Process.Start(start)!, profile.PrintsCode);
        worker.TryWrite(Sources.Value);
        return worker;
    }

    /// <summary>Sends a request and waits for its reply; null when the process ended instead.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled. The worker is in the middle of the request and can only be disposed.</exception>
    public async Task<WorkerReply?> ExchangeAsync(RequestWriter request, CancellationToken cancellationToken)
    {
        var reply = new TaskCompletionSource<WorkerReply?>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            if (ended)
            {
                return null;
            }

            pending = reply;
        }

        Requests++;
        var message = request.Finish(++lastId);
        try
        {
            await input.WriteAsync(message, cancellationToken).ConfigureAwait(false);
            await input.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // The process is gone; the reader notices, too, and completes the reply with null.
        }

        // An answer to another request must never be taken for this one's: a process that mixes them up is as good as dead.
        var answer = await reply.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        return answer?.Id == lastId ? answer : null;
    }

    /// <summary>How the process ended, for a person. Only to be called when <see cref="ExchangeAsync"/> returned null.</summary>
    public async Task<EngineFailure> DescribeEndAsync(CancellationToken cancellationToken)
    {
        Kill();
        await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
        await errors.Completed.WaitAsync(cancellationToken).ConfigureAwait(false);
        var said = errors.Text;
        var kind = said.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
            ? EngineFailureKind.OutOfMemory
            : EngineFailureKind.Crashed;
        return new EngineFailure(kind, $"node ended with exit code {process.ExitCode}{(said.Length > 0 ? ": " + said : "")}");
    }

    /// <summary>Ends the process; a request that is under way gets no reply.</summary>
    public void Kill()
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended already.
        }
    }

    public void Dispose()
    {
        Ended?.Invoke(this, ProcessorTime);
        Ended = null;
        Kill();
        input.Dispose(); // the other two are closed by the threads that read them, at the end of the stream that the kill brings
        process.Dispose();
    }

    private static string Source(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(ResourcePrefix + name)!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private const string ResourcePrefix = "Mewe.Execution.Node.Worker.";

    private static byte[] PackSources()
    {
        var names = Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith(ResourcePrefix, StringComparison.Ordinal) && !name.EndsWith(".bootstrap.js", StringComparison.Ordinal))
            .Select(name => name[ResourcePrefix.Length..])
            .ToList();
        var writer = new RequestWriter(WorkerOperation.Hello, 64 * 1024);
        writer.List(names, name =>
        {
            writer.String(name);
            writer.String(Source(name));
        });
        return writer.Finish(0)[RequestWriter.HeaderBytes..].ToArray();
    }

    private void TryWrite(byte[] bytes)
    {
        try
        {
            input.Write(bytes);
            input.Flush();
        }
        catch (IOException)
        {
            // It ended at once; the first request finds out and says why.
        }
    }

    private void ReadReplies()
    {
        var header = new byte[RequestWriter.HeaderBytes];
        try
        {
            while ((listings is null || listings.ReadToReply()) && Fill(header))
            {
                var body = new byte[BinaryPrimitives.ReadUInt32LittleEndian(header)];
                if (!Fill(body))
                {
                    break;
                }

                var reply = new WorkerReply(BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4)), header[8], body) { Listing = listings?.Take() };
                Complete(reply, false);
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // The process is gone in the middle of a reply, or was disposed.
        }
        finally
        {
            output.Dispose();
        }

        Complete(null, true);
    }

    private bool Fill(byte[] bytes) => listings?.Fill(bytes) ?? output.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length;

    private void Complete(WorkerReply? reply, bool end)
    {
        TaskCompletionSource<WorkerReply?>? waiting;
        lock (gate)
        {
            ended |= end;
            waiting = pending;
            pending = null;
        }

        waiting?.TrySetResult(reply);
    }
}

/// <summary>A worker's reply.</summary>
/// <param name="Id">The request's number.</param>
/// <param name="Status">0: done; 1: refused.</param>
/// <param name="Body">What the operation returns.</param>
internal sealed record WorkerReply(uint Id, byte Status, byte[] Body)
{
    /// <summary>The machine code that the worker printed before it; null for a worker that prints none.</summary>
    public CodeListing? Listing { get; init; }
}

using System.Text;

namespace Mewe.Execution.Node;

/// <summary>Drains a process's standard error, and keeps the end of it for the message when the process dies.</summary>
internal sealed class StandardErrorTail(Stream stream)
{
    private const int KeptBytes = 16384;
    private const int ShownCharacters = 400;

    private readonly TaskCompletionSource completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock gate = new();
    private byte[] kept = [];

    /// <summary>Completes at the end of the stream.</summary>
    public Task Completed => completed.Task;

    /// <summary>V8's last words when there are any, else the first lines of what was kept; on one line.</summary>
    public string Text
    {
        get
        {
            lock (gate)
            {
                var lines = Encoding.UTF8.GetString(kept).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
                var text = lines.LastOrDefault(line => line.StartsWith("FATAL ERROR", StringComparison.OrdinalIgnoreCase)) ?? string.Join(" | ", lines);
                return text.Length > ShownCharacters ? text[..ShownCharacters] + "…" : text;
            }
        }
    }

    /// <summary>Reads until the end; the body of a thread.</summary>
    public void Read()
    {
        var buffer = new byte[1024];
        try
        {
            for (int got; (got = stream.Read(buffer)) > 0;)
            {
                lock (gate)
                {
                    byte[] all = [.. kept, .. buffer.AsSpan(0, got)];
                    kept = all.Length > KeptBytes ? all[^KeptBytes..] : all;
                }
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // Disposed while reading: what came before is kept.
        }
        finally
        {
            stream.Dispose();
        }

        completed.TrySetResult();
    }
}

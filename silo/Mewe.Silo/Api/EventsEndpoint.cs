using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;

namespace Mewe.Silo.Api;

/// <summary>
/// Live progress as server-sent events (WHATWG HTML, 9.2): <c>event: progress</c> with a <see cref="ProgressDocument"/> whenever something changed, and a last <c>event: end</c> with the job's state. A comment every
/// <see cref="Heartbeat"/> keeps proxies from closing the connection.
/// </summary>
internal static class EventsEndpoint
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    public static async Task WriteAsync(HttpContext context, string job, ProgressBroadcast broadcast, TimeProvider time)
    {
        var response = context.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";
        response.Headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        using var subscription = broadcast.Watch(job);
        var (updates, aborted) = (subscription.Updates, context.RequestAborted);
        var last = "";
        try
        {
            var next = updates.WaitToReadAsync(aborted).AsTask();
            while (true)
            {
                if (await Task.WhenAny(next, Task.Delay(Heartbeat, time, aborted)) != next)
                {
                    await SendAsync(": still here\n\n");
                    continue;
                }

                if (!await next)
                {
                    break;
                }

                while (updates.TryRead(out var progress))
                {
                    last = progress.State;
                    await SendAsync($"event: progress\ndata: {JsonSerializer.Serialize(progress, ApiJsonContext.Default.ProgressDocument)}\n\n");
                }

                next = updates.WaitToReadAsync(aborted).AsTask();
            }

            // A silo that drains ends its streams without this, and clients ask another one.
            if (last is "completed" or "failed" or "cancelled")
            {
                await SendAsync($"event: end\ndata: {last}\n\n");
            }
        }
        catch (OperationCanceledException) when (aborted.IsCancellationRequested)
        {
            // The watcher left.
        }

        async Task SendAsync(string text)
        {
            await response.WriteAsync(text, aborted);
            await response.Body.FlushAsync(aborted);
        }
    }
}

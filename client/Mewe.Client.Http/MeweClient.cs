using System.Globalization;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Mewe.Client.Http;

/// <summary>
/// A cluster's HTTP API. Safe for any number of threads. What the cluster refuses is a <see cref="MeweApiException"/> with its own words; so is a cluster that cannot be reached, and then
/// <see cref="MeweApiException.IsTransient"/> says that one may try again: every operation may be repeated.
/// </summary>
public sealed class MeweClient : IDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500), LongestPause = TimeSpan.FromSeconds(10);

    private readonly HttpClient http;
    private readonly TimeProvider time;

    /// <param name="address">Of any silo, such as <c>http://127.0.0.1:5080</c>.</param>
    /// <param name="key">The bearer key; null where the cluster needs none.</param>
    public MeweClient(Uri address, string? key)
        : this(address, key, new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(10), PooledConnectionLifetime = TimeSpan.FromMinutes(5) }, TimeProvider.System)
    {
    }

    /// <param name="handler">Sends the requests; the client disposes of it.</param>
    /// <param name="time">What pauses are timed by.</param>
    public MeweClient(Uri address, string? key, HttpMessageHandler handler, TimeProvider time)
    {
        this.time = time;
        http = new HttpClient(handler) { BaseAddress = new Uri(address.AbsoluteUri.TrimEnd('/') + "/"), Timeout = Timeout.InfiniteTimeSpan };
        http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("mewe", typeof(MeweClient).Assembly.GetName().Version!.ToString(3)));
        if (key is not null)
        {
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }
    }

    /// <summary>Submits a job.</summary>
    public async Task<Job> SubmitAsync(JobSubmission submission, CancellationToken cancellationToken)
    {
        submission.Module.Position = 0;
        using var form = new MultipartFormDataContent();
        AddText("id", submission.Id);
        AddText("name", submission.Name);
        AddText("priority", submission.Priority.ToString(CultureInfo.InvariantCulture));
        AddText("weight", submission.Weight.ToString(CultureInfo.InvariantCulture));
        if (submission.NotBefore is { } notBefore)
        {
            AddText("notBefore", notBefore.ToUniversalTime().ToString("O", CultureInfo.InvariantCulture));
        }

        AddJson("options", submission.Options is null ? null : Encoding.UTF8.GetBytes(submission.Options));
        AddJson("workload", submission.Workload);
        AddJson("plan", submission.Plan);

        // The module last: everything else is known to be right before megabytes are sent.
        var module = new StreamContent(new Borrowed(submission.Module));
        module.Headers.ContentType = new MediaTypeHeaderValue("application/wasm");
        form.Add(module, "module", "module.wasm");
        return await AskAsync(HttpMethod.Post, "v1/jobs", form, DocumentsJsonContext.Default.Job, cancellationToken);

        void AddText(string name, string text) => form.Add(new StringContent(text), name);

        void AddJson(string name, byte[]? json)
        {
            if (json is not null)
            {
                var part = new ByteArrayContent(json);
                part.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                form.Add(part, name);
            }
        }
    }

    /// <summary>A job as it stands.</summary>
    public Task<Job> GetAsync(string job, CancellationToken cancellationToken) => AskAsync(HttpMethod.Get, $"v1/jobs/{Uri.EscapeDataString(job)}", null, DocumentsJsonContext.Default.Job, cancellationToken);

    /// <summary>A page of jobs, the newest first.</summary>
    /// <param name="after">What the page before gave as <see cref="JobPage.Next"/>; null for the first page.</param>
    public Task<JobPage> ListAsync(int limit, string? after, JobState? state, CancellationToken cancellationToken) =>
        AskAsync(HttpMethod.Get, $"v1/jobs{Query(("limit", limit), ("after", after), ("state", state?.ToString().ToLowerInvariant()))}", null, DocumentsJsonContext.Default.JobPage, cancellationToken);

    /// <summary>A page of a job's functions.</summary>
    public Task<FunctionPage> ListFunctionsAsync(string job, int limit, string? after, string? state, CancellationToken cancellationToken) => AskAsync(
        HttpMethod.Get, $"v1/jobs/{Uri.EscapeDataString(job)}/functions{Query(("limit", limit), ("after", after), ("state", state))}", null, DocumentsJsonContext.Default.FunctionPage, cancellationToken);

    /// <summary>A page of a job's variants.</summary>
    /// <param name="function">Only of this function.</param>
    /// <param name="evidence"><c>proved</c> or <c>tested</c>; null for both.</param>
    /// <param name="linked">Only those that are in the module, or only the others; null for all.</param>
    public Task<VariantPage> ListVariantsAsync(string job, int limit, string? after, int? function, string? evidence, bool? linked, CancellationToken cancellationToken) => AskAsync(
        HttpMethod.Get, $"v1/jobs/{Uri.EscapeDataString(job)}/variants{Query(("limit", limit), ("after", after), ("function", function), ("evidence", evidence), ("linked", linked is { } only ? only ? "true" : "false" : null))}", null,
        DocumentsJsonContext.Default.VariantPage, cancellationToken);

    /// <summary>Cancels a job that is not finished.</summary>
    public Task<Job> CancelAsync(string job, CancellationToken cancellationToken) => AskAsync(HttpMethod.Post, $"v1/jobs/{Uri.EscapeDataString(job)}/cancel", null, DocumentsJsonContext.Default.Job, cancellationToken);

    /// <summary>Tries a job again that failed or was cancelled, or of which functions failed.</summary>
    public Task<Job> RetryAsync(string job, CancellationToken cancellationToken) => AskAsync(HttpMethod.Post, $"v1/jobs/{Uri.EscapeDataString(job)}/retry", null, DocumentsJsonContext.Default.Job, cancellationToken);

    /// <summary>The silos of the cluster.</summary>
    public async Task<IReadOnlyList<Silo>> ListSilosAsync(CancellationToken cancellationToken) => (await AskAsync(HttpMethod.Get, "v1/silos", null, DocumentsJsonContext.Default.SiloList, cancellationToken)).Silos;

    /// <summary>The multivariant module of a completed job.</summary>
    public Task<byte[]> GetModuleAsync(string job, CancellationToken cancellationToken) => DownloadAsync(job, "module", cancellationToken);

    /// <summary>The report of a completed job, as JSON.</summary>
    public Task<byte[]> GetReportAsync(string job, CancellationToken cancellationToken) => DownloadAsync(job, "report", cancellationToken);

    /// <summary>The plan of a completed job, as JSON.</summary>
    public Task<byte[]> GetPlanAsync(string job, CancellationToken cancellationToken) => DownloadAsync(job, "plan", cancellationToken);

    /// <summary>
    /// Watches a job: how far it is now, and whenever that changes, until it is finished. Where the connection ends too early, because a silo is drained or dies, another one is opened.
    /// </summary>
    /// <exception cref="MeweApiException">The cluster refused. Merely not reaching it ends nothing: one tries again, until <paramref name="cancellationToken"/> says otherwise.</exception>
    public async IAsyncEnumerable<JobProgress> WatchAsync(string job, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var pause = FirstPause;
        while (true)
        {
            var events = ReadEventsAsync(job, cancellationToken).GetAsyncEnumerator(cancellationToken);
            await using (events)
            {
                while (true)
                {
                    bool more;
                    try
                    {
                        more = await events.MoveNextAsync();
                    }
                    catch (Exception exception) when (exception is MeweApiException { IsTransient: true } or IOException or HttpRequestException)
                    {
                        more = false;
                    }

                    if (!more)
                    {
                        break;
                    }

                    pause = FirstPause;
                    var progress = events.Current;
                    yield return progress;
                    if (progress.State >= JobState.Completed)
                    {
                        yield break;
                    }
                }
            }

            await Task.Delay(pause, time, cancellationToken);
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks));
        }
    }

    public void Dispose() => http.Dispose();

    private async IAsyncEnumerable<JobProgress> ReadEventsAsync(string job, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"v1/jobs/{Uri.EscapeDataString(job)}/events");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        using var response = await SendAsync(request, cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        await foreach (var item in System.Net.ServerSentEvents.SseParser.Create(body, static (type, data) => (type, Data: Encoding.UTF8.GetString(data))).EnumerateAsync(cancellationToken))
        {
            if (item.EventType == "progress")
            {
                yield return JsonSerializer.Deserialize(item.Data.Data, DocumentsJsonContext.Default.JobProgress) ?? throw Unreadable(null);
            }
        }
    }

    private async Task<byte[]> DownloadAsync(string job, string what, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"v1/jobs/{Uri.EscapeDataString(job)}/{what}");
        using var response = await SendAsync(request, cancellationToken);
        try
        {
            return await response.Content.ReadAsByteArrayAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            throw Unreachable(exception);
        }
    }

    private async Task<T> AskAsync<T>(HttpMethod method, string path, HttpContent? content, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        using var response = await SendAsync(request, cancellationToken);
        try
        {
            return JsonSerializer.Deserialize(await response.Content.ReadAsByteArrayAsync(cancellationToken), type) ?? throw Unreadable(null);
        }
        catch (JsonException exception)
        {
            throw Unreadable(exception);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            throw Unreachable(exception);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        HttpResponseMessage response;
        try
        {
            response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw Unreachable(exception);
        }

        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw await RefusalAsync(response, cancellationToken);
        }
    }

    private static async Task<MeweApiException> RefusalAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        Problem? problem = null;
        try
        {
            if (response.Content.Headers.ContentType?.MediaType == "application/problem+json")
            {
                problem = JsonSerializer.Deserialize(await response.Content.ReadAsByteArrayAsync(cancellationToken), DocumentsJsonContext.Default.Problem);
            }
        }
        catch (Exception exception) when (exception is JsonException or HttpRequestException or IOException)
        {
            // The status has to do.
        }

        var type = problem?.Type is { } urn && urn.StartsWith("urn:mewe:", StringComparison.Ordinal) ? urn["urn:mewe:".Length..] : null;
        return new MeweApiException(response.StatusCode, type, problem?.Detail ?? problem?.Title ?? $"the cluster answered with status {(int)response.StatusCode}") { Offset = problem?.Offset };
    }

    private MeweApiException Unreachable(Exception exception) => new(null, null, $"{http.BaseAddress} cannot be reached: {(exception.InnerException ?? exception).Message}", exception);

    private MeweApiException Unreadable(Exception? exception) => new(System.Net.HttpStatusCode.BadGateway, null, $"{http.BaseAddress} did not answer as a cluster does", exception);

    private static string Query(params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var query = new StringBuilder();
        foreach (var (name, value) in parameters)
        {
            if (value is not null)
            {
                query.Append(query.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(Convert.ToString(value, CultureInfo.InvariantCulture)!));
            }
        }

        return query.ToString();
    }

    /// <summary>A stream that its owner closes.</summary>
    private sealed class Borrowed(Stream inner) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => inner.CanSeek;

        public override bool CanWrite => false;

        public override long Length => inner.Length;

        public override long Position { get => inner.Position; set => inner.Position = value; }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

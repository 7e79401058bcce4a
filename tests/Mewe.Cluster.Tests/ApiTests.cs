using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Mewe.Client.Http;
using Mewe.Cluster.Tests.Running;
using Mewe.Store;
using Mewe.Store.Postgres;
using Mewe.Tests;

namespace Mewe.Cluster.Tests;

/// <summary>One silo with keys, for all tests of the API.</summary>
public sealed class ApiFixture(PostgresFixture postgres) : IAsyncLifetime
{
    internal TestCluster Cluster { get; private set; } = null!;

    public string Submit { get; private set; } = "";

    public string Read { get; private set; } = "";

    public string Admin { get; private set; } = "";

    public string Revoked { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        var database = await postgres.NewDatabaseAsync();
        Submit = await KeyAsync(database, "submit");
        Read = await KeyAsync(database, "read");
        Admin = await KeyAsync(database, "admin");
        Revoked = await KeyAsync(database, "submit");
        var (_, list, _) = await MeweCommand.RunAsync(Programs.Silo, Environment(database), ["admin", "key", "list", "--json"]);
        var id = JsonDocument.Parse(list).RootElement.EnumerateArray().Last().GetProperty("id").GetString()!;
        Assert.Equal(0, (await MeweCommand.RunAsync(Programs.Silo, Environment(database), ["admin", "key", "revoke", id])).ExitCode);
        Cluster = new TestCluster(database, TestCluster.Lease);
        await Cluster.Start(2, null, "--max-upload", "200000").ReadyAsync(TestContext.Current.CancellationToken);
    }

    internal static Dictionary<string, string> Environment(string database) => new() { ["MEWE_STORE"] = database };

    private static async Task<string> KeyAsync(string database, string role)
    {
        var (code, key, errors) = await MeweCommand.RunAsync(Programs.Silo, Environment(database), ["admin", "key", "create", "--name", role, "--role", role]);
        Assert.True(code == 0, errors);
        return key.Trim();
    }

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}

/// <summary>What the API answers to what it should not get.</summary>
public sealed class ApiTests(ApiFixture api) : IClassFixture<ApiFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private async Task<(HttpStatusCode Status, JsonElement Problem)> AskAsync(HttpMethod method, string path, string? key, HttpContent? content = null)
    {
        using var http = new HttpClient { BaseAddress = api.Cluster.Silos[0].Address };
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (key is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }

        using var response = await http.SendAsync(request, Cancellation);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancellation)).RootElement;
        Assert.Equal((int)response.StatusCode, problem.GetProperty("status").GetInt32());
        return (response.StatusCode, problem);
    }

    private static MultipartFormDataContent Form(byte[]? module, params (string Name, string Text)[] parts)
    {
        var form = new MultipartFormDataContent();
        foreach (var (name, text) in parts)
        {
            form.Add(new StringContent(text), name);
        }

        if (module is not null)
        {
            form.Add(new ByteArrayContent(module), "module", "m.wasm");
        }

        return form;
    }

    private static byte[] Module => File.ReadAllBytes(TestJob.Small().File);

    private Task<long> StoredAsync() => api.Cluster.SqlAsync<long>("SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM blobs)");

    [Theory]
    [InlineData("not a module", 0)]
    [InlineData("\0asm\u0001\0\0\0\u0063", 8)]
    public async Task ABadModuleIsRefusedWithTheByteWhereItIsBadAndNothingIsStored(string module, long offset)
    {
        var before = await StoredAsync();

        var (status, problem) = await AskAsync(HttpMethod.Post, "/v1/jobs", api.Submit, Form(Encoding.Latin1.GetBytes(module)));

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Equal("urn:mewe:bad-module", problem.GetProperty("type").GetString());
        Assert.True(problem.GetProperty("offset").GetInt64() >= offset);
        Assert.Equal(before, await StoredAsync());
    }

    [Fact]
    public async Task AModuleThatIsTooLargeIsRefusedAndNothingIsStored()
    {
        var before = await StoredAsync();

        var (status, problem) = await AskAsync(HttpMethod.Post, "/v1/jobs", api.Submit, Form(new byte[300_000]));

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, status);
        Assert.Contains("200000", problem.GetProperty("detail").GetString());
        Assert.Equal(before, await StoredAsync());
    }

    [Theory]
    [InlineData("options", """{"variants":65}""", "variants is 1 to 64")]
    [InlineData("options", """{"colour":1}""", "colour")]
    [InlineData("options", "{", "options")]
    [InlineData("workload", "{}", "workload")]
    [InlineData("plan", "{}", "plan")]
    [InlineData("priority", "1001", "priority")]
    [InlineData("weight", "0", "weight")]
    [InlineData("notBefore", "tomorrow", "notBefore")]
    [InlineData("id", "'; DROP TABLE jobs; --", "id is")]
    [InlineData("colour", "red", "colour")]
    public async Task WhatNoJobCanHaveIsRefusedWithAReason(string part, string text, string reason)
    {
        var before = await StoredAsync();

        var (status, problem) = await AskAsync(HttpMethod.Post, "/v1/jobs", api.Submit, Form(Module, (part, text)));

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(reason, problem.GetProperty("detail").GetString());
        Assert.Equal(before, await StoredAsync());
    }

    [Fact]
    public async Task SubmissionsThatAreNoFormsAreRefused()
    {
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await AskAsync(HttpMethod.Post, "/v1/jobs", api.Submit, new ByteArrayContent(Module))).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await AskAsync(HttpMethod.Post, "/v1/jobs", api.Submit, Form(null, ("name", "x")))).Status);
        var broken = new ByteArrayContent("--x\r\nContent-Disposition: form-data; name=\"module\"\r\n\r\nabc"u8.ToArray());
        broken.Headers.ContentType = MediaTypeHeaderValue.Parse("multipart/form-data; boundary=x");
        Assert.Equal(HttpStatusCode.BadRequest, (await AskAsync(HttpMethod.Post, "/v1/jobs", api.Submit, broken)).Status);
    }

    [Fact]
    public async Task KeysAreCheckedBeforeAnythingElse()
    {
        Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync(HttpMethod.Get, "/v1/jobs", null)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync(HttpMethod.Get, "/v1/jobs", "mewe_nonsense")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync(HttpMethod.Post, "/v1/jobs", api.Revoked, Form(Module))).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await AskAsync(HttpMethod.Post, "/v1/jobs", api.Read, Form(Module))).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await AskAsync(HttpMethod.Get, "/v1/jobs", api.Submit)).Status);
    }

    [Theory]
    [InlineData("/v1/jobs/00000000000000000000000000000000")]
    [InlineData("/v1/jobs/x")]
    [InlineData("/v1/jobs/..%2f..%2fetc%2fpasswd")]
    [InlineData("/v1/jobs/'%20OR%201=1")]
    [InlineData("/v1/jobs/00000000000000000000000000000000/module")]
    [InlineData("/v1/jobs/00000000000000000000000000000000/events")]
    [InlineData("/v1/jobs/00000000000000000000000000000000/variants")]
    [InlineData("/v2")]
    public async Task WhatDoesNotExistIsNotFound(string path) => Assert.Equal(HttpStatusCode.NotFound, (await AskAsync(HttpMethod.Get, path, api.Admin)).Status);

    [Theory]
    [InlineData("/v1/jobs?limit=0")]
    [InlineData("/v1/jobs?limit=1001")]
    [InlineData("/v1/jobs?limit=many")]
    [InlineData("/v1/jobs?state=happy")]
    [InlineData("/v1/jobs?state=1")]
    [InlineData("/v1/jobs?module=zz")]
    [InlineData("/v1/jobs?after=zz")]
    public async Task QueriesThatMakeNoSenseAreRefused(string path) => Assert.Equal(HttpStatusCode.BadRequest, (await AskAsync(HttpMethod.Get, path, api.Admin)).Status);

    [Fact]
    public async Task WrongMethodsAreRefused() => Assert.Equal(HttpStatusCode.MethodNotAllowed, (await AskAsync(HttpMethod.Delete, "/v1/jobs", api.Admin)).Status);

    [Fact]
    public async Task AJobGoesFromSubmissionToDownloadThroughTheLibrary()
    {
        using var submitter = new MeweClient(api.Cluster.Silos[0].Address, api.Submit);
        using var reader = new MeweClient(api.Cluster.Silos[0].Address, api.Read);
        var job = TestJob.Small(seed: 77);
        var submission = job.Submission() with { Name = "Robert'); DROP TABLE jobs;--\0\u001b[31m" };

        var submitted = await submitter.SubmitAsync(submission, Cancellation);
        var again = await submitter.SubmitAsync(submission, Cancellation);
        var early = await Assert.ThrowsAsync<MeweApiException>(() => reader.GetModuleAsync(submitted.Id, Cancellation));
        var seen = new List<Client.Http.JobProgress>();
        await foreach (var progress in reader.WatchAsync(submitted.Id, Cancellation))
        {
            seen.Add(progress);
        }

        var finished = await reader.GetAsync(submitted.Id, Cancellation);
        Assert.Equal(submitted.Id, again.Id);
        Assert.Equal((HttpStatusCode.Conflict, "not-ready"), (early.Status, early.Type));
        Assert.Equal(Client.Http.JobState.Completed, seen[^1].State);
        Assert.Equal((3, 3), (seen[^1].Done, seen[^1].Total));
        Assert.Equal(Client.Http.JobState.Completed, finished.State);
        Assert.Equal(await job.ExpectedAsync(), await reader.GetModuleAsync(submitted.Id, Cancellation));
        Assert.Contains("\"moduleSha256\"", Encoding.UTF8.GetString(await reader.GetReportAsync(submitted.Id, Cancellation)));
        Assert.Contains("\"functions\"", Encoding.UTF8.GetString(await reader.GetPlanAsync(submitted.Id, Cancellation)));

        var functions = await reader.ListFunctionsAsync(submitted.Id, 2, null, null, Cancellation);
        var rest = await reader.ListFunctionsAsync(submitted.Id, 2, functions.Next, null, Cancellation);
        Assert.Equal((2, 1, null), (functions.Functions.Count, rest.Functions.Count, rest.Next));
        Assert.True(functions.Functions[1].Index < rest.Functions[0].Index);
        var linked = await reader.ListVariantsAsync(submitted.Id, 1000, null, null, null, linked: true, Cancellation);
        var first = await reader.ListVariantsAsync(submitted.Id, 1, null, null, null, linked: true, Cancellation);
        var second = await reader.ListVariantsAsync(submitted.Id, 1, first.Next, null, null, linked: true, Cancellation);
        Assert.Equal(linked.Variants.Take(2), [first.Variants[0], second.Variants[0]]);

        Assert.Equal((HttpStatusCode.Conflict, "finished"), await RefusedAsync(submitter.CancelAsync(submitted.Id, Cancellation)));
        Assert.Equal((HttpStatusCode.Conflict, "nothing-to-retry"), await RefusedAsync(submitter.RetryAsync(submitted.Id, Cancellation)));
        Assert.Equal((HttpStatusCode.Forbidden, "forbidden"), await RefusedAsync(reader.CancelAsync(submitted.Id, Cancellation)));
    }

    [Fact]
    public async Task OnlyWhoSubmittedAJobOrAnAdminChangesIt()
    {
        using var admin = new MeweClient(api.Cluster.Silos[0].Address, api.Admin);
        using var submitter = new MeweClient(api.Cluster.Silos[0].Address, api.Submit);
        var job = await admin.SubmitAsync(TestJob.Small().Submission() with { NotBefore = DateTimeOffset.UtcNow.AddHours(1) }, Cancellation);

        Assert.Equal((HttpStatusCode.Forbidden, "forbidden"), await RefusedAsync(submitter.CancelAsync(job.Id, Cancellation)));
        Assert.Equal(Client.Http.JobState.Cancelled, (await admin.CancelAsync(job.Id, Cancellation)).State);
        Assert.Equal((HttpStatusCode.Conflict, "cancelled"), await RefusedAsync(admin.GetModuleAsync(job.Id, Cancellation)));
    }

    [Fact]
    public async Task AClientThatSendsNothingMoreIsCutOffWithAnAnswer()
    {
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, api.Cluster.Silos[0].Address.Port, Cancellation);
        await using var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {api.Submit}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000\r\n\r\n--x\r\n"), Cancellation);
        using var reader = new StreamReader(stream);

        var answer = await reader.ReadToEndAsync(Cancellation).WaitAsync(TimeSpan.FromSeconds(60), Cancellation);

        Assert.StartsWith("HTTP/1.1 408", answer);
        Assert.Contains("application/problem+json", answer);
    }

    [Fact]
    public async Task TheDocumentDescribesEveryOperation()
    {
        using var http = new HttpClient { BaseAddress = api.Cluster.Silos[0].Address };
        var document = JsonDocument.Parse(await http.GetStringAsync("/openapi/v1.json", Cancellation)).RootElement;
        string[] operations = [.. document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject()).Select(operation => operation.Value.GetProperty("operationId").GetString()!).Order()];

        Assert.Equal(["cancelJob", "getJob", "getModule", "getPlan", "getReport", "listFunctions", "listJobs", "listSilos", "listVariants", "retryJob", "submitJob", "watchJob"], operations);
    }

    [Fact]
    public async Task NothingThatIsASecretIsLoggedOrStored()
    {
        await AskAsync(HttpMethod.Get, "/v1/jobs", "mewe_wrong-but-secret");
        var log = api.Cluster.Silos[0].Output;

        Assert.All(new[] { api.Submit, api.Read, api.Admin, api.Revoked, "mewe_wrong-but-secret", "Username=" }, secret => Assert.DoesNotContain(secret, log));
        Assert.Equal(0L, await api.Cluster.SqlAsync<long>("SELECT count(*) FROM api_keys k WHERE k::text LIKE '%mewe\\_%'"));
    }

    private static async Task<(HttpStatusCode?, string?)> RefusedAsync<T>(Task<T> request)
    {
        var exception = await Assert.ThrowsAsync<MeweApiException>(() => request);
        return (exception.Status, exception.Type);
    }
}

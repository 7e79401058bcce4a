namespace Mewe.Store.Tests.Jobs;

public abstract partial class JobStoreConformance
{
    private static readonly string Unknown = JobId.New();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(256 * 1024)]
    [InlineData(3 * 256 * 1024 + 17)]
    public async Task A_blob_comes_back_as_it_was_put(int length)
    {
        var content = new byte[length];
        new Random(length).NextBytes(content);
        var hash = await Ok(Store.PutBlobAsync(content, Cancellation));
        Assert.Equal(BlobHash.Of(content), hash);
        Assert.Equal(hash, await Ok(Store.PutBlobAsync(content, Cancellation)));
        Assert.Equal(content, await Ok(Store.GetBlobAsync(hash, Cancellation)));
        Assert.Equal(1, await under.ScalarAsync("SELECT count(*) FROM uploads"));
        Assert.Null(await Ok(Store.GetBlobAsync(BlobHash.Of([1, 2, 3]), Cancellation)));
    }

    [Fact]
    public async Task A_stream_that_breaks_leaves_no_blob()
    {
        await Assert.ThrowsAsync<IOException>(() => Store.PutBlobAsync(new BreakingStream(), Cancellation));
        Assert.Equal(0, await under.ScalarAsync("SELECT count(*) FROM blobs"));
    }

    [Fact]
    public async Task A_job_goes_from_submission_to_module()
    {
        var silo = await SiloAsync();
        var submitted = new NewJob(JobId.New(), "service.wasm", await BlobAsync(), """{"seed":1}""")
        {
            Workload = await BlobAsync("workload"), LinkPlan = await BlobAsync("given plan"), Owner = "team", Priority = 3, Weight = 2, MaxAttempts = 5,
            TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", NotBefore = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero),
        };
        var job = (await Ok(Store.SubmitAsync(submitted, Cancellation)))!;
        Assert.Equal((submitted, JobState.Queued), (job.Submitted, job.State));
        Assert.Equal(default, job.Progress);

        var plan = Assert.Single(await Ok(Store.ClaimJobsAsync(silo, 5, null, Cancellation)));
        Assert.Equal((JobStep.Plan, 1, silo), (plan.Claim.Step, plan.Claim.Attempt, plan.Claim.Silo));
        Assert.Equal((JobState.Planning, "a", submitted), (plan.Job.State, plan.Job.Silo, plan.Job.Submitted));
        Assert.NotNull(plan.Job.StartedAt);
        var planBlob = await BlobAsync("plan");
        Assert.Equal(WriteOutcome.Written, await Ok(Store.PlannedAsync(plan.Claim, planBlob, [new(3, "cheap", 1), new(7, "dear", 9)], Cancellation)));
        job = await JobAsync(submitted.Id);
        Assert.Equal((JobState.Running, planBlob, 2), (job.State, job.Plan, job.Progress.Available));

        var functions = await ClaimAsync(silo, 5);
        Assert.Equal(["dear", "cheap"], functions.Select(function => function.Name));
        Assert.All(functions, function => Assert.Equal((submitted.TraceParent, 1, silo), (function.TraceParent, function.Claim.Attempt, function.Claim.Silo)));
        Assert.Equal(2, (await JobAsync(submitted.Id)).Progress.Running);
        Assert.Empty(await Ok(Store.ClaimJobsAsync(silo, 5, null, Cancellation)));
        foreach (var function in functions)
        {
            Assert.Equal(WriteOutcome.Written, await CompleteAsync(function.Claim, content: function.Name));
        }

        job = await JobAsync(submitted.Id);
        Assert.Equal(new JobProgress(2, 0, 0, 2, 0, 0, 4, new CandidateTally(60, 40, 6)), job.Progress);
        var link = await ClaimJobAsync(silo, JobStep.Link);
        Assert.Equal(JobState.Linking, (await JobAsync(submitted.Id)).State);
        var results = await Ok(Store.ReadResultsAsync(submitted.Id, null, Cancellation));
        Assert.Equal([(3, "cheap"), (7, "dear")], results.Select(result => (result.Index, System.Text.Encoding.UTF8.GetString(result.Content.Span))));
        Assert.Empty(await Ok(Store.ReadResultsAsync(submitted.Id, 7, Cancellation)));
        var output = await OutputAsync();
        Assert.Equal(WriteOutcome.Written, await Ok(Store.LinkedAsync(link, output, [new(7, 1, VariantEvidence.Proved, null)], Cancellation)));
        job = await JobAsync(submitted.Id);
        Assert.Equal((JobState.Completed, output, null), (job.State, job.Output, job.Error));
        var linked = Assert.Single(await Ok(Store.ListVariantsAsync(submitted.Id, new VariantQuery { Linked = true }, Cancellation)));
        Assert.Equal((7, 1, VariantEvidence.Proved, null), (linked.Function, linked.Variant.Ordinal, linked.Variant.Evidence, linked.Variant.Reason));
    }

    [Fact]
    public async Task A_job_without_functions_is_linked_at_once()
    {
        var silo = await SiloAsync();
        var job = await RunningAsync(silo, costs: []);
        Assert.Equal(WriteOutcome.Written, await Ok(Store.LinkedAsync(await ClaimJobAsync(silo, JobStep.Link), await OutputAsync(), [], Cancellation)));
        Assert.Equal(JobState.Completed, (await JobAsync(job)).State);
    }

    [Fact]
    public async Task Submitting_again_changes_nothing()
    {
        var job = await SubmitAsync();
        var again = await Ok(Store.SubmitAsync(new NewJob(job, "another", await BlobAsync("other"), "{}"), Cancellation));
        Assert.Equal("service.wasm", again!.Submitted.Name);
        Assert.Single(await Ok(Store.ListJobsAsync(new JobQuery(), Cancellation)));
    }

    [Fact]
    public async Task A_job_whose_blobs_are_missing_is_not_submitted()
    {
        var module = await BlobAsync();
        Assert.Null(await Ok(Store.SubmitAsync(new NewJob(JobId.New(), "x", BlobHash.Of([9]), "{}"), Cancellation)));
        Assert.Null(await Ok(Store.SubmitAsync(new NewJob(JobId.New(), "x", module, "{}") { Workload = BlobHash.Of([9]) }, Cancellation)));
        Assert.Empty(await Ok(Store.ListJobsAsync(new JobQuery(), Cancellation)));
        Assert.Equal(0, await under.ScalarAsync("SELECT count(*) FROM job_blobs"));
    }

    [Theory]
    [InlineData("'; DROP TABLE jobs; --")]
    [InlineData("\0 $1 @job \ud800 😀 \"")]
    [InlineData("")]
    public async Task Names_may_be_any_text(string name)
    {
        var silo = await SiloAsync(name + "x");
        var job = await SubmitAsync(job => new NewJob(job.Id, name, job.Module, name) { Owner = name, TraceParent = name });
        var claim = await ClaimJobAsync(silo, JobStep.Plan);
        await Ok(Store.PlannedAsync(claim, await BlobAsync(), [new(0, name, 0)], Cancellation));
        var function = await ClaimOneAsync(silo);
        await Ok(Store.FailFunctionAsync(function, new WorkError(name, name), retry: false, Cancellation));
        var record = await JobAsync(job);
        Assert.Equal((new NewJob(job, name, record.Submitted.Module, name).Name, record.Submitted.Options), (record.Submitted.Name, record.Submitted.Name));
        Assert.Equal(record.Submitted.Name, (await FunctionAsync(job, 0)).Error!.Message);
        Assert.DoesNotContain('\0', record.Submitted.Name);
        Assert.Equal(job, Assert.Single(await Ok(Store.ListJobsAsync(new JobQuery { Owner = name }, Cancellation))).Id);
    }

    [Theory]
    [InlineData("")]
    [InlineData("../../etc/passwd")]
    [InlineData("' OR 1 = 1 --")]
    [InlineData(null)]
    public async Task An_id_of_nothing_gives_nothing(string? id)
    {
        await SubmitAsync();
        var (silo, job) = (await SiloAsync(), id ?? Unknown);
        Assert.Null(await Ok(Store.GetJobAsync(job, Cancellation)));
        Assert.Null(await Ok(Store.CancelAsync(job, Cancellation)));
        Assert.Null(await Ok(Store.RetryAsync(job, Cancellation)));
        Assert.Empty(await Ok(Store.GetProgressAsync([job], Cancellation)));
        Assert.Empty(await Ok(Store.ListFunctionsAsync(job, new FunctionQuery(), Cancellation)));
        Assert.Empty(await Ok(Store.ListVariantsAsync(job, new VariantQuery(), Cancellation)));
        Assert.Empty(await Ok(Store.ReadResultsAsync(job, null, Cancellation)));
        Assert.Empty(await Ok(Store.ClaimJobsAsync(silo, 1, job, Cancellation)));
        Assert.Empty(await ClaimAsync(silo, 1, job));
        var (step, function) = (new JobClaim(job, JobStep.Plan, 1, silo), new FunctionClaim(job, 0, 1, silo));
        Assert.Equal(WriteOutcome.Lost, await Ok(Store.PlannedAsync(step, await BlobAsync(), [], Cancellation)));
        Assert.Equal(WriteOutcome.Lost, await CompleteAsync(function));
        Assert.Equal(WriteOutcome.Lost, await Ok(Store.FailFunctionAsync(function, new WorkError("x", "y"), true, Cancellation)));
        Assert.Equal(0, await Ok(Store.ReleaseFunctionsAsync([function], Cancellation)));
        Assert.Equal(0, await Ok(Store.ReleaseJobsAsync([step], Cancellation)));
        var lost = await Ok(Store.FindLostAsync([step], [function], Cancellation));
        Assert.Equal((step, function), (lost.Jobs.Single(), lost.Functions.Single()));
    }

    [Fact]
    public async Task Jobs_are_listed_newest_first_in_pages_and_by_what_they_are()
    {
        var jobs = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            jobs.Add(await SubmitAsync(job => new NewJob(Guid.CreateVersion7(DateTimeOffset.UnixEpoch.AddSeconds(i)).ToString("N"), job.Name, job.Module, "{}") { Owner = i % 2 == 0 ? "even" : "odd" }));
        }

        await Ok(Store.CancelAsync(jobs[1], Cancellation));
        jobs.Reverse();
        var page = await Ok(Store.ListJobsAsync(new JobQuery(2), Cancellation));
        Assert.Equal(jobs[..2], page.Select(job => job.Id));
        Assert.Equal(jobs[2..], (await Ok(Store.ListJobsAsync(new JobQuery(10, page[^1].Id), Cancellation))).Select(job => job.Id));
        Assert.Equal([jobs[1], jobs[3]], (await Ok(Store.ListJobsAsync(new JobQuery { Owner = "odd" }, Cancellation))).Select(job => job.Id));
        Assert.Equal([jobs[3]], (await Ok(Store.ListJobsAsync(new JobQuery { State = JobState.Cancelled }, Cancellation))).Select(job => job.Id));
        Assert.Empty(await Ok(Store.ListJobsAsync(new JobQuery { Module = BlobHash.Of([]) }, Cancellation)));
        Assert.Equal(5, (await Ok(Store.ListJobsAsync(new JobQuery { Module = page[0].Submitted.Module }, Cancellation))).Count);
        Assert.Equal([JobState.Cancelled, JobState.Queued], (await Ok(Store.GetProgressAsync([jobs[3], jobs[0], Unknown], Cancellation))).Values.Select(job => job.State).OrderDescending());
    }

    [Fact]
    public async Task Functions_and_variants_are_listed_in_pages_and_by_what_they_are()
    {
        var silo = await SiloAsync();
        var job = await RunningAsync(silo, 1, 2, 3, 4);
        foreach (var function in await ClaimAsync(silo, 3))
        {
            Assert.Equal(WriteOutcome.Written, await CompleteAsync(function.Claim, variants: 3));
        }

        Assert.Equal([1, 2], (await Ok(Store.ListFunctionsAsync(job, new FunctionQuery(2, 0), Cancellation))).Select(function => function.Index));
        Assert.Equal([0], (await Ok(Store.ListFunctionsAsync(job, new FunctionQuery { State = FunctionState.Available }, Cancellation))).Select(function => function.Index));
        var variants = await Ok(Store.ListVariantsAsync(job, new VariantQuery(4), Cancellation));
        Assert.Equal([(1, 0), (1, 1), (1, 2), (2, 0)], variants.Select(variant => (variant.Function, variant.Variant.Ordinal)));
        Assert.Equal(Result(3).Variants[1], variants[1].Variant);
        Assert.Equal([(2, 1), (2, 2), (3, 0), (3, 1)], (await Ok(Store.ListVariantsAsync(job, new VariantQuery(4, (2, 0)), Cancellation))).Select(variant => (variant.Function, variant.Variant.Ordinal)));
        Assert.Equal([1, 2, 3], (await Ok(Store.ListVariantsAsync(job, new VariantQuery { Evidence = VariantEvidence.Proved }, Cancellation))).Select(variant => variant.Function));
        Assert.Equal(3, (await Ok(Store.ListVariantsAsync(job, new VariantQuery { Function = 2, Linked = false }, Cancellation))).Count);
    }

    [Fact]
    public async Task A_function_may_have_thousands_of_variants()
    {
        var silo = await SiloAsync();
        var job = await RunningAsync(silo, 1, 1);
        var claims = await ClaimAsync(silo, 2);
        Assert.Equal(WriteOutcome.Written, await CompleteAsync(claims[0].Claim, variants: 2500));
        Assert.Equal(WriteOutcome.AlreadyWritten, await CompleteAsync(claims[0].Claim, variants: 2500));
        Assert.Equal(WriteOutcome.Written, await CompleteAsync(claims[1].Claim, variants: 1));
        var progress = (await JobAsync(job)).Progress;
        Assert.Equal((2, 2501L, new CandidateTally(60, 40, 6)), (progress.Done, progress.Variants, progress.Candidates));
        var last = await Ok(Store.ListVariantsAsync(job, new VariantQuery(10, (0, 2497)), Cancellation));
        Assert.Equal([(0, 2498), (0, 2499), (1, 0)], last.Select(variant => (variant.Function, variant.Variant.Ordinal)));
        Assert.Equal((Result(2500).Variants[2499].Transforms, "no solver"), (last[1].Variant.Transforms, last[1].Variant.Reason));
        Assert.Equal(JobStep.Link, (await ClaimJobAsync(silo, JobStep.Link)).Step);
    }

    [Fact]
    public async Task A_page_of_results_ends_by_its_bytes()
    {
        var silo = await SiloAsync();
        var job = await RunningAsync(silo, 1, 1, 1);
        foreach (var function in await ClaimAsync(silo, 3))
        {
            await CompleteAsync(function.Claim, content: new string('x', 9 << 20));
        }

        var seen = new List<int>();
        for (int? after = null; await Ok(Store.ReadResultsAsync(job, after, Cancellation)) is { Count: > 0 } page; after = page[^1].Index)
        {
            Assert.Single(page);
            Assert.Equal(9 << 20, page[0].Content.Length);
            seen.Add(page[0].Index);
        }

        Assert.Equal([0, 1, 2], seen);
    }

    [Fact]
    public async Task Old_jobs_are_deleted_with_all_they_have_and_only_they()
    {
        var silo = await SiloAsync();
        var kept = await RunningAsync(silo, 5);
        await CompleteAllAsync(silo);
        var workload = await BlobAsync("old workload");
        var old = await SubmitAsync(job => new NewJob(job.Id, job.Name, job.Module, "{}") { Workload = workload });
        await Ok(Store.CancelAsync(old, Cancellation));
        var done = await RunningAsync(silo, 1, 2);
        await CompleteAllAsync(silo);
        var links = await Ok(Store.ClaimJobsAsync(silo, 5, done, Cancellation));
        await Ok(Store.LinkedAsync(links[0].Claim, await OutputAsync(), [], Cancellation));
        Assert.Equal(default, await Ok(Store.PruneAsync(TimeSpan.FromDays(1), Cancellation)));
        await under.PassAsync(TimeSpan.FromDays(2));
        var fresh = await BlobAsync("not yet submitted");
        var count = await Ok(Store.PruneAsync(TimeSpan.FromDays(1), Cancellation));
        Assert.Equal(new PruneCount(2, 4), count);
        Assert.Null(await Ok(Store.GetJobAsync(old, Cancellation)));
        Assert.Equal(1, (await JobAsync(kept)).Progress.Done);
        Assert.NotNull(await Ok(Store.GetBlobAsync(fresh, Cancellation)));
        Assert.NotNull(await Ok(Store.GetBlobAsync((await JobAsync(kept)).Plan!.Value, Cancellation)));
        Assert.Equal(1, await under.ScalarAsync("SELECT count(*) FROM functions"));
        Assert.Equal(1, await under.ScalarAsync("SELECT count(*) FROM function_results"));
        Assert.Equal(2, await under.ScalarAsync("SELECT count(*) FROM variants"));
        Assert.Equal(3, await under.ScalarAsync("SELECT count(*) FROM uploads"));
    }

    [Fact]
    public async Task Keys_are_found_by_the_hash_of_their_secret_until_they_are_revoked()
    {
        var secret = ApiKeySecret.New();
        Assert.False(await Ok(under.Keys.AnyKeyAsync(Cancellation)));
        var key = await Ok(under.Keys.AddKeyAsync("ci", ApiKeySecret.HashOf(secret), ApiRoles.Submit | ApiRoles.Read, Cancellation));
        Assert.Equal(key, await Ok(under.Keys.FindKeyAsync(ApiKeySecret.HashOf(secret), Cancellation)));
        Assert.Null(await Ok(under.Keys.FindKeyAsync(ApiKeySecret.HashOf(ApiKeySecret.New()), Cancellation)));
        Assert.True(await Ok(under.Keys.AnyKeyAsync(Cancellation)));
        Assert.False(await Ok(under.Keys.RevokeKeyAsync("nobody's", Cancellation)));
        Assert.True(await Ok(under.Keys.RevokeKeyAsync(key.Id, Cancellation)));
        Assert.Null(await Ok(under.Keys.FindKeyAsync(ApiKeySecret.HashOf(secret), Cancellation)));
        Assert.False(await Ok(under.Keys.AnyKeyAsync(Cancellation)));
        Assert.NotNull(Assert.Single(await Ok(under.Keys.ListKeysAsync(Cancellation))).RevokedAt);
        Assert.Equal(0, await under.ScalarAsync($"SELECT count(*) FROM api_keys WHERE name LIKE '%{secret}%' OR secret = '{secret}'"));
    }

    private sealed class BreakingStream : MemoryStream
    {
        private int reads;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            reads++ < 3 ? ValueTask.FromResult(buffer.Length) : throw new IOException("the sender went away");
    }
}

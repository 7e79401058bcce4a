using Mewe.Tests;

namespace Mewe.Store.Tests.Jobs;

/// <summary>
/// Random sequences of everything that can happen (claims, deaths, late writes of zombies, completions, failures, cancels, retries, releases, time), on a store and on the model: each answer has to be the
/// same, and so has the state. A failure says its seed.
/// </summary>
public abstract class InterleavingTests
{
    private const int Steps = 250;

    protected abstract Task<StoreUnderTest> OpenAsync();

    protected abstract IEnumerable<int> Seeds { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_store_does_what_the_model_does_whatever_happens()
    {
        foreach (var seed in Seeds)
        {
            await using var under = await OpenAsync();
            var run = new Run(under, new Random(seed));
            try
            {
                await run.StartAsync();
                for (var step = 0; step < Steps; step++)
                {
                    await run.StepAsync();
                }

                await run.FinishAsync();
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                throw new InvalidOperationException($"seed {seed}, after {string.Join("; ", run.Log.TakeLast(25))}: {error.Message}", error);
            }
        }
    }

    private sealed class Run(StoreUnderTest under, Random random)
    {
        private readonly JobModel model = new();
        private readonly List<SiloLease> leases = [];
        private readonly List<JobClaim> jobClaims = [];
        private readonly List<FunctionClaim> functionClaims = [];
        private BlobHash blob;

        public List<string> Log { get; } = [];

        private IJobStore Store => under.Jobs;

        public async Task StartAsync()
        {
            blob = await Ok(Store.PutBlobAsync("blob"u8.ToArray(), Cancellation));
            await RegisterAsync();
        }

        public async Task StepAsync()
        {
            switch (random.Next(100))
            {
                case < 8: await SubmitAsync(); break;
                case < 11: await RegisterAsync(); break;
                case < 16: await RenewAsync(); break;
                case < 20: await PassAsync(TimeSpan.FromMilliseconds(random.Next(1, 9000))); break;
                case < 23: Compare("rescue", model.Rescue(), await Ok(Store.RescueAsync(Cancellation))); break;
                case < 33: await ClaimJobsAsync(); break;
                case < 53: await ClaimFunctionsAsync(); break;
                case < 63: await EndJobAsync(); break;
                case < 85: await EndFunctionAsync(); break;
                case < 88: await CancelAsync(); break;
                case < 92: await RetryAsync(); break;
                case < 93: await RetireAsync(); break;
                case < 95: await ReleaseOthersAsync(); break;
                case < 98: await FindLostAsync(); break;
                default: await CheckAsync(); break;
            }
        }

        /// <summary>Everything ends when nothing bad happens any more.</summary>
        public async Task FinishAsync()
        {
            await CheckAsync();
            await RegisterAsync();
            foreach (var job in model.Jobs.Keys)
            {
                model.Retry(job);
                await Ok(Store.RetryAsync(job, Cancellation));
            }

            for (var round = 0; model.Jobs.Values.Any(job => !job.State.IsTerminal()); round++)
            {
                Assert.True(round < 500, "it does not end");
                await PassAsync(TimeSpan.FromSeconds(4));
                await RegisterAsync("last");
                var silo = leases[^1];
                foreach (var claim in await ClaimJobsAsync(silo, 50, null))
                {
                    await EndJobAsync(claim, 0);
                }

                foreach (var claim in await ClaimFunctionsAsync(silo, 50, null))
                {
                    await EndFunctionAsync(claim, 0);
                }
            }

            await CheckAsync();
        }

        private async Task SubmitAsync()
        {
            var job = new NewJob(JobId.New(), "model", blob, "{}") { Priority = random.Next(8) == 0 ? 1 : 0, Weight = random.Next(1, 4), MaxAttempts = random.Next(1, 4) };
            Say($"submit {job.Id}");
            Assert.NotNull(await Ok(Store.SubmitAsync(job, Cancellation)));
            model.Jobs.Add(job.Id, new JobModel.Job { Id = job.Id, Priority = job.Priority, Weight = job.Weight, MaxAttempts = job.MaxAttempts });
        }

        private async Task RegisterAsync(string? name = null)
        {
            var lease = (await Ok(Store.RegisterSiloAsync(new NewSilo(name ?? $"silo {random.Next(3)}", 1, "model"), Cancellation))).Lease!;
            Say($"register {lease}");
            Assert.All(leases, earlier => Assert.True(lease.Epoch > earlier.Epoch));
            model.Register(lease);
            leases.Add(lease);
        }

        private async Task RenewAsync()
        {
            var lease = AnyLease();
            Compare($"renew {lease}", model.Renew(lease), await Ok(Store.RenewSiloAsync(lease, Cancellation)));
        }

        private async Task PassAsync(TimeSpan time)
        {
            Say($"pass {time}");
            await under.PassAsync(time);
            model.Now += time;
        }

        private async Task ClaimJobsAsync() => await ClaimJobsAsync(AnyLease(), random.Next(1, 4), random.Next(5) == 0 ? AnyJob() : null);

        private async Task<List<JobClaim>> ClaimJobsAsync(SiloLease lease, int count, string? only)
        {
            var claimed = (await Ok(Store.ClaimJobsAsync(lease, count, only, Cancellation))).Select(job => job.Claim).ToList();
            Say($"claim jobs {lease} {count} {only}: {string.Join(", ", claimed)}");
            Assert.Equal(model.ClaimJobs(lease, count, only), claimed);
            Assert.Empty(claimed.Intersect(jobClaims));
            jobClaims.AddRange(claimed);
            return claimed;
        }

        private async Task ClaimFunctionsAsync() => await ClaimFunctionsAsync(AnyLease(), random.Next(1, 7), random.Next(5) == 0 ? AnyJob() : null);

        private async Task<List<FunctionClaim>> ClaimFunctionsAsync(SiloLease lease, int count, string? only)
        {
            var claimed = (await Ok(Store.ClaimFunctionsAsync(lease, count, only, Cancellation))).Select(function => function.Claim).ToList();
            Say($"claim functions {lease} {count} {only}: {string.Join(", ", claimed)}");
            Assert.Equal(model.ClaimFunctions(lease, count, only).ToHashSet(), claimed.ToHashSet());
            Assert.Empty(claimed.Intersect(functionClaims));
            functionClaims.AddRange(claimed);
            return claimed;
        }

        private async Task EndJobAsync()
        {
            if (jobClaims.Count > 0)
            {
                await EndJobAsync(Recent(jobClaims), random.Next(10));
            }
        }

        private async Task EndJobAsync(JobClaim claim, int how)
        {
            switch (how)
            {
                case < 6 when claim.Step == JobStep.Plan:
                    var functions = Enumerable.Range(0, random.Next(6)).Select(index => new NewFunction(index * 2, "f", random.Next(3))).ToList();
                    Compare($"planned {claim}", model.Planned(claim, functions), await Ok(Store.PlannedAsync(claim, blob, functions, Cancellation)));
                    break;
                case < 6:
                    Compare($"linked {claim}", model.Linked(claim), await Ok(Store.LinkedAsync(claim, new JobOutput(blob, blob, blob), [], Cancellation)));
                    break;
                case < 8:
                    var retry = random.Next(4) > 0;
                    Compare($"fail {claim} {retry}", model.FailJob(claim, retry), await Ok(Store.FailJobAsync(claim, new WorkError("x", "y"), retry, Cancellation)));
                    break;
                default:
                    Compare($"release {claim}", model.Release(claim) ? 1 : 0, await Ok(Store.ReleaseJobsAsync([claim], Cancellation)));
                    break;
            }
        }

        private async Task EndFunctionAsync()
        {
            if (functionClaims.Count > 0)
            {
                await EndFunctionAsync(Recent(functionClaims), random.Next(10));
            }
        }

        private async Task EndFunctionAsync(FunctionClaim claim, int how)
        {
            switch (how)
            {
                case < 6:
                    var (variants, content) = (random.Next(4), claim.ToString());
                    var result = new FunctionResult(System.Text.Encoding.UTF8.GetBytes(content),
                        [.. Enumerable.Range(0, variants).Select(i => new NewVariant(i, blob, i, "step", VariantEvidence.Tested, null, 1))], new CandidateTally(variants, 1, 0));
                    Compare($"complete {claim}", model.Complete(claim, variants, content), await Ok(Store.CompleteFunctionAsync(claim, result, Cancellation)));
                    break;
                case < 8:
                    var retry = random.Next(4) > 0;
                    Compare($"fail {claim} {retry}", model.FailFunction(claim, retry), await Ok(Store.FailFunctionAsync(claim, new WorkError("x", "y"), retry, Cancellation)));
                    break;
                default:
                    FunctionClaim[] claims = [claim, Recent(functionClaims)];
                    Compare($"release {claims[0]} {claims[1]}", claims.Count(model.Release), await Ok(Store.ReleaseFunctionsAsync([.. claims.Distinct()], Cancellation)));
                    break;
            }
        }

        private async Task CancelAsync()
        {
            if (AnyJob() is { } job)
            {
                Say($"cancel {job}");
                model.Cancel(job);
                Assert.Equal(model.Jobs[job].State, (await Ok(Store.CancelAsync(job, Cancellation)))!.State);
            }
        }

        private async Task RetryAsync()
        {
            if (AnyJob() is { } job)
            {
                Say($"retry {job}");
                model.Retry(job);
                Assert.Equal(model.Jobs[job].State, (await Ok(Store.RetryAsync(job, Cancellation)))!.State);
            }
        }

        private async Task RetireAsync()
        {
            var lease = AnyLease();
            Compare($"retire {lease}", model.Retire(lease), await Ok(Store.RetireSiloAsync(lease, Cancellation)));
        }

        private async Task ReleaseOthersAsync()
        {
            var lease = AnyLease();
            var (jobs, functions) = (jobClaims.Where(_ => random.Next(2) == 0).ToList(), functionClaims.Where(_ => random.Next(2) == 0).ToList());
            Compare($"release others {lease}", model.ReleaseOthers(lease, jobs, functions), await Ok(Store.ReleaseOthersAsync(lease, jobs, functions, Cancellation)));
        }

        private async Task FindLostAsync()
        {
            var lost = await Ok(Store.FindLostAsync(jobClaims, functionClaims, Cancellation));
            Assert.Equal(jobClaims.Where(claim => !model.Holds(claim)).ToHashSet(), lost.Jobs.ToHashSet());
            Assert.Equal(functionClaims.Where(claim => !model.Holds(claim)).ToHashSet(), lost.Functions.ToHashSet());
        }

        private async Task CheckAsync()
        {
            foreach (var job in model.Jobs.Values)
            {
                var record = (await Ok(Store.GetJobAsync(job.Id, Cancellation)))!;
                Assert.Equal((job.Id, job.State, job.Attempt, job.Failures, job.State.IsTerminal()), (record.Id, record.State, record.Attempt, record.Failures, record.FinishedAt is not null));
                var functions = job.Functions.Values;
                var candidates = functions.Aggregate(default(CandidateTally), (sum, function) => sum + (function.State == FunctionState.Done ? new CandidateTally(function.Variants, 1, 0) : default));
                Assert.Equal(
                    new JobProgress(functions.Count, job.Count(FunctionState.Available), job.Count(FunctionState.Running), job.Count(FunctionState.Done), job.Count(FunctionState.Failed),
                        job.Count(FunctionState.Cancelled), functions.Sum(function => (long)function.Variants), candidates),
                    record.Progress);
                Assert.Equal(
                    functions.Select(function => (function.Index, function.State, function.Attempt, function.Failures, function.Variants)),
                    (await Ok(Store.ListFunctionsAsync(job.Id, new FunctionQuery(), Cancellation))).Select(function => (function.Index, function.State, function.Attempt, function.Failures, function.Variants)));
                Assert.Equal(
                    functions.Where(function => function.State.IsTerminal()).Select(function => (function.Index, function.Content ?? "")),
                    (await Ok(Store.ReadResultsAsync(job.Id, null, Cancellation))).Select(result => (result.Index, System.Text.Encoding.UTF8.GetString(result.Content.Span))));
                Assert.Equal(functions.Sum(function => function.Variants), (await Ok(Store.ListVariantsAsync(job.Id, new VariantQuery(), Cancellation))).Count);
            }

            Assert.Equal(model.Silos.Values.Select(silo => (silo.Lease, silo.Expires > model.Now)), (await Ok(Store.ListSilosAsync(Cancellation))).Select(silo => (silo.Lease, silo.Alive)));
        }

        /// <summary>Mostly one of the last ones, sometimes one that somebody has forgotten long ago.</summary>
        private T Recent<T>(List<T> claims) => claims[random.Next(random.Next(4) == 0 ? 0 : Math.Max(0, claims.Count - 6), claims.Count)];

        private SiloLease AnyLease() => Recent(leases);

        private string? AnyJob() => model.Jobs.Count == 0 ? null : model.Jobs.Keys.ElementAt(random.Next(model.Jobs.Count));

        private void Compare<T>(string what, T expected, T actual)
        {
            Say($"{what}: {actual}");
            Assert.Equal(expected, actual);
        }

        private void Say(string what) => Log.Add(what);

        private static async Task<T> Ok<T>(Task<StoreAnswer<T>> call)
        {
            var answer = await call;
            Assert.True(answer.TryGet(out var value), answer.Problem?.Message);
            return value;
        }
    }
}

/// <summary>The embedded store against the model.</summary>
public sealed class SqliteInterleavingTests : InterleavingTests
{
    protected override IEnumerable<int> Seeds => Enumerable.Range(1, 15);

    protected override Task<StoreUnderTest> OpenAsync() => SqliteUnderTest.OpenAsync();
}

/// <summary>The cluster's store against the model.</summary>
public sealed class PostgresInterleavingTests(PostgresFixture postgres) : InterleavingTests
{
    protected override IEnumerable<int> Seeds => Enumerable.Range(1, 8);

    protected override Task<StoreUnderTest> OpenAsync() => PostgresUnderTest.OpenAsync(postgres);
}

namespace Mewe.Store.Tests.Jobs;

public abstract partial class JobStoreConformance
{
    private static readonly TimeSpan LeaseOver = JobLimits.Lease + TimeSpan.FromSeconds(1);

    [Fact]
    public async Task The_dearest_functions_of_a_job_are_claimed_first()
    {
        var silo = await SiloAsync();
        await RunningAsync(silo, 5, 90, 90, 7);
        Assert.Equal([1, 2, 3, 0], (await ClaimAsync(silo, 10)).Select(function => function.Claim.Function));
        Assert.Empty(await ClaimAsync(silo, 10));
    }

    [Fact]
    public async Task A_higher_priority_gets_all()
    {
        var silo = await SiloAsync();
        await RunningAsync(silo, 9, 9, 9);
        var urgent = await RunningAsync(silo, job => new NewJob(job.Id, job.Name, job.Module, "{}") { Priority = 1 }, 1, 1, 1);
        Assert.All(await ClaimAsync(silo, 3), function => Assert.Equal(urgent, function.Claim.Job));
        Assert.DoesNotContain(await ClaimAsync(silo, 1), function => function.Claim.Job == urgent);
    }

    [Fact]
    public async Task A_small_job_behind_a_huge_one_gets_its_share_at_once()
    {
        var silo = await SiloAsync();
        var huge = await RunningAsync(silo, [.. Enumerable.Repeat(1000L, 500)]);
        await ClaimAsync(silo, 8);
        var small = await RunningAsync(silo, [.. Enumerable.Repeat(1L, 20)]);
        Assert.All(await ClaimAsync(silo, 8), function => Assert.Equal(small, function.Claim.Job));
        var next = await ClaimAsync(silo, 8);
        Assert.Equal((4, 4), (next.Count(function => function.Claim.Job == huge), next.Count(function => function.Claim.Job == small)));
    }

    [Fact]
    public async Task Shares_go_by_weight()
    {
        var silo = await SiloAsync();
        var light = await RunningAsync(silo, [.. Enumerable.Repeat(1L, 50)]);
        var heavy = await RunningAsync(silo, job => new NewJob(job.Id, job.Name, job.Module, "{}") { Weight = 3 }, [.. Enumerable.Repeat(1L, 50)]);
        for (var i = 0; i < 5; i++)
        {
            var claimed = await ClaimAsync(silo, 4);
            Assert.Equal((1, 3), (claimed.Count(function => function.Claim.Job == light), claimed.Count(function => function.Claim.Job == heavy)));
        }
    }

    [Fact]
    public async Task What_one_job_cannot_use_others_get()
    {
        var silo = await SiloAsync();
        var small = await RunningAsync(silo, 1, 1);
        var large = await RunningAsync(silo, [.. Enumerable.Repeat(1L, 50)]);
        var claimed = await ClaimAsync(silo, 20);
        Assert.Equal((2, 18), (claimed.Count(function => function.Claim.Job == small), claimed.Count(function => function.Claim.Job == large)));
    }

    [Fact]
    public async Task One_can_claim_of_one_job_only()
    {
        var silo = await SiloAsync();
        await RunningAsync(silo, job => new NewJob(job.Id, job.Name, job.Module, "{}") { Priority = 9 }, 1, 1);
        var mine = await RunningAsync(silo, 1, 1);
        await SubmitAsync();
        Assert.All(await ClaimAsync(silo, 9, mine), function => Assert.Equal(mine, function.Claim.Job));
        Assert.Empty(await Ok(Store.ClaimJobsAsync(silo, 9, mine, Cancellation)));
    }

    [Fact]
    public async Task Jobs_are_linked_before_others_are_planned_and_the_oldest_first()
    {
        var silo = await SiloAsync();
        var linkable = await RunningAsync(silo, costs: []);
        string[] queued = [await SubmitAsync(), await SubmitAsync(job => new NewJob(job.Id, job.Name, job.Module, "{}") { Priority = 2 })];
        var claimed = await Ok(Store.ClaimJobsAsync(silo, 9, null, Cancellation));
        Assert.Equal([(queued[1], JobStep.Plan), (linkable, JobStep.Link), (queued[0], JobStep.Plan)], claimed.Select(job => (job.Claim.Job, job.Claim.Step)));
    }

    [Fact]
    public async Task A_job_waits_until_its_time()
    {
        var silo = await SiloAsync();
        var now = (await Ok(Store.ListSilosAsync(Cancellation)))[0].RegisteredAt;
        var job = await SubmitAsync(job => new NewJob(job.Id, job.Name, job.Module, "{}") { NotBefore = now + TimeSpan.FromHours(2) });
        Assert.Empty(await Ok(Store.ClaimJobsAsync(silo, 1, null, Cancellation)));
        await under.PassAsync(TimeSpan.FromHours(2));
        await Ok(Store.RenewSiloAsync(silo, Cancellation));
        Assert.Equal(job, (await ClaimJobAsync(silo, JobStep.Plan)).Job);
    }

    [Fact]
    public async Task Nothing_is_claimed_under_a_lease_that_ran_out_or_never_was()
    {
        var silo = await SiloAsync();
        await RunningAsync(silo, 1);
        await SubmitAsync();
        foreach (var bad in (SiloLease[])[silo with { Epoch = silo.Epoch + 1 }, silo with { Silo = "b" }])
        {
            Assert.Empty(await ClaimAsync(bad));
            Assert.Empty(await Ok(Store.ClaimJobsAsync(bad, 1, null, Cancellation)));
        }

        await under.PassAsync(LeaseOver);
        Assert.Empty(await ClaimAsync(silo));
        Assert.Empty(await Ok(Store.ClaimJobsAsync(silo, 1, null, Cancellation)));
        Assert.Equal(LeaseOutcome.Renewed, await Ok(Store.RenewSiloAsync(silo, Cancellation)));
        Assert.Single(await ClaimAsync(silo));
    }

    [Fact]
    public async Task A_renewed_lease_lives_on_and_others_are_told_why_not()
    {
        var silo = await SiloAsync();
        for (var i = 0; i < 5; i++)
        {
            await under.PassAsync(JobLimits.Renewal);
            Assert.Equal(LeaseOutcome.Renewed, await Ok(Store.RenewSiloAsync(silo, Cancellation)));
        }

        Assert.Equal(0, (await Ok(Store.RescueAsync(Cancellation))).Silos);
        var newer = await SiloAsync();
        Assert.True(newer.Epoch > silo.Epoch);
        Assert.Equal(LeaseOutcome.Superseded, await Ok(Store.RenewSiloAsync(silo, Cancellation)));
        await under.PassAsync(LeaseOver);
        Assert.False((await Ok(Store.ListSilosAsync(Cancellation)))[0].Alive);
        Assert.Equal(1, (await Ok(Store.RescueAsync(Cancellation))).Silos);
        Assert.Equal(LeaseOutcome.Expired, await Ok(Store.RenewSiloAsync(newer, Cancellation)));
        Assert.Empty(await Ok(Store.ListSilosAsync(Cancellation)));
    }

    [Fact]
    public async Task Work_of_a_dead_silo_is_done_by_another_and_its_late_results_are_dropped()
    {
        var (dead, live) = (await SiloAsync("dead"), await SiloAsync("live"));
        var job = await RunningAsync(dead, 1, 2);
        await SubmitAsync();
        var (late, step) = (await ClaimAsync(dead, 2), await ClaimJobAsync(dead, JobStep.Plan));
        await under.PassAsync(LeaseOver);
        await Ok(Store.RenewSiloAsync(live, Cancellation));
        Assert.Equal(new RescueCount(1, 1, 2, 0), await Ok(Store.RescueAsync(Cancellation)));
        Assert.Equal(default, await Ok(Store.RescueAsync(Cancellation)));
        Assert.Equal(WriteOutcome.Lost, await CompleteAsync(late[0].Claim, content: "late"));
        var again = await ClaimAsync(live, 2);
        Assert.Equal([2, 2], again.Select(function => function.Claim.Attempt));
        Assert.Equal(WriteOutcome.Lost, await CompleteAsync(late[0].Claim, content: "late"));
        Assert.Equal(WriteOutcome.Lost, await Ok(Store.FailFunctionAsync(late[1].Claim, new WorkError("x", "late"), true, Cancellation)));
        Assert.Equal(0, await Ok(Store.ReleaseFunctionsAsync([.. late.Select(function => function.Claim)], Cancellation)));
        Assert.Equal(WriteOutcome.Lost, await Ok(Store.PlannedAsync(step, await BlobAsync("late plan"), [new(0, "x", 1)], Cancellation)));
        foreach (var function in again)
        {
            Assert.Equal(WriteOutcome.Written, await CompleteAsync(function.Claim, content: "on time"));
        }

        Assert.Equal(WriteOutcome.Lost, await CompleteAsync(late[0].Claim, content: "late"));
        Assert.All(await Ok(Store.ReadResultsAsync(job, null, Cancellation)), result => Assert.Equal("on time", System.Text.Encoding.UTF8.GetString(result.Content.Span)));
        Assert.Equal(4, (await JobAsync(job)).Progress.Variants);
        Assert.Equal(0, (await FunctionAsync(job, 0)).Failures);
    }

    [Fact]
    public async Task A_process_with_the_same_name_takes_over_at_once()
    {
        var first = await SiloAsync();
        await RunningAsync(first, 1);
        var late = await ClaimOneAsync(first);
        var second = await SiloAsync();
        Assert.Empty(await ClaimAsync(first));
        var again = await ClaimOneAsync(second);
        Assert.Equal(WriteOutcome.Lost, await CompleteAsync(late));
        Assert.Equal(WriteOutcome.Written, await CompleteAsync(again));
    }

    [Fact]
    public async Task What_kills_every_silo_fails_after_so_many()
    {
        var job = await RunningAsync(await SiloAsync(), 1, 1);
        for (var i = 1; i <= JobLimits.MaxRescues; i++)
        {
            Assert.Equal(0, await Ok(Store.ReleaseFunctionsAsync([], Cancellation)));
            var claim = Assert.Single(await ClaimAsync(await SiloAsync())).Claim;
            Assert.Equal((0, i), (claim.Function, claim.Attempt));
        }

        await SiloAsync();
        var function = await FunctionAsync(job, 0);
        Assert.Equal((FunctionState.Failed, WorkError.SiloDied), (function.State, function.Error?.Kind));
        Assert.Equal(FunctionState.Available, (await FunctionAsync(job, 1)).State);
        Assert.Equal(JobState.Running, (await JobAsync(job)).State);
    }

    [Fact]
    public async Task A_plan_that_kills_every_silo_fails_its_job_after_so_many()
    {
        var job = await SubmitAsync();
        for (var i = 1; i <= JobLimits.MaxRescues; i++)
        {
            Assert.Equal(i, (await ClaimJobAsync(await SiloAsync(), JobStep.Plan)).Attempt);
        }

        await SiloAsync();
        var record = await JobAsync(job);
        Assert.Equal((JobState.Failed, WorkError.SiloDied), (record.State, record.Error?.Kind));
    }

    [Fact]
    public async Task A_silo_that_drains_gives_its_work_back_without_using_up_attempts()
    {
        var (silo, other) = (await SiloAsync("a"), await SiloAsync("b"));
        var job = await RunningAsync(silo, job => new NewJob(job.Id, job.Name, job.Module, "{}") { MaxAttempts = 1 }, 1, 2, 3);
        var planned = await SubmitAsync();
        var (functions, step) = (await ClaimAsync(silo, 2), await ClaimJobAsync(silo, JobStep.Plan));
        Assert.Equal(1, await Ok(Store.ReleaseFunctionsAsync([functions[0].Claim], Cancellation)));
        Assert.Equal(WriteOutcome.Lost, await CompleteAsync(functions[0].Claim));
        Assert.Equal(1, await Ok(Store.ReleaseJobsAsync([step], Cancellation)));
        Assert.Equal(0, await Ok(Store.ReleaseJobsAsync([step], Cancellation)));
        Assert.Equal(JobState.Queued, (await JobAsync(planned)).State);

        // The same silo claims the same again, and is not mistaken for what it was before.
        var again = await ClaimOneAsync(silo);
        Assert.Equal(functions[0].Claim.Function, again.Function);
        Assert.Equal(WriteOutcome.Lost, await CompleteAsync(functions[0].Claim));
        Assert.Equal(2, await Ok(Store.RetireSiloAsync(silo, Cancellation)));
        Assert.Equal(3, (await JobAsync(job)).Progress.Available);
        Assert.Empty(await ClaimAsync(silo));
        Assert.Equal(3, (await ClaimAsync(other, 3)).Count);
    }

    [Fact]
    public async Task A_claim_whose_answer_was_lost_is_given_back()
    {
        var silo = await SiloAsync();
        var job = await RunningAsync(silo, 1, 2, 3);
        await SubmitAsync();
        var kept = await ClaimAsync(silo, 1);
        await ClaimAsync(silo, 2);
        var step = await ClaimJobAsync(silo, JobStep.Plan);
        Assert.Equal(2, await Ok(Store.ReleaseOthersAsync(silo, [step], [kept[0].Claim], Cancellation)));
        Assert.Equal(2, (await JobAsync(job)).Progress.Available);
        Assert.Equal(WriteOutcome.Written, await CompleteAsync(kept[0].Claim));
        Assert.Equal(1, await Ok(Store.ReleaseOthersAsync(silo, [], [], Cancellation)));
    }

    [Fact]
    public async Task A_write_whose_answer_was_lost_may_be_repeated()
    {
        var silo = await SiloAsync();
        var job = await SubmitAsync();
        var plan = await ClaimJobAsync(silo, JobStep.Plan);
        var blob = await BlobAsync("plan");
        Assert.Equal(WriteOutcome.Written, await Ok(Store.PlannedAsync(plan, blob, [new(0, "x", 1), new(1, "y", 1)], Cancellation)));
        Assert.Equal(WriteOutcome.AlreadyWritten, await Ok(Store.PlannedAsync(plan, blob, [new(0, "x", 1), new(1, "y", 1)], Cancellation)));
        var functions = await ClaimAsync(silo, 2);
        Assert.Equal(WriteOutcome.Written, await CompleteAsync(functions[0].Claim));
        Assert.Equal(WriteOutcome.AlreadyWritten, await CompleteAsync(functions[0].Claim));
        Assert.Equal(WriteOutcome.Lost, await Ok(Store.FailFunctionAsync(functions[0].Claim, new WorkError("x", "y"), true, Cancellation)));
        Assert.Equal(WriteOutcome.Written, await Ok(Store.FailFunctionAsync(functions[1].Claim, new WorkError("x", "y"), false, Cancellation)));
        Assert.Equal(WriteOutcome.AlreadyWritten, await Ok(Store.FailFunctionAsync(functions[1].Claim, new WorkError("x", "y"), false, Cancellation)));
        Assert.Equal(WriteOutcome.Lost, await CompleteAsync(functions[1].Claim));
        var link = await ClaimJobAsync(silo, JobStep.Link);
        var output = await OutputAsync();
        Assert.Equal(WriteOutcome.Lost, await Ok(Store.PlannedAsync(plan, blob, [], Cancellation)));
        Assert.Equal(WriteOutcome.Written, await Ok(Store.LinkedAsync(link, output, [], Cancellation)));
        Assert.Equal(WriteOutcome.AlreadyWritten, await Ok(Store.LinkedAsync(link, output, [], Cancellation)));
        Assert.Equal(2, (await JobAsync(job)).Progress.Variants);
    }

    [Fact]
    public async Task A_function_that_fails_waits_ever_longer_and_then_has_failed_but_not_its_job()
    {
        var silo = await SiloAsync();
        var job = await RunningAsync(silo, 1);
        for (var failure = 1; failure <= NewJob.DefaultMaxAttempts; failure++)
        {
            var claim = Assert.Single(await ClaimAsync(silo));
            Assert.Equal(failure - 1, claim.Failures);
            await Ok(Store.FailFunctionAsync(claim.Claim, new WorkError("Engine", $"failure {failure}"), retry: true, Cancellation));
            Assert.Empty(await ClaimAsync(silo));
            await under.PassAsync(JobLimits.BackOff(failure) - TimeSpan.FromMilliseconds(500));
            Assert.Empty(await ClaimAsync(silo));
            await under.PassAsync(TimeSpan.FromMilliseconds(500));
            await Ok(Store.RenewSiloAsync(silo, Cancellation));
        }

        var function = await FunctionAsync(job, 0);
        Assert.Equal((FunctionState.Failed, 3, new WorkError("Engine", "failure 3")), (function.State, function.Failures, function.Error));
        var link = await ClaimJobAsync(silo, JobStep.Link);
        var finished = Assert.Single(await Ok(Store.ReadResultsAsync(job, null, Cancellation)));
        Assert.Equal((FunctionState.Failed, 0, function.Error), (finished.State, finished.Content.Length, finished.Error));
        Assert.Equal(WriteOutcome.Written, await Ok(Store.LinkedAsync(link, await OutputAsync(), [], Cancellation)));
    }

    [Fact]
    public async Task A_job_that_waits_after_failures_holds_no_slots_of_others()
    {
        var silo = await SiloAsync();
        var waiting = await RunningAsync(silo, 1, 1);
        foreach (var function in await ClaimAsync(silo, 2))
        {
            await Ok(Store.FailFunctionAsync(function.Claim, new WorkError("x", "y"), true, Cancellation));
        }

        Assert.Equal(2, (await JobAsync(waiting)).Progress.Available);
        var other = await RunningAsync(silo, 1, 1, 1);
        Assert.Equal([other, other, other], (await ClaimAsync(silo, 5)).Select(function => function.Claim.Job));
        Assert.Empty(await Ok(Store.ClaimJobsAsync(silo, 5, null, Cancellation)));
    }

    [Fact]
    public async Task A_step_that_fails_is_tried_again_later_or_fails_the_job()
    {
        var silo = await SiloAsync();
        var (job, bad) = (await SubmitAsync(), await SubmitAsync());
        ClaimedJob[] steps = [.. await Ok(Store.ClaimJobsAsync(silo, 1, job, Cancellation)), .. await Ok(Store.ClaimJobsAsync(silo, 1, bad, Cancellation))];
        Assert.Equal(WriteOutcome.Written, await Ok(Store.FailJobAsync(steps[0].Claim, new WorkError("Engine", "again"), retry: true, Cancellation)));
        Assert.Equal(WriteOutcome.AlreadyWritten, await Ok(Store.FailJobAsync(steps[0].Claim, new WorkError("Engine", "again"), retry: true, Cancellation)));
        Assert.Equal(WriteOutcome.Written, await Ok(Store.FailJobAsync(steps[1].Claim, new WorkError("BadModule", "no module"), retry: false, Cancellation)));
        var first = await JobAsync(job);
        Assert.Equal((JobState.Queued, 1, "again"), (first.State, first.Failures, first.Error!.Message));
        var second = await JobAsync(bad);
        Assert.Equal((JobState.Failed, "BadModule"), (second.State, second.Error!.Kind));
        Assert.Empty(await Ok(Store.ClaimJobsAsync(silo, 2, null, Cancellation)));
        await under.PassAsync(JobLimits.BackOff(1));
        var plan = await ClaimJobAsync(silo, JobStep.Plan);
        await Ok(Store.PlannedAsync(plan, await BlobAsync("plan"), [], Cancellation));
        var planned = await JobAsync(job);
        Assert.Equal((0, null), (planned.Failures, planned.Error));
        for (var failure = 1; failure <= NewJob.DefaultMaxAttempts; failure++)
        {
            var link = await ClaimJobAsync(silo, JobStep.Link);
            await Ok(Store.FailJobAsync(link, new WorkError("Link", "no"), retry: true, Cancellation));
            await under.PassAsync(JobLimits.BackOff(failure));
            await Ok(Store.RenewSiloAsync(silo, Cancellation));
        }

        Assert.Equal(JobState.Failed, (await JobAsync(job)).State);
        Assert.Empty(await Ok(Store.ClaimJobsAsync(silo, 2, null, Cancellation)));
    }

    [Fact]
    public async Task A_cancelled_job_is_cancelled_entirely_and_its_workers_hear_of_it()
    {
        var silo = await SiloAsync();
        var job = await RunningAsync(silo, 1, 2, 3);
        var other = await RunningAsync(silo, 9);
        await CompleteAsync((await ClaimAsync(silo, 1, job))[0].Claim);
        var (running, unaffected) = ((await ClaimAsync(silo, 1, job))[0].Claim, (await ClaimAsync(silo, 1, other))[0].Claim);
        Assert.Equal(JobState.Cancelled, (await Ok(Store.CancelAsync(job, Cancellation)))!.State);
        var record = await JobAsync(job);
        Assert.Equal((1, 2), (record.Progress.Done, record.Progress.Cancelled));
        var lost = await Ok(Store.FindLostAsync([], [running, unaffected], Cancellation));
        Assert.Equal([running], lost.Functions);
        Assert.Equal(WriteOutcome.Lost, await CompleteAsync(running));
        Assert.Empty(await ClaimAsync(silo));
        Assert.Empty(await Ok(Store.ClaimJobsAsync(silo, 1, job, Cancellation)));
        Assert.Equal(WriteOutcome.Written, await CompleteAsync(unaffected));
        Assert.Equal(0, (await Ok(Store.RescueAsync(Cancellation))).Functions);
    }

    [Theory]
    [InlineData(JobStep.Plan)]
    [InlineData(JobStep.Link)]
    public async Task A_job_that_is_cancelled_during_a_step_does_not_come_back(JobStep step)
    {
        var silo = await SiloAsync();
        var job = step == JobStep.Plan ? await SubmitAsync() : await RunningAsync(silo, costs: []);
        var claim = await ClaimJobAsync(silo, step);
        await Ok(Store.CancelAsync(job, Cancellation));
        Assert.Equal([claim], (await Ok(Store.FindLostAsync([claim], [], Cancellation))).Jobs);
        Assert.Equal(WriteOutcome.Lost, step == JobStep.Plan
            ? await Ok(Store.PlannedAsync(claim, await BlobAsync(), [new(0, "x", 1)], Cancellation))
            : await Ok(Store.LinkedAsync(claim, await OutputAsync(), [], Cancellation)));
        Assert.Equal(WriteOutcome.Lost, await Ok(Store.FailJobAsync(claim, new WorkError("x", "y"), true, Cancellation)));
        Assert.Equal(0, await Ok(Store.ReleaseJobsAsync([claim], Cancellation)));
        Assert.Equal(JobState.Cancelled, (await JobAsync(job)).State);
        Assert.Empty(await FunctionsAsync(job));
    }

    [Fact]
    public async Task A_retried_job_keeps_what_is_done()
    {
        var silo = await SiloAsync();
        var job = await RunningAsync(silo, 1, 2, 3);
        await CompleteAsync(await ClaimOneAsync(silo));
        var late = await ClaimOneAsync(silo);
        await Ok(Store.CancelAsync(job, Cancellation));
        Assert.Equal(JobState.Running, (await Ok(Store.RetryAsync(job, Cancellation)))!.State);
        var record = await JobAsync(job);
        Assert.Equal((1, 2, 0), (record.Progress.Done, record.Progress.Available, record.Progress.Cancelled));
        Assert.Equal(WriteOutcome.Lost, await CompleteAsync(late));
        var again = await ClaimAsync(silo, 2);
        Assert.Equal([2, 1], again.Select(function => function.Claim.Attempt));
        Assert.Equal(WriteOutcome.Lost, await CompleteAsync(late));
        await Ok(Store.FailFunctionAsync(again[0].Claim, new WorkError("x", "y"), false, Cancellation));
        await CompleteAsync(again[1].Claim);
        await Ok(Store.LinkedAsync(await ClaimJobAsync(silo, JobStep.Link), await OutputAsync(), [new(2, 0, VariantEvidence.Proved, null)], Cancellation));

        // Completed, but of one function nothing came: that can be tried again, too.
        Assert.Equal(JobState.Running, (await Ok(Store.RetryAsync(job, Cancellation)))!.State);
        Assert.Empty(await Ok(Store.ListVariantsAsync(job, new VariantQuery { Linked = true }, Cancellation)));
        await CompleteAllAsync(silo);
        await Ok(Store.LinkedAsync(await ClaimJobAsync(silo, JobStep.Link), await OutputAsync(), [], Cancellation));
        var completed = await JobAsync(job);
        Assert.Equal((JobState.Completed, 3), (completed.State, completed.Progress.Done));
        Assert.Equal(JobState.Completed, (await Ok(Store.RetryAsync(job, Cancellation)))!.State);
    }

    [Fact]
    public async Task A_retried_job_that_was_never_planned_is_planned()
    {
        var silo = await SiloAsync();
        var job = await SubmitAsync();
        await Ok(Store.FailJobAsync(await ClaimJobAsync(silo, JobStep.Plan), new WorkError("x", "y"), false, Cancellation));
        var retried = await Ok(Store.RetryAsync(job, Cancellation));
        Assert.Equal((JobState.Queued, null), (retried!.State, retried.Error));
        Assert.Equal(2, (await ClaimJobAsync(silo, JobStep.Plan)).Attempt);
    }

    [Fact]
    public async Task Whoever_waits_hears_of_new_work()
    {
        var seen = Store.Signals;
        var wait = Store.WaitForSignalAsync(seen, TimeSpan.FromMinutes(1), Cancellation);
        await SubmitAsync();
        Assert.True(await wait > seen);
        Assert.True(await Store.WaitForSignalAsync(seen, TimeSpan.FromMinutes(1), Cancellation) > seen);
        seen = Store.Signals;
        Assert.Equal(seen, await Store.WaitForSignalAsync(seen, TimeSpan.Zero, Cancellation));
    }

    [Fact]
    public async Task Many_silos_at_once_do_every_function_exactly_once()
    {
        const int Functions = 400, Silos = 4;
        var planner = await SiloAsync("planner");
        string[] jobs = [await RunningAsync(planner, [.. Enumerable.Repeat(1L, Functions / 2)]), await RunningAsync(planner, [.. Enumerable.Repeat(1L, Functions / 2)])];
        var written = 0;
        var stores = new List<IJobStore>();
        for (var i = 0; i < Silos; i++)
        {
            stores.Add(i % 2 == 0 ? Store : await under.AnotherAsync());
        }

        await Task.WhenAll(stores.Select((store, index) => Task.Run(
            async () =>
            {
                var silo = (await Ok(store.RegisterSiloAsync(new NewSilo($"silo {index}", 4, "1.0"), Cancellation))).Lease!;
                while (await Ok(store.ClaimFunctionsAsync(silo, 7, null, Cancellation)) is { Count: > 0 } claimed)
                {
                    await Task.WhenAll(claimed.Select(async function =>
                    {
                        Assert.Equal(WriteOutcome.Written, await Ok(store.CompleteFunctionAsync(function.Claim, Result(1), Cancellation)));
                        Interlocked.Increment(ref written);
                    }));
                }
            },
            Cancellation)));
        Assert.Equal(Functions, written);
        foreach (var job in jobs)
        {
            const int Half = Functions / 2;
            Assert.Equal(new JobProgress(Half, 0, 0, Half, 0, 0, Half, new CandidateTally(30 * Half, 20 * Half, 3 * Half)), (await JobAsync(job)).Progress);
        }

        Assert.Equal(2, (await Ok(Store.ClaimJobsAsync(planner, 9, null, Cancellation))).Count(job => job.Claim.Step == JobStep.Link));
        Assert.Equal(Functions, await under.ScalarAsync("SELECT count(*) FROM variants"));
    }
}

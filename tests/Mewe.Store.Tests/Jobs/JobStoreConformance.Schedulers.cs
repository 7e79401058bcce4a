namespace Mewe.Store.Tests.Jobs;

public abstract partial class JobStoreConformance
{
    [Fact]
    public async Task A_silo_of_another_scheduler_is_refused_while_one_lives_and_nothing_changes()
    {
        var first = await SiloAsync("first");
        var refused = await Ok(Store.RegisterSiloAsync(new NewSilo("second", 1, "1.0", "orleans"), Cancellation));
        Assert.Null(refused.Lease);
        Assert.Equal((first, NewSilo.Leases), (refused.Other!.Lease, refused.Other.Scheduler));
        Assert.Equal("first", Assert.Single(await Ok(Store.ListSilosAsync(Cancellation))).Lease.Silo);
        Assert.NotNull((await Ok(Store.RegisterSiloAsync(new NewSilo("third", 1, "1.0"), Cancellation))).Lease);
    }

    [Fact]
    public async Task The_scheduler_can_change_when_all_silos_have_ended_or_died()
    {
        var ended = await SiloAsync("ended");
        await SiloAsync("died");
        await Ok(Store.RetireSiloAsync(ended, Cancellation));
        Assert.Equal("died", (await Ok(Store.RegisterSiloAsync(new NewSilo("new", 1, "1.0", "orleans"), Cancellation))).Other!.Lease.Silo);
        await under.PassAsync(LeaseOver);
        Assert.NotNull((await Ok(Store.RegisterSiloAsync(new NewSilo("new", 1, "1.0", "orleans"), Cancellation))).Lease);
        Assert.Equal("orleans", Assert.Single(await Ok(Store.ListSilosAsync(Cancellation)), silo => silo.Alive).Scheduler);
    }

    [Fact]
    public async Task The_silo_whose_name_is_taken_is_not_in_the_way()
    {
        await SiloAsync("only");
        Assert.NotNull((await Ok(Store.RegisterSiloAsync(new NewSilo("only", 1, "1.0", "orleans"), Cancellation))).Lease);
    }

    [Fact]
    public async Task Of_two_schedulers_that_start_at_once_one_is_refused()
    {
        var other = await under.AnotherAsync();
        for (var i = 0; i < 10; i++)
        {
            var registrations = await Task.WhenAll(
                Ok(Store.RegisterSiloAsync(new NewSilo("a", 1, "1.0"), Cancellation)), Ok(other.RegisterSiloAsync(new NewSilo("b", 1, "1.0", "orleans"), Cancellation)));
            var won = Assert.Single(registrations, registration => registration.Lease is not null);
            await Ok(Store.RetireSiloAsync(won.Lease!, Cancellation));
        }
    }

    [Fact]
    public async Task Chosen_functions_are_claimed_and_fenced_as_any_others()
    {
        var (silo, other) = (await SiloAsync(), await SiloAsync("b"));
        var job = await RunningAsync(silo, 1, 1, 1);
        var claimed = await Ok(Store.ClaimTheseAsync(silo, [new(job, 2), new(job, 0), new(job, 7), new(JobId.New(), 0), new("no id", 0)], Cancellation));
        Assert.Equal([(0, 1, "f0"), (2, 1, "f2")], claimed.Select(function => (function.Claim.Function, function.Claim.Attempt, function.Name)).Order());
        Assert.Equal((1, 2), ((await JobAsync(job)).Progress.Available, (await JobAsync(job)).Progress.Running));

        // Somebody else's, and what is done, is not given again.
        Assert.Empty(await Ok(Store.ClaimTheseAsync(other, [new(job, 0)], Cancellation)));
        var claim = claimed.Single(function => function.Claim.Function == 0).Claim;
        Assert.Equal(WriteOutcome.Lost, await CompleteAsync(claim with { Silo = other }));
        Assert.Equal(WriteOutcome.Written, await CompleteAsync(claim));
        Assert.Empty(await Ok(Store.ClaimTheseAsync(other, [new(job, 0)], Cancellation)));
        Assert.Empty(await Ok(Store.ClaimTheseAsync(silo, [], Cancellation)));
    }

    [Fact]
    public async Task A_chosen_function_waits_for_the_end_of_its_pause()
    {
        var silo = await SiloAsync();
        var job = await RunningAsync(silo, 1, 1);
        var claim = Assert.Single(await Ok(Store.ClaimTheseAsync(silo, [new(job, 1)], Cancellation))).Claim;
        await Ok(Store.FailFunctionAsync(claim, new WorkError("kind", "why"), retry: true, Cancellation));
        Assert.Empty(await Ok(Store.ClaimTheseAsync(silo, [new(job, 1)], Cancellation)));
        await under.PassAsync(JobLimits.FirstBackOff + TimeSpan.FromMilliseconds(1));
        var again = Assert.Single(await Ok(Store.ClaimTheseAsync(silo, [new(job, 1)], Cancellation)));
        Assert.Equal((2, 1), (again.Claim.Attempt, again.Failures));
        Assert.Equal((1, 1), ((await JobAsync(job)).Progress.Available, (await JobAsync(job)).Progress.Running));
    }

    [Fact]
    public async Task A_lease_that_is_over_claims_no_chosen_function()
    {
        var silo = await SiloAsync();
        var job = await RunningAsync(silo, 1);
        await under.PassAsync(LeaseOver);
        Assert.Empty(await Ok(Store.ClaimTheseAsync(silo, [new(job, 0)], Cancellation)));
    }

    [Fact]
    public async Task Of_two_silos_that_want_the_same_function_one_gets_it()
    {
        var (silo, other, second) = (await SiloAsync(), await SiloAsync("b"), await under.AnotherAsync());
        var job = await RunningAsync(silo, [.. Enumerable.Repeat(1L, 40)]);
        FunctionKey[] all = [.. Enumerable.Range(0, 40).Select(index => new FunctionKey(job, index))];
        var claims = await Task.WhenAll(
            Ok(Store.ClaimTheseAsync(silo, all[..30], Cancellation)), Ok(second.ClaimTheseAsync(other, [.. all[10..].Reverse()], Cancellation)));
        Assert.Equal(Enumerable.Range(0, 40), claims.SelectMany(claimed => claimed).Select(function => function.Claim.Function).Order());
        Assert.Equal((0, 40), ((await JobAsync(job)).Progress.Available, (await JobAsync(job)).Progress.Running));
    }

    [Fact]
    public async Task Open_jobs_are_those_in_progress_and_those_that_may_be_planned()
    {
        var silo = await SiloAsync();
        var now = (await Ok(Store.ListSilosAsync(Cancellation)))[0].RegisteredAt;
        var running = await RunningAsync(silo, 1);
        var planning = await SubmitAsync();
        await Ok(Store.ClaimJobsAsync(silo, 1, planning, Cancellation));
        var queued = await SubmitAsync();
        var urgent = await SubmitAsync(job => new NewJob(job.Id, job.Name, job.Module, "{}") { Priority = 3 });
        var later = await SubmitAsync(job => new NewJob(job.Id, job.Name, job.Module, "{}") { NotBefore = now + TimeSpan.FromHours(2) });
        var cancelled = await SubmitAsync();
        await Ok(Store.CancelAsync(cancelled, Cancellation));

        Assert.Equal([urgent, .. new[] { running, planning }.Order(StringComparer.Ordinal), queued], await Ok(Store.FindOpenJobsAsync(9, Cancellation)));
        Assert.Equal([urgent], await Ok(Store.FindOpenJobsAsync(1, Cancellation)));
        await under.PassAsync(TimeSpan.FromHours(2));
        Assert.Contains(later, await Ok(Store.FindOpenJobsAsync(9, Cancellation)));
    }
}

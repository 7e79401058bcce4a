namespace Mewe.Grains.Tests.Hosting;

public sealed class WorkerThreadsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task WorkStaysOnTheThreadWhereItBegan()
    {
        using var threads = new WorkerThreads(2);

        var (first, second, pool) = await threads.RunAsync(async () =>
        {
            var before = Environment.CurrentManagedThreadId;
            await Task.Run(() => { }, Cancellation);
            await Task.Yield();
            return (before, Environment.CurrentManagedThreadId, Thread.CurrentThread.IsThreadPoolThread);
        });

        Assert.Equal(first, second);
        Assert.False(pool);
    }

    [Fact]
    public async Task NoMoreWorksAtATimeThanThereAreThreads()
    {
        using var threads = new WorkerThreads(3);
        var (now, most) = (0, 0);
        var gate = new Lock();
        await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => threads.RunAsync(async () =>
        {
            lock (gate)
            {
                most = Math.Max(most, ++now);
            }

            await Task.Run(() => { }, Cancellation);
            lock (gate)
            {
                now--;
            }

            return 0;
        })));

        Assert.InRange(most, 1, 3);
    }

    [Fact]
    public async Task WhatFailsFailsForWhoAskedAndTheThreadGoesOn()
    {
        using var threads = new WorkerThreads(1);

        await Assert.ThrowsAsync<InvalidOperationException>(() => threads.RunAsync<int>(() => throw new InvalidOperationException("at once")));
        await Assert.ThrowsAsync<InvalidOperationException>(() => threads.RunAsync<int>(async () =>
        {
            await Task.Yield();
            throw new InvalidOperationException("later");
        }));
        Assert.Equal(7, await threads.RunAsync(() => Task.FromResult(7)));
    }

    [Fact]
    public async Task AnAnswerThatNobodyAwaitsAnyMoreHoldsNobodyUp()
    {
        using var threads = new WorkerThreads(1);
        var late = new TaskCompletionSource();
        var seen = new TaskCompletionSource();

        await threads.RunAsync(() =>
        {
            _ = LeftBehindAsync();
            return Task.FromResult(0);
        });
        late.SetResult();

        await seen.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

        async Task LeftBehindAsync()
        {
            await late.Task;
            seen.SetResult();
        }
    }
}

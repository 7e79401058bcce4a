using Mewe.Execution.Node;
using Mewe.Execution.Wasmtime;
using static Mewe.Execution.Tests.HarnessModules;
using static Mewe.Execution.Tests.ModuleAssembler;

namespace Mewe.Execution.Tests;

/// <summary>What hostile modules and dying processes do to the engine: nothing that lasts.</summary>
public abstract class EngineFailureTests(EngineUnderTest kind) : IAsyncLifetime
{
    private protected static readonly byte[] EndlessLoop = [0x03, 0x40, 0x0c, 0, 0x0b];

    private protected IWasmEngine Engine { get; private set; } = null!;

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => Engine = EngineUnderTest.Require(await kind.StartAsync(workers: 1, maximumMemoryPages: 64));

    public ValueTask DisposeAsync() => Engine.DisposeAsync();

    [Fact]
    public async Task A_sweep_that_hangs_is_ended_and_the_next_one_is_answered()
    {
        var hanging = new SweepRequest(Of(Multiply(1), EndlessLoop), 2, 0, 1) { AbortAfter = TimeSpan.FromMilliseconds(300) };
        var hung = await Engine.SweepAsync(hanging, Cancellation);

        Assert.Equal(EngineFailureKind.Hung, hung.Failure?.Kind);
        await AssertStillWorks();
    }

    [Fact]
    public async Task A_hang_does_not_disturb_another_request()
    {
        await using var two = EngineUnderTest.Require(await kind.StartAsync());
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var hanging = two.SweepAsync(new SweepRequest(Of(EndlessLoop), 1, 0, 1), source.Token);
        var good = await two.SweepAsync(new SweepRequest(Of(Multiply(1), Multiply(1)), 2, 0, 9), Cancellation);

        Assert.False(hanging.IsCompleted);
        Assert.Equal(SubjectStatus.Agrees, good.Value.Subjects[1].Status);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => hanging);
    }

    [Fact]
    public async Task A_hang_while_instantiating_is_ended_too()
    {
        var module = Assemble(Multiply(1));
        module.Start(module.Function([], [], EndlessLoop));
        var hung = await Engine.SweepAsync(new SweepRequest(module.ToArray(), 1, 0, 1) { AbortAfter = TimeSpan.FromMilliseconds(300) }, Cancellation);

        Assert.Equal(EngineFailureKind.Hung, hung.Failure?.Kind);
    }

    [Fact]
    public async Task Cancelling_a_request_throws_and_frees_its_place()
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var pending = Engine.SweepAsync(new SweepRequest(Of(EndlessLoop), 1, 0, 1), source.Token);
        var queued = Engine.SweepAsync(new SweepRequest(Of(Multiply(1)), 1, 0, 1), source.Token);
        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pending);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => queued);
        await AssertStillWorks();
    }

    [Fact]
    public async Task Growing_memory_without_end_meets_the_limit()
    {
        // loop: memory.grow 1; until it is -1; then store the size
        byte[] grow = [0x03, 0x40, .. I32Const(1), 0x40, 0, .. I32Const(-1), 0x47, 0x0d, 0, 0x0b, 0x3f, 0, 0xad, .. Observe];
        var result = (await Engine.SweepAsync(new SweepRequest(Of(grow), 1, 0, 1) { KeepDigests = true }, Cancellation)).Value;

        Assert.Equal(64UL, result.Digests[0]);
    }

    [Fact]
    public async Task Disposing_ends_requests_that_are_under_way()
    {
        var session = (await Engine.OpenSessionAsync(Cancellation)).Value;
        var hanging = Engine.SweepAsync(new SweepRequest(Of(EndlessLoop), 1, 0, 1), Cancellation);
        await Engine.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => hanging);
        await session.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(AssertStillWorks);
    }

    private Task AssertStillWorks() => AssertStillWorks(Engine);

    private protected static async Task AssertStillWorks(IWasmEngine engine)
    {
        var result = await engine.SweepAsync(new SweepRequest(Of(Multiply(1), Multiply(1)), 2, 0, 3), Cancellation);
        Assert.Equal(SubjectStatus.Agrees, result.Value.Subjects[1].Status);
    }

    /// <summary>A harness whose only subject makes a list of structures that it never lets go.</summary>
    private protected static ModuleAssembler ListWithoutEnd()
    {
        // A list of structures that is never let go: struct { (ref null 0) next, i64, i64, i64, i64 }
        var module = new ModuleAssembler();
        var node = module.RawType(0x5f, 5, 0x63, 0, 1, I64, 0, I64, 0, I64, 0, I64, 0);
        Assert.Equal(0, node);
        byte[] zeros = [.. I64Const(0), .. I64Const(0), .. I64Const(0), .. I64Const(0)];
        var type = module.Type([I32], []);
        var body = new List<byte>([0x03, 0x40, 0x20, 1, .. zeros, 0xfb, 0, 0, 0x21, 1, 0x0c, 0, 0x0b]);
        module.ExportFunction("subject_0", module.FunctionOfTypeWithLocals(type, [.. body], [[0x63, 0]]));
        module.Exported("digest", [], [I64], I64Const(0)).Exported("outcome", [], [I32], I32Const(0));
        return module;
    }
}

/// <summary>What happens to processes, which only this engine has.</summary>
public sealed class EngineFailureTestsOnV8(V8 kind) : EngineFailureTests(kind)
{
    [Fact]
    public async Task A_worker_that_was_killed_from_outside_is_replaced_without_anybody_noticing()
    {
        await using var engine = await StartOneAsync();
        await AssertStillWorks(engine);
        foreach (var child in ChildrenOfThisProcess())
        {
            child.Kill();
            await child.WaitForExitAsync(Cancellation);
        }

        await AssertStillWorks(engine);

        // Only the node processes of this engine: other test classes run beside this one.
        IEnumerable<System.Diagnostics.Process> ChildrenOfThisProcess() => engine.WorkerProcessIds.Select(System.Diagnostics.Process.GetProcessById);
    }

    [Fact]
    public async Task A_module_that_exhausts_the_heap_is_reported_as_out_of_memory()
    {
        var module = ListWithoutEnd();
        await using var small = (await NodeEngine.StartAsync(
            new NodeEngineOptions { Workers = 1, ExtraFlags = ["--max-old-space-size=32"] }, Cancellation)).Value;
        var failed = await small.SweepAsync(new SweepRequest(module.ToArray(), 1, 0, 1), Cancellation);

        Assert.True(failed.Failure?.Kind == EngineFailureKind.OutOfMemory, failed.Failure?.ToString());
    }

    [Fact]
    public async Task Workers_are_replaced_after_their_share_of_requests()
    {
        await using var engine = await StartOneAsync();
        var before = engine.WorkerProcessIds.Single();
        for (var i = 0; i < 41; i++)
        {
            await AssertStillWorks(engine);
        }

        Assert.NotEqual(before, engine.WorkerProcessIds.Single());
    }

    [Fact]
    public async Task Nothing_is_left_running_after_disposal()
    {
        await using var engine = await StartOneAsync();
        await AssertStillWorks(engine);
        var workers = engine.WorkerProcessIds.Select(System.Diagnostics.Process.GetProcessById).ToList();
        await engine.DisposeAsync();

        Assert.NotEmpty(workers);
        await Task.WhenAll(workers.Select(worker => worker.WaitForExitAsync(Cancellation)));
    }

    [Fact]
    public async Task A_program_that_is_not_node_is_reported_as_unavailable()
    {
        var missing = await NodeEngine.StartAsync(new NodeEngineOptions { NodePath = "/nowhere/node" }, Cancellation);
        var wrong = await NodeEngine.StartAsync(new NodeEngineOptions { NodePath = "/bin/false" }, Cancellation);

        Assert.Equal(EngineFailureKind.Unavailable, missing.Failure?.Kind);
        Assert.Equal(EngineFailureKind.Unavailable, wrong.Failure?.Kind);
        Assert.Contains("/bin/false", wrong.Failure?.Message);
    }

    [Fact]
    public async Task Node_22_which_has_no_flag_against_inlining_is_used_without_it()
    {
        Assert.True(NodeLocator.OfThisProcess.TryLocate(out var node, out _));
        var directory = Directory.CreateTempSubdirectory("mewe-");
        try
        {
            // What such a node does with the option.
            var wrapper = Path.Combine(directory.FullName, "node");
            await File.WriteAllTextAsync(
                wrapper, $"#!/bin/sh\ncase \" $* \" in *' --no-wasm-inlining '*) echo 'node: bad option: --no-wasm-inlining' >&2; exit 9;; esac\nexec '{node}' \"$@\"\n", Cancellation);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(wrapper, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            }

            await using var engine = (await NodeEngine.StartAsync(new NodeEngineOptions { NodePath = wrapper, Workers = 1 }, Cancellation)).Value;
            await AssertStillWorks(engine);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task<NodeEngine> StartOneAsync() =>
        (await NodeEngine.StartAsync(new NodeEngineOptions { Workers = 1, RequestsPerWorker = 40, MaximumMemoryPages = 64 }, Cancellation)).Value;
}

/// <summary>What happens in the process that the engine lives in.</summary>
public sealed class EngineFailureTestsOnWasmtime(InProcess kind) : EngineFailureTests(kind)
{
    [Fact]
    public async Task A_module_that_exhausts_the_heap_is_reported_as_out_of_memory()
    {
        var failed = await Engine.SweepAsync(new SweepRequest(ListWithoutEnd().ToArray(), 1, 0, 1), Cancellation);

        Assert.True(failed.Failure?.Kind == EngineFailureKind.OutOfMemory, failed.Failure?.ToString());
    }

    [Fact]
    public async Task A_request_may_use_no_more_than_its_fuel()
    {
        var options = new WasmtimeEngineOptions { Workers = 1, Fuel = 1_000_000 };
        await using var counting = Require(WasmtimeEngine.Start(options));
        var endless = await counting.SweepAsync(new SweepRequest(Of(EndlessLoop), 1, 0, 1), Cancellation);
        var modest = await counting.SweepAsync(new SweepRequest(Of(Multiply(1), Multiply(1)), 2, 0, 100), Cancellation);

        Assert.Equal(EngineFailureKind.Hung, endless.Failure?.Kind);
        Assert.Contains("fuel", endless.Failure?.Message);
        Assert.Equal(SubjectStatus.Agrees, modest.Value.Subjects[1].Status);

        static WasmtimeEngine Require(EngineResult<WasmtimeEngine> started)
        {
            EngineUnderTest.Require(started.TryGet(out var engine, out var failure) ? new EngineResult<IWasmEngine>(engine) : failure);
            return started.Value;
        }
    }
}

using System.Collections.Frozen;
using System.ComponentModel;
using System.Globalization;

namespace Mewe.Execution.Node;

/// <summary>V8, in a pool of long-lived <c>node</c> processes.</summary>
public sealed class NodeEngine : IWasmEngine
{
    /// <summary>The first V8 with everything that Mewe's own harness modules use (multi-memory).</summary>
    public const int OldestV8 = 12;

    private const int LargeModuleBytes = 256 * 1024;

    private readonly NodeEngineOptions options;
    private readonly WorkerPool sweeps;
    private readonly WorkerPool runs;
    private readonly WorkerPool sessions;
    private readonly WorkerPool timings;
    private readonly WorkerPool optimizedTimings;
    private readonly WorkerPool settledTimings;
    private readonly WorkerPool codes;
    private readonly SemaphoreSlim timing = new(1, 1); // two timings at once would disturb each other

    private NodeEngine(string nodePath, NodeEngineOptions options)
    {
        this.options = options;
        sweeps = new WorkerPool(nodePath, WorkerProfile.Sweep(options), options.Workers, options.RequestsPerWorker);
        runs = new WorkerPool(nodePath, WorkerProfile.Run(options), options.Workers, options.RequestsPerWorker);
        sessions = new WorkerPool(nodePath, WorkerProfile.Session(options), options.Workers, options.RequestsPerWorker);
        timings = new WorkerPool(nodePath, WorkerProfile.Run(options), 1, options.RequestsPerWorker);
        optimizedTimings = new WorkerPool(nodePath, WorkerProfile.Optimized(options), 1, options.RequestsPerWorker);
        settledTimings = new WorkerPool(nodePath, WorkerProfile.Settled(options), 1, requestsPerWorker: 1);
        codes = new WorkerPool(nodePath, WorkerProfile.Code(options), options.Workers, options.RequestsPerWorker);
    }

    /// <inheritdoc/>
    public EngineInfo Info { get; private set; } = null!;

    /// <inheritdoc/>
    public TimeSpan ProcessorTime => Pools.Aggregate(TimeSpan.Zero, (sum, pool) => sum + pool.ProcessorTime);

    /// <summary>The operating system's numbers of the processes that wait for work, to watch them from outside.</summary>
    public IReadOnlyList<int> WorkerProcessIds => [.. Pools.SelectMany(pool => pool.IdleProcessIds)];

    private IEnumerable<WorkerPool> Pools => [sweeps, runs, sessions, timings, optimizedTimings, settledTimings, codes];

    /// <summary>Finds node, starts a first process and asks it what it can do.</summary>
    public static async Task<EngineResult<NodeEngine>> StartAsync(NodeEngineOptions options, CancellationToken cancellationToken)
    {
        var path = options.NodePath;
        if (path is null && !NodeLocator.OfThisProcess.TryLocate(out path, out var problem))
        {
            return new EngineFailure(EngineFailureKind.Unavailable, problem);
        }

        var engine = new NodeEngine(path, options);
        var started = await engine.sweeps.ExecuteAsync(new RequestWriter(WorkerOperation.Hello), options.AbortAfter, cancellationToken).ConfigureAwait(false);
        var failure = started.TryGet(out var reply, out var reason)
            ? engine.Introduce(path, reply)
            : new EngineFailure(EngineFailureKind.Unavailable, $"{path} does not work as node: {reason.Message}");
        if (failure is null)
        {
            return engine;
        }

        await engine.DisposeAsync().ConfigureAwait(false);
        return options.Inlines && failure.Message.Contains($"bad option: {WorkerProfile.NoInlining}", StringComparison.Ordinal)
            ? await StartAsync(options with { NodePath = path, Inlines = false }, cancellationToken).ConfigureAwait(false)
            : failure;
    }

    /// <inheritdoc/>
    public async Task<EngineResult<EngineValidation>> ValidateAsync(ReadOnlyMemory<byte> module, CancellationToken cancellationToken)
    {
        var request = new RequestWriter(WorkerOperation.Validate, module.Length + 8);
        request.Bytes(module.Span);

        // Not by a worker that limits memories: what is valid must not depend on it.
        var result = await sessions.ExecuteAsync(request, options.AbortAfter, cancellationToken).ConfigureAwait(false);
        if (!result.TryGet(out var reply, out var failure))
        {
            return failure;
        }

        var reader = new ReplyReader(reply.Body);
        var valid = reader.U8() != 0;
        return new EngineValidation(valid, valid ? null : reader.String());
    }

    /// <inheritdoc/>
    public async Task<EngineResult<SweepResult>> SweepAsync(SweepRequest request, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(request.SubjectCount, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(request.InputCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)request.SubjectCount * request.InputCount, SweepRequest.MaximumRuns);
        var result = await sweeps.ExecuteAsync(SweepCodec.Encode(request), request.AbortAfter ?? options.AbortAfter, cancellationToken).ConfigureAwait(false);
        return result.TryGet(out var reply, out var failure) ? SweepCodec.Decode(request, reply) : failure;
    }

    /// <inheritdoc/>
    public async Task<EngineResult<RunResult>> RunAsync(ModuleRun run, CancellationToken cancellationToken)
    {
        var result = await runs.ExecuteAsync(RunCodec.Encode(run), run.AbortAfter ?? options.AbortAfter, cancellationToken).ConfigureAwait(false);
        return result.TryGet(out var reply, out var failure) ? RunCodec.DecodeRun(run, reply) : failure;
    }

    /// <inheritdoc/>
    public async Task<EngineResult<TimingResult>> TimeAsync(TimingRequest request, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfZero(request.Subjects.Length);
        ArgumentOutOfRangeException.ThrowIfNegative(request.Rounds);
        foreach (var subject in request.Subjects)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(subject.Module);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(subject.Module, request.Modules.Length);
        }

        await timing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var pool = request.Tier switch
            {
                TimingTier.Optimized => optimizedTimings,
                TimingTier.Settled => settledTimings,
                _ => timings,
            };
            TimingResult? all = null;
            foreach (var part in request.Parts())
            {
                var result = await pool.ExecuteAsync(TimingCodec.Encode(part), request.AbortAfter ?? options.AbortAfter, cancellationToken).ConfigureAwait(false);
                if (!result.TryGet(out var reply, out var failure))
                {
                    return failure;
                }

                var taken = TimingCodec.Decode(part, reply);
                if (taken.Rejection is not null)
                {
                    return taken;
                }

                all = all?.And(taken) ?? taken;
            }

            return all!;
        }
        finally
        {
            timing.Release();
        }
    }

    /// <inheritdoc/>
    public async Task<EngineResult<MachineCode>> MachineCodeAsync(ReadOnlyMemory<byte> module, CancellationToken cancellationToken)
    {
        var request = new RequestWriter(WorkerOperation.Code, module.Length + 8);
        request.Bytes(module.Span);
        // Compiling comes to an end by itself, but how long it takes grows with the module.
        var limit = options.AbortAfter * (1 + (module.Length / LargeModuleBytes));
        var result = await codes.ExecuteAsync(request, limit, cancellationToken).ConfigureAwait(false);
        if (result.TryGet(out var reply, out var failure))
        {
            return CodeCodec.Decode(reply);
        }

        return failure.Message.Contains("bad option", StringComparison.Ordinal)
            ? new EngineFailure(EngineFailureKind.Unavailable, $"V8 {Info.Version} does not print machine code: {failure.Message}")
            : failure;
    }

    /// <inheritdoc/>
    public Task<EngineResult<IEngineSession>> OpenSessionAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            return Task.FromResult(new EngineResult<IEngineSession>(new NodeSession(sessions, sessions.Take(), options.AbortAfter)));
        }
        catch (Win32Exception error)
        {
            return Task.FromResult(new EngineResult<IEngineSession>(new EngineFailure(EngineFailureKind.Unavailable, error.Message)));
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        foreach (var pool in Pools)
        {
            pool.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private EngineFailure? Introduce(string path, WorkerReply hello)
    {
        var reader = new ReplyReader(hello.Body);
        var v8 = reader.String();
        var node = reader.String();
        var features = reader.List((ref ReplyReader r) => (WasmFeature)r.U8());
        Info = new EngineInfo("v8", v8, node, features.ToFrozenSet());
        var major = int.Parse(v8.AsSpan(0, v8.IndexOf('.')), CultureInfo.InvariantCulture);
        return major >= OldestV8 && Info.Features.Contains(WasmFeature.MultiMemory)
            ? null
            : new EngineFailure(
                EngineFailureKind.Unavailable,
                $"{path} is node {node} with V8 {v8}, which lacks multi-memory: run `npm ci` in Mewe's folder, or set MEWE_NODE to node 22 or later (V8 {OldestV8})");
    }
}

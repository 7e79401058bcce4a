using System.Runtime.InteropServices;
using Mewe.Execution.Wasmtime.Native;
using Mewe.Wasm.Binary;

namespace Mewe.Execution.Wasmtime;

/// <summary>Wasmtime in this process: README.md in this folder says which of its compilers does what, who owns what, and how code is ended.</summary>
public sealed class WasmtimeEngine : IWasmEngine
{
    private const int LargeModuleBytes = 256 * 1024;

    // How much longer than its limit a request may take that is busy with what cannot be interrupted (compiling) before it is given up.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    private readonly WasmtimeEngineOptions options;
    private readonly EngineThreads threads = new();
    private readonly Compiler? baseline;
    private readonly Compiler many;
    private readonly Compiler shipped;
    private readonly Lazy<Compiler?> looking = new(Compiler.ForLooking);
    private readonly SemaphoreSlim sweepSlots, otherSlots;
    private readonly SemaphoreSlim timing = new(1, 1); // two timings at once would disturb each other
    private readonly Lock gate = new();
    private readonly HashSet<Interruption> running = [];
    private readonly TaskCompletionSource idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool disposed;

    private WasmtimeEngine(WasmtimeEngineOptions options, WasmtimeLibrary library)
    {
        this.options = options;
        sweepSlots = new SemaphoreSlim(options.Workers, options.Workers);
        otherSlots = new SemaphoreSlim(options.Workers, options.Workers);
        baseline = options.BaselineSweeps && library.HasBaselineCompiler ? Compiler.Baseline(options) : null;
        many = Compiler.ForManyModules(options);
        shipped = Compiler.AsShipped(options);
        Info = new EngineInfo("wasmtime", library.Version, Environment.Version.ToString(3), FeatureProbes.Find(probe => many.Validate(probe) is null));
        LibraryOrigin = library.Origin;
    }

    /// <inheritdoc/>
    public EngineInfo Info { get; }

    /// <summary>Where the library was found.</summary>
    public string LibraryOrigin { get; }

    /// <inheritdoc/>
    public TimeSpan ProcessorTime => TimeSpan.Zero;

    /// <summary>Loads the library and prepares the compilers.</summary>
    public static EngineResult<WasmtimeEngine> Start(WasmtimeEngineOptions options) =>
        WasmtimeLibrary.TryLoad(options.LibraryPath, out var library, out var problem)
            ? new WasmtimeEngine(options, library)
            : new EngineFailure(EngineFailureKind.Unavailable, problem);

    /// <inheritdoc/>
    public Task<EngineResult<EngineValidation>> ValidateAsync(ReadOnlyMemory<byte> module, CancellationToken cancellationToken) => ExecuteAsync(
        otherSlots, many, null, _ => many.Validate(module.Span) is { } message ? new EngineValidation(false, message) : new EngineValidation(true, null), cancellationToken);

    /// <inheritdoc/>
    public async Task<EngineResult<SweepResult>> SweepAsync(SweepRequest request, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(request.SubjectCount, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(request.InputCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)request.SubjectCount * request.InputCount, SweepRequest.MaximumRuns);
        if (baseline is not null)
        {
            var result = await SweepAsync(baseline, request, cancellationToken).ConfigureAwait(false);
            if (!result.Answered || result.Value.Rejection is null)
            {
                return result;
            }
        }

        // What the baseline compiler rejects may be a feature that it lacks; if it is not, the other one says so in the same words as always.
        return await SweepAsync(many, request, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<EngineResult<RunResult>> RunAsync(ModuleRun run, CancellationToken cancellationToken) => ExecuteAsync(
        otherSlots,
        shipped,
        run.AbortAfter,
        interruption =>
        {
            try
            {
                return Run(run, interruption);
            }
            catch (RejectedException rejected)
            {
                return new RunResult { Rejection = rejected.Message };
            }
        },
        cancellationToken);

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

        return await ExecuteAsync(
            timing,
            shipped,
            request.AbortAfter,
            interruption =>
            {
                try
                {
                    using var turns = new TimingTurns(request, shipped, interruption, LimitsFor);
                    return turns.Run();
                }
                catch (RejectedException rejected)
                {
                    return new TimingResult { Rejection = rejected.Message };
                }
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<EngineResult<MachineCode>> MachineCodeAsync(ReadOnlyMemory<byte> module, CancellationToken cancellationToken)
    {
        if (looking.Value is not { } compiler)
        {
            return Task.FromResult(new EngineResult<MachineCode>(new EngineFailure(
                EngineFailureKind.Unavailable, $"machine code is read on x64, and this is {RuntimeInformation.ProcessArchitecture}")));
        }

        // Compiling comes to an end by itself, but how long it takes grows with the module.
        var limit = options.AbortAfter * (1 + (module.Length / LargeModuleBytes));
        return ExecuteAsync(
            otherSlots,
            compiler,
            limit,
            _ =>
            {
                try
                {
                    return LookAt(compiler, module);
                }
                catch (RejectedException rejected)
                {
                    return new MachineCode { Rejection = rejected.Message };
                }
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<EngineResult<IEngineSession>> OpenSessionAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(disposed, typeof(IWasmEngine));
        var limits = new StoreLimits(WasmtimeEngineOptions.SessionMemoryPages, options.Fuel);
        return Task.FromResult(new EngineResult<IEngineSession>(new WasmtimeSession(this, many, limits)));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        lock (gate)
        {
            if (disposed)
            {
                return;
            }

            disposed = true;
            foreach (var interruption in running)
            {
                interruption.Request();
            }

            if (running.Count == 0)
            {
                idle.TrySetResult();
            }
        }

        await idle.Task.ConfigureAwait(false);
        threads.Dispose();
        baseline?.Dispose();
        many.Dispose();
        shipped.Dispose();
        if (looking.IsValueCreated)
        {
            looking.Value?.Dispose();
        }
    }

    /// <summary>Does something on a thread for WebAssembly, and ends it when its time is over, when nobody wants it any more, or when the engine is disposed.</summary>
    /// <param name="slots">How many may do this at once; null for any number.</param>
    /// <param name="compiler">Whose code runs.</param>
    internal async Task<EngineResult<T>> ExecuteAsync<T>(
        SemaphoreSlim? slots, Compiler compiler, TimeSpan? abortAfter, Func<Interruption, T> work, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(disposed, typeof(IWasmEngine));
        if (slots is not null)
        {
            await slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        var limit = abortAfter ?? options.AbortAfter;
        var interruption = new Interruption(compiler);
        var answer = new TaskCompletionSource<EngineResult<T>>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!TryBegin(interruption))
        {
            slots?.Release();
            interruption.Dispose();
            throw new ObjectDisposedException(nameof(IWasmEngine));
        }

        threads.Start(() =>
        {
            try
            {
                answer.SetResult(work(interruption));
            }
            catch (EngineStoppedException stopped)
            {
                answer.SetResult(new EngineFailure(stopped.Kind, stopped.Message));
            }
            catch (Exception defect)
            {
                answer.SetException(defect);
            }
            finally
            {
                slots?.Release();
                End(interruption);
            }
        });

        using var clock = new CancellationTokenSource(limit);
        EngineResult<T> result;
        await using (clock.Token.Register(interruption.Request).ConfigureAwait(false))
        await using (cancellationToken.Register(interruption.Request).ConfigureAwait(false))
        {
            try
            {
                result = await answer.Task.WaitAsync(limit + Grace, CancellationToken.None).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                result = new EngineFailure(EngineFailureKind.Hung, "it is still being compiled");
            }
        }

        if (result.Failure is { Kind: EngineFailureKind.Hung })
        {
            cancellationToken.ThrowIfCancellationRequested();
            ObjectDisposedException.ThrowIf(disposed, typeof(IWasmEngine));
            if (interruption.Requested)
            {
                return new EngineFailure(EngineFailureKind.Hung, $"no answer within {limit.TotalSeconds:0.###} s; {result.Failure.Message}");
            }
        }

        return result;
    }

    private RunResult Run(ModuleRun run, Interruption interruption)
    {
        using var module = shipped.Compile(run.Module);
        var limits = LimitsFor(module.Parsed.AllMemories().Length);
        var distinct = new DistinctOutcomes();
        foreach (var seed in run.Seeds)
        {
            using var store = new Store(shipped, interruption, limits);
            var once = new WorkloadRun(module, run.Workload, seed, run.UnknownImports == UnknownImports.Zero, store);
            if (once.Begin())
            {
                once.Work();
            }

            distinct.Add(once.Outcome(run.ReadBack));
        }

        return distinct.ToResult();
    }

    private static unsafe MachineCode LookAt(Compiler compiler, ReadOnlyMemory<byte> module)
    {
        using var code = compiler.Translate(module.Span);
        var parsed = ModuleReader.TryRead(module, out var error) ?? throw new RejectedException($"Mewe cannot read the module: {error}");
        Problems.ThrowOnError(Api.Serialize(code, out var file));
        try
        {
            var functions = SerializedCode.Read(file.Span, parsed.ImportedFunctionCount, parsed.FunctionTypes.Count, out var problem);
            return problem is null
                ? new MachineCode { Functions = functions }
                : throw new EngineStoppedException(EngineFailureKind.Unavailable, $"Wasmtime's machine code cannot be used: {problem}");
        }
        finally
        {
            Api.DeleteBytes(ref file);
        }
    }

    private bool TryBegin(Interruption interruption)
    {
        lock (gate)
        {
            return !disposed && running.Add(interruption);
        }
    }

    private void End(Interruption interruption)
    {
        lock (gate)
        {
            running.Remove(interruption);
            if (disposed && running.Count == 0)
            {
                idle.TrySetResult();
            }
        }

        interruption.Dispose();
    }

    private Task<EngineResult<SweepResult>> SweepAsync(Compiler compiler, SweepRequest request, CancellationToken cancellationToken) => ExecuteAsync(
        sweepSlots,
        compiler,
        request.AbortAfter,
        interruption =>
        {
            try
            {
                using var store = new Store(compiler, interruption, LimitsFor(MemoryCount.Of(request.Harness.Span) + MemoryCount.Of(request.Library is { } library ? library.Module.Span : [])));
                return Sweeping.Run(request, store);
            }
            catch (RejectedException rejected)
            {
                return new SweepResult { Rejection = rejected.Message };
            }
        },
        cancellationToken);

    // A module with many memories gets less for each, see WasmtimeEngineOptions.MaximumMemoryPages.
    private StoreLimits LimitsFor(long memories)
    {
        var pages = memories <= WasmtimeEngineOptions.FullSizeMemories
            ? options.MaximumMemoryPages
            : (long)options.MaximumMemoryPages * WasmtimeEngineOptions.FullSizeMemories / memories;
        return new StoreLimits(pages, options.Fuel);
    }
}

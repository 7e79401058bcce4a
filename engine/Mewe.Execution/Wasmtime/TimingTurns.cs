using System.Collections.Immutable;
using System.Diagnostics;
using Mewe.Execution.Wasmtime.Native;
using Mewe.Wasm;

namespace Mewe.Execution.Wasmtime;

/// <summary>Timing of a workload, as Node/Worker/time.js does it: an untimed run of each subject, turns in a shuffled order, and a turn that lasts as long as asked.</summary>
/// <remarks>There is one compiler and no tiers, so all tiers are alike; only the default of warm-up rounds is smaller, because nothing has to be optimized first.</remarks>
internal sealed class TimingTurns(TimingRequest request, Compiler compiler, Interruption interruption, Func<long, StoreLimits> limitsFor) : IDisposable
{
    private const int CalibrationStep = 16; // at most this many times the repeats tried before
    private const int WithUntimed = 2; // a turn is long enough, too, that lasts so many times what is asked with what of it is not timed
    private const int MostRepeats = 1 << 24;
    private const int DefaultWarmup = 5;

    private readonly List<IDisposable> owned = [];

    private bool ZeroUnknown => request.UnknownImports == UnknownImports.Zero;

    /// <summary>Times everything.</summary>
    /// <exception cref="RejectedException">Nothing can be timed.</exception>
    public TimingResult Run()
    {
        var modules = request.Modules.Select(Compile).ToArray();
        var observed = request.Subjects.Select(subject => Observe(modules[subject.Module], subject)).ToArray();
        for (var k = 1; k < observed.Length; k++)
        {
            if (observed[k].Shown != observed[0].Shown)
            {
                throw new RejectedException($"subject {k} does not show what subject 0 shows");
            }
        }

        if (request.Workload is not CommandWorkload && observed[0].Exited)
        {
            throw new RejectedException("the workload exits, so it cannot be repeated in one instance");
        }

        var workload = WithoutTraps(request.Workload, observed[0].Answers);
        var turns = new Turn[request.Subjects.Length];
        for (var module = 0; module < modules.Length; module++)
        {
            var own = Enumerable.Range(0, turns.Length).Where(k => request.Subjects[k].Module == module).ToArray();
            if (own.Length > 0)
            {
                MakeTurns(modules[module], own, workload, turns);
            }
        }

        return TakeTurns(turns);
    }

    public void Dispose()
    {
        foreach (var item in Enumerable.Reverse(owned))
        {
            item.Dispose();
        }
    }

    private delegate double Turn(int repeats);

    private TimingResult TakeTurns(Turn[] turns)
    {
        var order = Enumerable.Range(0, turns.Length).ToArray();
        var shuffler = new Shuffler();
        var taken = turns.Select(_ => new double[request.Rounds]).ToArray();
        var repeats = Calibrate(turns[0]);
        var warmup = request.WarmupRounds ?? DefaultWarmup;
        for (var round = 0; round < warmup; round++)
        {
            shuffler.Shuffle(order);
            foreach (var k in order)
            {
                turns[k](repeats);
            }
        }

        if (warmup > 0)
        {
            repeats = Calibrate(turns[0]); // caches are warm
        }

        for (var round = 0; round < request.Rounds; round++)
        {
            shuffler.Shuffle(order);
            foreach (var k in order)
            {
                taken[k][round] = turns[k](repeats) / repeats;
            }
        }

        return new TimingResult { Repeats = repeats, Nanoseconds = [.. taken.Select(ImmutableArray.Create)] };
    }

    // How often the workload has to be repeated for a turn to last as long as is asked, with what is not timed twice as long: making a command's instances may take more than
    // the command does.
    private int Calibrate(Turn turn)
    {
        for (var repeats = 1; ;)
        {
            var start = Stopwatch.GetTimestamp();
            var timed = turn(repeats);
            var took = Math.Max(timed, Stopwatch.GetElapsedTime(start).TotalNanoseconds / WithUntimed);
            if (took >= request.MinimumRoundNanoseconds || repeats == MostRepeats)
            {
                return repeats;
            }

            var wanted = Math.Ceiling(repeats * request.MinimumRoundNanoseconds * 1.1 / Math.Max(took, 1));
            repeats = (int)Math.Min(Math.Min(Math.Max(wanted, repeats + 1.0), (double)repeats * CalibrationStep), MostRepeats);
        }
    }

    private void MakeTurns(CompiledModule module, int[] subjects, Workload workload, Turn[] turns)
    {
        if (workload is CommandWorkload)
        {
            foreach (var k in subjects)
            {
                turns[k] = repeats => Command(module, request.Subjects[k], repeats);
            }

            return;
        }

        // All turns of a module share its instance; every global that some subject of the module sets is set before each.
        var run = Begin(module, workload, Keep(NewStore(module)));
        var go = workload is ReactorWorkload reactor
            ? TimingDrivers.OfReactor(run, reactor)
            : TimingDrivers.OfCalls(run, module.Parsed, ((ExportCallsWorkload)workload).Calls);
        var initial = new Dictionary<string, Value>(StringComparer.Ordinal);
        foreach (var setting in subjects.SelectMany(k => request.Subjects[k].Globals))
        {
            initial[setting.Export] = GlobalOf(module, run.Instance, setting).Current;
        }

        foreach (var k in subjects)
        {
            var values = new Dictionary<string, Value>(initial, StringComparer.Ordinal);
            foreach (var setting in request.Subjects[k].Globals)
            {
                values[setting.Export] = ToNative(setting.Value);
            }

            turns[k] = repeats =>
            {
                foreach (var (export, value) in values)
                {
                    SetGlobal(run, export, value);
                }

                var given = new Value { Kind = ValueTag.I32, Low = (uint)repeats };
                var start = Stopwatch.GetTimestamp();
                var trap = run.Store.Call(go, new ReadOnlySpan<Value>(in given), []);
                var took = Stopwatch.GetElapsedTime(start);
                run.Host.ForgetOutput();
                return trap is null ? took.TotalNanoseconds : throw new RejectedException($"the workload trapped when it was repeated: {trap.Message}");
            };
        }
    }

    private double Command(CompiledModule module, TimingSubject subject, int repeats)
    {
        long took = 0;
        for (var i = 0; i < repeats; i++)
        {
            using var store = NewStore(module);
            var run = new WorkloadRun(module, request.Workload, request.Seed, ZeroUnknown, store);
            var before = Stopwatch.GetTimestamp();
            var started = run.Begin();
            if (started)
            {
                Assign(module, run, subject);
            }

            var between = Stopwatch.GetTimestamp();
            if (started)
            {
                run.Work();
            }

            took += Stopwatch.GetTimestamp() - (request.TimeInstantiation ? before : between);
            if (run.Trap is { } trap)
            {
                throw new RejectedException($"the workload trapped when it was repeated: {trap.Message}");
            }
        }

        return took * (1e9 / Stopwatch.Frequency);
    }

    private Observation Observe(CompiledModule module, TimingSubject subject)
    {
        using var store = NewStore(module);
        var run = new WorkloadRun(module, request.Workload, request.Seed, ZeroUnknown, store);
        if (run.Begin())
        {
            Assign(module, run, subject);
            run.Work();
        }

        return run.Trap is { } trap
            ? throw new RejectedException($"the workload trapped: {trap.Message}")
            : new Observation(DistinctOutcomes.KeyOf(run.Outcome([])), run.Host.ExitCode is not null, [.. run.Answers]);
    }

    private WorkloadRun Begin(CompiledModule module, Workload workload, Store store)
    {
        var run = new WorkloadRun(module, workload, request.Seed, ZeroUnknown, store);
        return run.Begin() ? run : throw new RejectedException($"the module did not start: {run.Trap?.Message ?? "it exited"}");
    }

    private static Workload WithoutTraps(Workload workload, ImmutableArray<RunAnswer> answers) => workload is ExportCallsWorkload calls
        ? new ExportCallsWorkload([.. calls.Calls.Where((_, i) => i >= answers.Length || answers[i] is not RunAnswer.Trapped)])
        : workload;

    private CompiledModule Compile(ReadOnlyMemory<byte> bytes)
    {
        var module = compiler.Compile(bytes);
        owned.Add(module);
        return module;
    }

    private Store NewStore(CompiledModule module) => new(compiler, interruption, limitsFor(module.Parsed.AllMemories().Length));

    private Store Keep(Store store)
    {
        owned.Add(store);
        return store;
    }

    private static void Assign(CompiledModule module, WorkloadRun run, TimingSubject subject)
    {
        foreach (var setting in subject.Globals)
        {
            GlobalOf(module, run.Instance, setting);
            SetGlobal(run, setting.Export, ToNative(setting.Value));
        }
    }

    // The global that a setting names, if the setting fits it.
    private static unsafe (Extern Global, Value Current) GlobalOf(CompiledModule module, Instance instance, GlobalSetting setting)
    {
        var export = module.Parsed.Exports.FirstOrDefault(item => item.Name == setting.Export && item.Kind == ExternKind.Global);
        if (export is null || module.Parsed.AllGlobals()[(int)export.Index] is not { Mutable: true } type || !instance.TryGet(setting.Export, out var global))
        {
            throw new RejectedException($"module does not export the mutable global \"{setting.Export}\"");
        }

        if (!type.Value.IsInteger || References.KindOf(type.Value) != setting.Value.Kind)
        {
            throw new RejectedException($"the global \"{setting.Export}\" has another type than the value that it is set to");
        }

        Api.GetGlobal(instance.Store.Context, &global.First, out var current);
        return (global, current);
    }

    private static unsafe void SetGlobal(WorkloadRun run, string export, Value value)
    {
        run.Instance.TryGet(export, out var global);
        Problems.ThrowOnError(Api.SetGlobal(run.Store.Context, &global.First, value));
    }

    private static Value ToNative(WasmValue value) => new() { Kind = (ValueTag)value.Kind, Low = value.Low };

    private sealed record Observation(UInt128 Shown, bool Exited, ImmutableArray<RunAnswer> Answers);

    /// <summary>Marsaglia's xorshift32: the order of the turns is the same in every run.</summary>
    private sealed class Shuffler
    {
        private uint state = 0x9e3779b9;

        public void Shuffle(Span<int> list)
        {
            for (var i = list.Length - 1; i > 0; i--)
            {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                var j = (int)(state % (uint)(i + 1));
                (list[i], list[j]) = (list[j], list[i]);
            }
        }
    }
}

using System.Collections.Immutable;
using Mewe.Execution.Wasmtime.Native;
using Mewe.Wasm;

namespace Mewe.Execution.Wasmtime;

/// <summary>
/// A workload on one fresh instance, to its end or to the trap or exit that ends it. The same steps as Node/Worker/run.js: instantiate, <c>mewe_seed</c>, <c>_initialize</c> (not for commands), the workload's work.
/// </summary>
internal sealed class WorkloadRun
{
    private const string ProgramName = "program";

    private readonly CompiledModule module;
    private readonly Workload workload;
    private readonly ulong seed;
    private readonly Store store;
    private readonly References references;
    private readonly bool zeroUnknown;
    private readonly List<RunAnswer> answers = [];
    private Instance instance;
    private bool instantiated;

    public WorkloadRun(CompiledModule module, Workload workload, ulong seed, bool zeroUnknown, Store store)
    {
        this.module = module;
        this.workload = workload;
        this.seed = seed;
        this.store = store;
        this.zeroUnknown = zeroUnknown;
        references = new References(store);
        var setting = workload is CommandWorkload command
            ? new WasiSetting([ProgramName, .. command.Args], command.Env, command.Stdin, seed)
            : new WasiSetting([ProgramName], [], default, seed);
        Host = new WasiHost(setting, store.Interruption);
    }

    public WasiHost Host { get; }

    /// <summary>The instance; only after a <see cref="Begin"/> that was not over at once.</summary>
    public Instance Instance => instance;

    public Store Store => store;

    /// <summary>What the workload's requests or calls gave so far.</summary>
    public IReadOnlyList<RunAnswer> Answers => answers;

    /// <summary>The trap that ended the run; null when none did, or when the program exited.</summary>
    public WasmTrap? Trap { get; private set; }

    /// <summary>Instantiates, seeds and initializes; false when the run is over already.</summary>
    /// <exception cref="RejectedException">The module cannot be run.</exception>
    public bool Begin()
    {
        var found = store.Instantiate(module.Handle, Imports(), out var trap, out var problem);
        if (found is null)
        {
            return trap is null ? throw new RejectedException(problem!) : Ended(trap);
        }

        instance = found.Value;
        instantiated = true;
        Host.Attach(instance);
        if (instance.TryGetFunction("mewe_seed", out var seeding))
        {
            var parameters = TypeOf("mewe_seed")!.Parameters;
            if (parameters.Any(parameter => parameter != Wasm.ValueType.I64))
            {
                return Ended(new WasmTrap(TrapKind.Host, "mewe_seed takes something else than numbers of 64 bits"));
            }

            var arguments = parameters.Select((_, i) => new Value { Kind = ValueTag.I64, Low = SeededHost.SeedArgument(seed, i) }).ToArray();
            if (Call(seeding, arguments, TypeOf("mewe_seed")!.Results.Length) is { } trapped)
            {
                return Ended(trapped);
            }
        }

        if (workload is CommandWorkload || !instance.TryGetFunction("_initialize", out var initialize))
        {
            return true;
        }

        RequireNoParameters("_initialize");
        return Call(initialize, [], TypeOf("_initialize")!.Results.Length) is not { } failed || Ended(failed);
    }

    /// <summary>Does the workload's work once; false when the run is over.</summary>
    /// <exception cref="RejectedException">The module lacks what the workload needs.</exception>
    public bool Work() => workload switch
    {
        CommandWorkload => Start(),
        ReactorWorkload reactor => Answer(reactor),
        ExportCallsWorkload calls => CallExports(calls),
        _ => throw new ArgumentOutOfRangeException(nameof(workload), workload, "no such workload"),
    };

    /// <summary>Everything that the run showed.</summary>
    public RunOutcome Outcome(ImmutableArray<MemoryRange> readBack) => new()
    {
        ExitCode = Trap is null ? (int)(Host.ExitCode ?? 0) : null,
        Trap = Trap,
        Stdout = Host.Stdout,
        Stderr = Host.Stderr,
        Answers = [.. answers],
        ReadBack = [.. readBack.Select(ReadBack)],
    };

    /// <summary>An exported function's type; null where there is none of that name.</summary>
    public FunctionType? TypeOf(string export) =>
        module.Parsed.Exports.FirstOrDefault(item => item.Name == export && item.Kind == ExternKind.Function) is { } found ? module.Parsed.TypeOfFunction(found.Index) : null;

    private ReadOnlyMemory<byte> ReadBack(MemoryRange range) =>
        instantiated && instance.Memory(range.Export) is { } memory ? memory.At(range.Offset, range.Length).ToArray() : ReadOnlyMemory<byte>.Empty;

    private bool Start()
    {
        var start = Require("_start");
        RequireNoParameters("_start");
        return Call(start, [], TypeOf("_start")!.Results.Length) is not { } trap || Ended(trap);
    }

    private bool Answer(ReactorWorkload reactor)
    {
        StoreItem alloc = RequireReactor("alloc", 1, 1), answer = RequireReactor("answer", 0, 1), run = RequireReactor("run", 2, 1), release = RequireReactor("release", 1, 0);
        var memory = instance.Memory("memory") ?? throw new RejectedException("module does not export the memory \"memory\"");
        foreach (var request in reactor.Requests)
        {
            store.Interruption.ThrowIfRequested();
            if (!TryCall(alloc, [(uint)request.Length], out var at))
            {
                return false;
            }

            var target = memory.At(at, request.Length);
            if (target.Length != request.Length)
            {
                return Ended(new WasmTrap(TrapKind.Host, "alloc returned memory that does not exist"));
            }

            request.Span.CopyTo(target);
            if (!TryCall(run, [at, (uint)request.Length], out var given))
            {
                return false;
            }

            var length = (int)given;
            if (length < 0)
            {
                answers.Add(new RunAnswer.Refused());
            }
            else
            {
                if (!TryCall(answer, [], out var from))
                {
                    return false;
                }

                var bytes = memory.At(from, length);
                if (bytes.Length != length)
                {
                    return Ended(new WasmTrap(TrapKind.Host, "the answer is outside of the memory"));
                }

                answers.Add(new RunAnswer.Bytes(bytes.ToArray()));
            }

            if (!TryCall(release, [at], out _, hasResult: false))
            {
                return false;
            }
        }

        return true;
    }

    private bool CallExports(ExportCallsWorkload calls)
    {
        var callables = new Dictionary<string, (StoreItem Function, FunctionType Type)>(StringComparer.Ordinal);
        foreach (var (export, given) in calls.Calls)
        {
            store.Interruption.ThrowIfRequested();
            if (!callables.TryGetValue(export, out var callable))
            {
                callable = instance.TryGetFunction(export, out var function) && TypeOf(export) is { } type
                    ? (function, type)
                    : throw new RejectedException($"there is no exported function \"{export}\"");
                callables.Add(export, callable);
            }

            if (references.Place(module.Parsed, callable.Type.Parameters.AsSpan(), given.AsSpan(), out var problem) is not { } arguments)
            {
                answers.Add(problem!.Unsupported
                    ? new RunAnswer.Trapped(new WasmTrap(TrapKind.Host, problem.Message))
                    : throw new RejectedException(problem.Message));
                continue;
            }

            var results = new Value[callable.Type.Results.Length];
            var trap = Call(callable.Function, arguments, results);
            References.Unroot(arguments);
            if (trap is null)
            {
                answers.Add(new RunAnswer.Values([.. references.Take(results)]));
            }
            else if (Host.ExitCode is not null)
            {
                return false;
            }
            else
            {
                answers.Add(new RunAnswer.Trapped(trap));
            }
        }

        return true;
    }

    private Extern[] Imports()
    {
        var parsed = module.Parsed;
        var imports = new Extern[parsed.Imports.Count];
        var wanted = new List<WantedStub>();
        var places = new List<int>();
        for (var i = 0; i < imports.Length; i++)
        {
            var import = parsed.Imports[i];
            if (import.Type is FunctionExtern function && WasiHost.Provides(import.Module, import.Name))
            {
                imports[i] = Host.Find(store, import.Name, parsed.FunctionTypeAt(function.TypeIndex))
                    ?? throw new RejectedException($"module imports {import.Module}.{import.Name} with a type that no host function can have");
            }
            else if (zeroUnknown)
            {
                wanted.Add(new WantedStub(import, []));
                places.Add(i);
            }
            else
            {
                throw new RejectedException($"module imports {import.Module}.{import.Name} ({import.Type.Kind.ToString().ToLowerInvariant()}) which no host provides");
            }
        }

        var made = Stubs.TryMake(store, parsed, wanted, out var problem) ?? throw new RejectedException($"the module's imports cannot be made up: {problem}");
        for (var i = 0; i < made.Length; i++)
        {
            imports[places[i]] = made[i];
        }

        return imports;
    }

    // The run is over: by its exit, or by a trap.
    private bool Ended(WasmTrap trap)
    {
        if (Host.ExitCode is null)
        {
            Trap = trap;
        }

        return false;
    }

    private StoreItem Require(string export) =>
        instance.TryGetFunction(export, out var function) ? function : throw new RejectedException($"module does not export the function \"{export}\"");

    private StoreItem RequireReactor(string export, int parameters, int results)
    {
        var function = Require(export);
        var type = TypeOf(export)!;
        return type.Parameters.Length == parameters && type.Results.Length == results && type.Parameters.Concat(type.Results).All(item => item == Wasm.ValueType.I32)
            ? function
            : throw new RejectedException($"the function \"{export}\" has another type than a reactor's");
    }

    private void RequireNoParameters(string export)
    {
        if (!TypeOf(export)!.Parameters.IsEmpty)
        {
            throw new RejectedException($"the function \"{export}\" has parameters");
        }
    }

    // A function of 32-bit integers; false when the run is over.
    private bool TryCall(StoreItem function, ReadOnlySpan<uint> given, out uint result, bool hasResult = true)
    {
        Span<Value> arguments = stackalloc Value[2];
        for (var i = 0; i < given.Length; i++)
        {
            arguments[i] = new Value { Kind = ValueTag.I32, Low = given[i] };
        }

        Span<Value> results = stackalloc Value[1];
        var trap = Call(function, arguments[..given.Length], hasResult ? results : []);
        result = (uint)results[0].Low;
        return trap is null || Ended(trap);
    }

    private WasmTrap? Call(StoreItem function, ReadOnlySpan<Value> arguments, int resultCount)
    {
        var results = resultCount == 0 ? [] : new Value[resultCount];
        var trap = Call(function, arguments, results);
        References.Unroot(results);
        return trap;
    }

    private WasmTrap? Call(StoreItem function, ReadOnlySpan<Value> arguments, Span<Value> results)
    {
        var trap = store.Call(function, arguments, results, out var origin);
        return trap is { Kind: TrapKind.IntegerOverflow } && IsTruncation(origin)
            ? new WasmTrap(TrapKind.InvalidConversionToInteger, Problems.TextOf(TrapKind.InvalidConversionToInteger))
            : trap;
    }

    // Wasmtime calls a float that is too large for the integer an overflow, V8 an invalid conversion. The instruction tells: i32.trunc_f32_s to i64.trunc_f64_u.
    private bool IsTruncation(long origin) => origin >= 0 && origin < module.Bytes.Length && module.Bytes[origin] is (>= 0xa8 and <= 0xab) or (>= 0xae and <= 0xb1);
}

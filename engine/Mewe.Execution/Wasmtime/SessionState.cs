using System.Collections.Immutable;
using Mewe.Execution.Wasmtime.Native;
using Mewe.Wasm;

namespace Mewe.Execution.Wasmtime;

/// <summary>The modules and instances of a session, all in one store, and what its commands do with them. For one thread at a time.</summary>
internal sealed class SessionState : IDisposable
{
    private static readonly SessionReply Done = new SessionReply.Done();

    private readonly StoreLimits limits;
    private readonly Store store;
    private readonly References references;
    private readonly Dictionary<int, CompiledModule> modules = [];
    private readonly Dictionary<int, Linked> instances = [];
    private readonly Dictionary<string, Provider> registered = new(StringComparer.Ordinal);
    private Instance? spectest;

    public SessionState(Compiler compiler, StoreLimits limits)
    {
        this.limits = limits;
        Interruption = new Interruption(compiler);
        store = new Store(compiler, Interruption, limits);
        references = new References(store);
    }

    public Interruption Interruption { get; }

    /// <summary>A new batch begins, with all the fuel of one.</summary>
    public void Refuel() => limits.Refuel(store.Context);

    /// <summary>Does what a command says, for anything but <see cref="SessionCommand.Reset"/>.</summary>
    public SessionReply Execute(SessionCommand command)
    {
        store.Interruption.ThrowIfRequested();
        try
        {
            return command switch
            {
                SessionCommand.Compile compile => Compile(compile),
                SessionCommand.Instantiate instantiate => Instantiate(instantiate),
                SessionCommand.Register register => Register(register),
                SessionCommand.Invoke invoke => Invoke(invoke),
                SessionCommand.GetGlobal get => GetGlobal(get),
                SessionCommand.SetGlobal set => SetGlobal(set),
                SessionCommand.ReadMemory read => MemoryOf(read.Instance, read.Range.Export) is { } memory
                    ? new SessionReply.Data(memory.At(read.Range.Offset, read.Range.Length).ToArray())
                    : NoMemory(read.Range.Export),
                SessionCommand.WriteMemory write => WriteMemory(write),
                _ => throw new ArgumentOutOfRangeException(nameof(command), command, "no such command"),
            };
        }
        catch (RejectedException rejected)
        {
            return new SessionReply.Unsupported(rejected.Message);
        }
    }

    public void Dispose()
    {
        store.Dispose();
        Interruption.Dispose();
    }

    private SessionReply Compile(SessionCommand.Compile command)
    {
        modules.Remove(command.Module);
        try
        {
            modules.Add(command.Module, store.Compile(command.Bytes));
            return Done;
        }
        catch (RejectedException rejected)
        {
            return new SessionReply.Invalid(rejected.Message);
        }
    }

    private SessionReply Instantiate(SessionCommand.Instantiate command)
    {
        instances.Remove(command.Instance);
        if (!modules.TryGetValue(command.Module, out var module))
        {
            return new SessionReply.Unknown($"there is no module {command.Module}");
        }

        var hosts = new List<WasiHost>();
        if (TryLink(module.Parsed, command.Imports, hosts, out var imports) is { } refusal)
        {
            return refusal;
        }

        var instance = store.Instantiate(module.Handle, imports, out var trap, out var problem);
        if (instance is not { } made)
        {
            return trap is null ? new SessionReply.Unlinkable(problem!) : new SessionReply.Trapped(trap);
        }

        foreach (var host in hosts)
        {
            host.Attach(made);
        }

        instances.Add(command.Instance, new Linked(made, module));
        return Done;
    }

    // Finds what a module imports; a reply where that fails.
    private SessionReply? TryLink(WasmModule module, ImmutableArray<ImportBinding> bindings, List<WasiHost> hosts, out Extern[] imports)
    {
        imports = new Extern[module.Imports.Count];
        var providers = new Dictionary<ImportSource, Provider>(ReferenceEqualityComparer.Instance);
        var wanted = new List<WantedStub>();
        var places = new List<int>();
        for (var i = 0; i < imports.Length; i++)
        {
            var import = module.Imports[i];
            var binding = bindings.FirstOrDefault(item => item.Module == import.Module && (item.Name is null || item.Name == import.Name));
            Provider? provider;
            if (binding is not null)
            {
                if (!providers.TryGetValue(binding.Source, out provider))
                {
                    if (TryProvide(binding.Source, out provider) is { } unknown)
                    {
                        return unknown;
                    }

                    providers.Add(binding.Source, provider);
                }
            }
            else if (!registered.TryGetValue(import.Module, out provider))
            {
                return Missing(import);
            }

            if (provider is Provider.Made made)
            {
                wanted.Add(new WantedStub(import, made.Results));
                places.Add(i);
            }
            else if (!TryFind(provider, import, module, hosts, out imports[i]))
            {
                return Missing(import);
            }
        }

        if (Stubs.TryMake(store, module, wanted, out var problem) is not { } stubs)
        {
            return new SessionReply.Unlinkable($"the imports cannot be made up: {problem}");
        }

        for (var i = 0; i < stubs.Length; i++)
        {
            imports[places[i]] = stubs[i];
        }

        return null;
    }

    private SessionReply? TryProvide(ImportSource source, out Provider provider)
    {
        provider = new Provider.Made([]);
        switch (source)
        {
            case ImportSource.Instance named:
                if (!instances.TryGetValue(named.Number, out var linked))
                {
                    return new SessionReply.Unknown($"there is no instance {named.Number}");
                }

                provider = new Provider.Exports(linked.Instance, named.Export);
                return null;
            case ImportSource.Spectest:
                provider = new Provider.Exports(SpectestInstance(), null);
                return null;
            case ImportSource.Wasi wasi:
                provider = new Provider.Wasi(wasi.Seed);
                return null;
            case ImportSource.Stub stub:
                provider = new Provider.Made(stub.Results);
                return null;
            default:
                throw new ArgumentOutOfRangeException(nameof(source), source, "no such source");
        }
    }

    private bool TryFind(Provider provider, Import import, WasmModule importer, List<WasiHost> hosts, out Extern found)
    {
        found = default;
        switch (provider)
        {
            case Provider.Exports exports:
                if (!exports.Instance.TryGet(exports.Renamed ?? import.Name, out found))
                {
                    return false;
                }

                store.OwnIfShared(found);
                return true;
            case Provider.Wasi wasi when import.Type is FunctionExtern function && WasiHost.Has(import.Name):
                // One host for each instance that imports from this source.
                var host = hosts.FirstOrDefault(item => item.Seed == wasi.Seed);
                if (host is null)
                {
                    hosts.Add(host = new WasiHost(new WasiSetting([], [], default, wasi.Seed), Interruption));
                }

                var made = host.Find(store, import.Name, importer.FunctionTypeAt(function.TypeIndex));
                found = made ?? default;
                return made is not null;
            default:
                return false;
        }
    }

    private Instance SpectestInstance()
    {
        spectest ??= store.Instantiate(store.Compile(Spectest.Bytes).Handle, [], out _, out var problem) ?? throw new RejectedException($"spectest does not start: {problem}");
        return spectest.Value;
    }

    private SessionReply Register(SessionCommand.Register command)
    {
        // The instance itself is meant, also when its number is given to another one later.
        if (TryProvide(command.Source, out var provider) is { } unknown)
        {
            return unknown;
        }

        registered[command.Name] = provider;
        return Done;
    }

    private SessionReply Invoke(SessionCommand.Invoke command)
    {
        if (!instances.TryGetValue(command.Instance, out var linked))
        {
            return NoInstance(command.Instance);
        }

        var export = Export(linked, command.Export, ExternKind.Function);
        if (export is null || !linked.Instance.TryGetFunction(command.Export, out var function))
        {
            return new SessionReply.Unknown($"there is no exported function \"{command.Export}\"");
        }

        var type = linked.Module.Parsed.TypeOfFunction(export.Index);
        if (references.Place(linked.Module.Parsed, type.Parameters.AsSpan(), command.Arguments.AsSpan(), out var problem) is not { } arguments)
        {
            return Refused(problem!);
        }

        var results = new Value[type.Results.Length];
        var trap = store.Call(function, arguments, results);
        References.Unroot(arguments);
        return trap is null ? new SessionReply.Returned([.. references.Take(results)]) : new SessionReply.Trapped(trap);
    }

    private unsafe SessionReply GetGlobal(SessionCommand.GetGlobal command)
    {
        if (!instances.TryGetValue(command.Instance, out var linked))
        {
            return NoInstance(command.Instance);
        }

        if (!linked.Instance.TryGet(command.Export, out var global) || global.Kind != ExternTag.Global)
        {
            return NoGlobal(command.Export);
        }

        Api.GetGlobal(store.Context, &global.First, out var value);
        return new SessionReply.Returned([.. references.Take(new Span<Value>(ref value))]);
    }

    private unsafe SessionReply SetGlobal(SessionCommand.SetGlobal command)
    {
        if (!instances.TryGetValue(command.Instance, out var linked))
        {
            return NoInstance(command.Instance);
        }

        if (Export(linked, command.Export, ExternKind.Global) is not { } export || !linked.Instance.TryGet(command.Export, out var global))
        {
            return NoGlobal(command.Export);
        }

        var type = linked.Module.Parsed.AllGlobals()[(int)export.Index];
        if (!type.Mutable)
        {
            return new SessionReply.Unknown($"the global \"{command.Export}\" is immutable");
        }

        if (references.Place(linked.Module.Parsed, [type.Value], [command.Value], out var problem) is not { } value)
        {
            return Refused(problem!);
        }

        Problems.ThrowOnError(Api.SetGlobal(store.Context, &global.First, value[0]));
        References.Unroot(value);
        return Done;
    }

    private SessionReply WriteMemory(SessionCommand.WriteMemory command)
    {
        if (MemoryOf(command.Instance, command.Export) is not { } memory)
        {
            return NoMemory(command.Export);
        }

        var target = memory.At(command.Offset, command.Bytes.Length);
        if (target.Length != command.Bytes.Length)
        {
            return new SessionReply.Unknown("the bytes do not fit into the memory");
        }

        command.Bytes.Span.CopyTo(target);
        return Done;
    }

    private LinearMemory? MemoryOf(int instance, string export) => instances.TryGetValue(instance, out var linked) ? linked.Instance.Memory(export) : null;

    private static Export? Export(Linked linked, string name, ExternKind kind) => linked.Module.Parsed.Exports.FirstOrDefault(item => item.Name == name && item.Kind == kind);

    private static SessionReply Refused(ArgumentProblem problem) =>
        problem.Unsupported ? new SessionReply.Unsupported(problem.Message) : new SessionReply.Unknown(problem.Message);

    private static SessionReply.Unknown NoInstance(int number) => new($"there is no instance {number}");

    private static SessionReply.Unknown NoMemory(string export) => new($"there is no exported memory \"{export}\"");

    private static SessionReply.Unknown NoGlobal(string export) => new($"there is no exported global \"{export}\"");

    private static SessionReply.Unlinkable Missing(Import import) => new($"nothing provides {import.Module}.{import.Name} ({import.Type.Kind.ToString().ToLowerInvariant()})");

    private sealed record Linked(Instance Instance, CompiledModule Module);

    /// <summary>A source of imports that has been looked up.</summary>
    private abstract record Provider
    {
        private Provider()
        {
        }

        public sealed record Exports(Instance Instance, string? Renamed) : Provider;

        public sealed record Wasi(ulong Seed) : Provider;

        public sealed record Made(ImmutableArray<WasmValue> Results) : Provider;
    }
}

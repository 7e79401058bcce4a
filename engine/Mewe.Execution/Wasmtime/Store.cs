using System.Text;
using Mewe.Execution.Wasmtime.Native;

namespace Mewe.Execution.Wasmtime;

/// <summary>What a store may use.</summary>
/// <param name="MemoryPages">Pages of 64 KiB of each memory.</param>
/// <param name="Fuel">Instructions, about; null where they are not counted.</param>
internal readonly record struct StoreLimits(long MemoryPages, ulong? Fuel)
{
    private const long LibrarysOwn = -1; // ten thousand

    public void Apply(StoreHandle store, nint context)
    {
        Api.LimitStore(store, MemoryPages * Store.PageBytes, WasmtimeEngineOptions.MaximumTableElements, LibrarysOwn, LibrarysOwn, LibrarysOwn);
        Refuel(context);
    }

    public void Refuel(nint context)
    {
        if (Fuel is { } fuel)
        {
            Problems.ThrowOnError(Api.SetFuel(context, fuel));
        }
    }
}

/// <summary>A store of the library: instances, and what belongs to them. For one thread at a time; disposing frees everything.</summary>
/// <remarks>
/// A call ends in one of three ways: it returns; it traps, which is a <see cref="WasmTrap"/>, a value; or the engine stops it, which is an <see cref="EngineStoppedException"/> that ends the whole request.
/// Errors and traps of the library never leave this class unfreed.
/// </remarks>
internal sealed unsafe class Store : IDisposable
{
    public const int PageBytes = 65536;

    private readonly StoreHandle handle;
    private readonly List<IDisposable> owned = [];

    public Store(Compiler compiler, Interruption interruption, StoreLimits limits)
    {
        Compiler = compiler;
        Interruption = interruption;
        handle = Api.NewStore(compiler.Engine, 0, 0);
        Context = Api.Context(handle);
        interruption.Watch(handle, Context);
        limits.Apply(handle, Context);
    }

    public Compiler Compiler { get; }

    public Interruption Interruption { get; }

    /// <summary>The library's pointer for everything that belongs to the store.</summary>
    public nint Context { get; }

    /// <summary>Has an object disposed when the store is gone.</summary>
    public void Own(IDisposable item) => owned.Add(item);

    /// <summary>Frees an exported item with the store, if it is one of those that own something.</summary>
    public void OwnIfShared(Extern item)
    {
        if (item.Kind == ExternTag.SharedMemory)
        {
            owned.Add(new LinearMemory(this, item));
        }
    }

    /// <summary>Compiles a module, which stays for as long as the store.</summary>
    /// <exception cref="RejectedException">It is not valid.</exception>
    public CompiledModule Compile(ReadOnlyMemory<byte> bytes) => Keep(Compiler.Compile(bytes));

    /// <inheritdoc cref="Compiler.Compile(ReadOnlyMemory{byte}, uint, Func{byte[]})"/>
    public CompiledModule Compile(ReadOnlyMemory<byte> source, uint use, Func<byte[]> make) => Keep(Compiler.Compile(source, use, make));

    /// <summary>Instantiates a module. Null and a problem when it does not link; a trap when an active segment or the start function trapped.</summary>
    public Instance? Instantiate(CodeHandle module, ReadOnlySpan<Extern> imports, out WasmTrap? trap, out string? problem)
    {
        fixed (Extern* given = imports)
        {
            var error = Api.NewInstance(Context, module, given, (nuint)imports.Length, out var instance, out var trapped);
            (trap, problem) = (null, null);
            if (error == 0 && trapped == 0)
            {
                return new Instance(this, instance);
            }

            if (trapped == 0 && !Interruption.Requested && !TakeException())
            {
                problem = Problems.TakeError(error);
                ThrowIfExhausted(problem);
                if (HostTrap is not { } host)
                {
                    return null;
                }

                trap = host;
                HostTrap = null;
                problem = null;
                return null;
            }

            trap = error != 0 ? TrapOfError(error) : TrapOf(trapped, out _);
            return null;
        }
    }

    /// <summary>Calls a function; null when it returned.</summary>
    public WasmTrap? Call(StoreItem function, ReadOnlySpan<Value> arguments, Span<Value> results) => Call(function, arguments, results, out _);

    /// <summary>As the other; <paramref name="origin"/> is the offset in the module of the instruction that trapped, -1 where that is not known.</summary>
    public WasmTrap? Call(StoreItem function, ReadOnlySpan<Value> arguments, Span<Value> results, out long origin)
    {
        origin = -1;
        fixed (Value* given = arguments, taken = results)
        {
            var error = Api.Call(Context, &function, given, (nuint)arguments.Length, taken, (nuint)results.Length, out var trapped);
            if (error == 0 && trapped == 0)
            {
                return null;
            }

            return error != 0 ? TrapOfError(error) : TrapOf(trapped, out origin);
        }
    }

    /// <summary>What a host function wants its caller's trap to be. Set before it returns a trap of its own.</summary>
    public WasmTrap? HostTrap { get; set; }

    public void Dispose()
    {
        handle.Dispose();
        foreach (var item in owned)
        {
            item.Dispose();
        }

        owned.Clear();
    }

    /// <summary>A new reference of the host; the caller unroots it.</summary>
    public Value NewHostReference(uint number)
    {
        var value = new Value { Kind = ValueTag.ExternRef };
        var made = Api.NewExternRef(Context, (nint)((ulong)number + 1), 0, &value.Low); // 0 would be no data at all
        return made ? value : throw new EngineStoppedException(EngineFailureKind.OutOfMemory, "no room for a reference of the host");
    }

    private CompiledModule Keep(CompiledModule compiled)
    {
        owned.Add(compiled);
        return compiled;
    }

    private WasmTrap TrapOfError(nint error)
    {
        // What is no trap of an instruction: a trap that a host function made, an interruption, or an allocation that found no room.
        var message = Problems.TakeError(error);
        if (TakeException())
        {
            return Trap(TrapKind.Exception);
        }

        Interruption.ThrowIfRequested();
        ThrowIfExhausted(message);
        var trap = HostTrap ?? new WasmTrap(TrapKind.Other, message);
        HostTrap = null;
        return trap;
    }

    private WasmTrap TrapOf(nint trapped, out long origin)
    {
        origin = -1;
        if (Api.TrapCode(trapped, out var code))
        {
            var frame = Api.TrapOrigin(trapped);
            if (frame != 0)
            {
                origin = (long)Api.FrameModuleOffset(frame);
                Api.DeleteFrame(frame);
            }

            Api.DeleteTrap(trapped);
            if (code == TrapCode.OutOfFuel)
            {
                throw new EngineStoppedException(EngineFailureKind.Hung, "the fuel of the request was used up");
            }

            return code == TrapCode.Interrupt ? throw new EngineStoppedException(EngineFailureKind.Hung, "interrupted") : Trap(Problems.KindOf(code));
        }

        var message = Problems.TakeTrapMessage(trapped);
        if (TakeException())
        {
            return Trap(TrapKind.Exception);
        }

        Interruption.ThrowIfRequested();
        ThrowIfExhausted(message);
        return new WasmTrap(TrapKind.Other, message);
    }

    private bool TakeException()
    {
        if (!Api.HasException(Context))
        {
            return false;
        }

        Value exception = default;
        if (Api.TakeException(Context, &exception.Low))
        {
            Api.UnrootException(&exception.Low);
        }

        return true;
    }

    private static WasmTrap Trap(TrapKind kind) => new(kind, Problems.TextOf(kind));

    private static void ThrowIfExhausted(string message)
    {
        if (message.Contains("GC heap out of memory", StringComparison.Ordinal) || message.Contains("out of memory", StringComparison.OrdinalIgnoreCase))
        {
            throw new EngineStoppedException(EngineFailureKind.OutOfMemory, message);
        }
    }
}

/// <summary>An instance: its exports by name.</summary>
internal readonly unsafe struct Instance(Store store, StoreItem item)
{
    public Store Store => store;

    /// <summary>Something that the instance exports; false where it exports nothing of that name.</summary>
    public bool TryGet(string name, out Extern found)
    {
        var utf8 = Encoding.UTF8.GetBytes(name);
        var self = item;
        fixed (byte* bytes = utf8)
        {
            found = default;
            return Api.GetExport(store.Context, &self, bytes, (nuint)utf8.Length, out found);
        }
    }

    /// <summary>An exported function.</summary>
    public bool TryGetFunction(string name, out StoreItem function)
    {
        function = default;
        if (!TryGet(name, out var found))
        {
            return false;
        }

        if (found.Kind != ExternTag.Function)
        {
            Release(ref found);
            return false;
        }

        function = new StoreItem { Store = found.First, Item = (nuint)found.Second };
        return true;
    }

    /// <summary>An exported memory, shared or not.</summary>
    public LinearMemory? Memory(string name)
    {
        if (!TryGet(name, out var found))
        {
            return null;
        }

        if (found.Kind is ExternTag.Memory)
        {
            return new LinearMemory(store, found);
        }

        if (found.Kind is ExternTag.SharedMemory)
        {
            var shared = new LinearMemory(store, found);
            store.Own(shared);
            return shared;
        }

        Release(ref found);
        return null;
    }

    private static void Release(ref Extern item)
    {
        fixed (Extern* pointer = &item)
        {
            Api.DeleteExtern(pointer);
        }
    }
}

/// <summary>A memory of a store. Its bytes may be looked at until the store's code runs again: it may grow and move then.</summary>
internal sealed unsafe class LinearMemory(Store store, Extern memory) : IDisposable
{
    private Extern item = memory;

    /// <summary>The memory's bytes; at most the 2 GiB that a span can have.</summary>
    public Span<byte> Bytes
    {
        get
        {
            if (item.Kind == ExternTag.SharedMemory)
            {
                return Span(Api.SharedMemoryData((nint)item.First), Api.SharedMemorySize((nint)item.First));
            }

            fixed (ulong* self = &item.First)
            {
                return Span(Api.MemoryData(store.Context, self), Api.MemorySize(store.Context, self));
            }
        }
    }

    /// <summary>The size in bytes.</summary>
    public ulong Size
    {
        get
        {
            fixed (ulong* self = &item.First)
            {
                return item.Kind == ExternTag.SharedMemory ? Api.SharedMemorySize((nint)item.First) : Api.MemorySize(store.Context, self);
            }
        }
    }

    /// <summary>Bytes from an offset on, cut off at the memory's end.</summary>
    public Span<byte> At(long offset, long length)
    {
        var start = (ulong)Math.Max(0, offset);
        var size = Size;
        if (start >= size)
        {
            return [];
        }

        var count = (int)Math.Min((ulong)Math.Max(0, length), Math.Min(size - start, int.MaxValue));
        return new Span<byte>(Base + start, count);
    }

    /// <summary>Adds pages; false where a limit forbids it.</summary>
    public bool TryGrow(ulong pages)
    {
        fixed (ulong* self = &item.First)
        {
            var error = Api.GrowMemory(store.Context, self, pages, out _);
            if (error != 0)
            {
                Problems.TakeError(error);
            }

            return error == 0;
        }
    }

    public void Dispose()
    {
        if (item.Kind == ExternTag.SharedMemory)
        {
            fixed (Extern* self = &item)
            {
                Api.DeleteExtern(self);
            }

            item = default;
        }
    }

    private byte* Base
    {
        get
        {
            fixed (ulong* self = &item.First)
            {
                return item.Kind == ExternTag.SharedMemory ? Api.SharedMemoryData((nint)item.First) : Api.MemoryData(store.Context, self);
            }
        }
    }

    private static Span<byte> Span(byte* start, nuint size) => new(start, (int)Math.Min(size, int.MaxValue));
}

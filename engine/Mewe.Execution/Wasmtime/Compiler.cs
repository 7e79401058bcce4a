using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Mewe.Execution.Wasmtime.Native;

namespace Mewe.Execution.Wasmtime;

/// <summary>One engine of the library: a compiler with settings, and the modules that it compiled last.</summary>
internal sealed class Compiler : IDisposable
{
    private const int CachedModules = 32;
    private const int CachedBytes = 64 << 20;

    private const byte WinchStrategy = 2, NoOptimization = 0, SinglePass = 1;

    private static readonly string[] AnyX64 = ["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt"];

    private readonly Lock gate = new();
    private readonly LinkedList<CompiledModule> byUse = new(); // the latest first
    private readonly Dictionary<UInt128, LinkedListNode<CompiledModule>> cache = [];
    private long cachedBytes;

    private Compiler(EngineHandle engine) => Engine = engine;

    public EngineHandle Engine { get; }

    /// <summary>
    /// For sweeps: Winch, the baseline compiler, which translates in a sixth of the time. It lacks tail calls, exceptions, garbage collection and typed function references, and says so; a harness that has them goes to
    /// <see cref="ForManyModules"/>. It needs the signal handler.
    /// </summary>
    public static Compiler Baseline(WasmtimeEngineOptions options) => new(NewEngine(options, config =>
    {
        Api.SetStrategy(config, WinchStrategy);
        Api.SetOptimization(config, NoOptimization); // of trampolines, which Cranelift makes here, too
        Api.SetRegisterAllocation(config, SinglePass);
        SmallMemories(config);
    }, everyFeature: false));

    /// <summary>
    /// For sessions, and sweeps that the baseline compiler cannot translate: many short-lived modules. Bounds are checked by instructions, so that memories need neither gigabytes of reserved addresses nor a signal handler, which would cost more than the
    /// module's work; the rest is as shipped.
    /// </summary>
    public static Compiler ForManyModules(WasmtimeEngineOptions options) => new(NewEngine(options, config =>
    {
        Api.SetSignalsBasedTraps(config, false);
        SmallMemories(config);
    }));

    /// <summary>For whole programs and timing: the code and the memories that Wasmtime's users get, with the interruption that servers switch on.</summary>
    public static Compiler AsShipped(WasmtimeEngineOptions options) => new(NewEngine(options, _ => { }));

    /// <summary>
    /// For looking at the code: as shipped, without counting and interruption, for what every x64 processor of the last fifteen years can do, so that which functions have the same code does not depend on the machine. Null on other processors.
    /// </summary>
    public static Compiler? ForLooking() => RuntimeInformation.ProcessArchitecture != Architecture.X64 ? null : new(NewEngine(new WasmtimeEngineOptions(), config =>
    {
        Api.SetEpochInterruption(config, false);
        Problems.ThrowOnError(Api.SetTarget(config, OperatingSystem.IsWindows() ? "x86_64-pc-windows-msvc" : OperatingSystem.IsMacOS() ? "x86_64-apple-darwin" : "x86_64-unknown-linux-gnu"));
        foreach (var extension in AnyX64)
        {
            Api.EnableCraneliftFlag(config, extension);
        }
    }));

    /// <summary>Compiles a module, or takes it from the cache. The caller disposes what it gets; the code stays for as long as somebody uses it.</summary>
    /// <exception cref="RejectedException">It is not valid, or beyond a limit of the compiler.</exception>
    public CompiledModule Compile(ReadOnlyMemory<byte> bytes) => Compile(bytes, 0, bytes.ToArray);

    /// <summary>Compiles a module that is made from another one, or takes it from the cache.</summary>
    /// <param name="source">What it is made from.</param>
    /// <param name="use">Tells apart what is made from the same; 0 where it is the source itself.</param>
    /// <param name="make">Makes it.</param>
    /// <exception cref="RejectedException">It is not valid, or beyond a limit of the compiler; or what <paramref name="make"/> throws.</exception>
    public CompiledModule Compile(ReadOnlyMemory<byte> source, uint use, Func<byte[]> make)
    {
        var key = HashOf(source.Span) ^ use;
        lock (gate)
        {
            if (cache.TryGetValue(key, out var known))
            {
                byUse.Remove(known);
                byUse.AddFirst(known);
                return known.Value.Share();
            }
        }

        var bytes = make();
        var compiled = new CompiledModule(Translate(bytes), bytes, key);
        lock (gate)
        {
            compiled.Share();
            if (cache.TryAdd(key, new LinkedListNode<CompiledModule>(compiled)))
            {
                byUse.AddFirst(cache[key]);
                cachedBytes += compiled.Bytes.Length;
                while (cache.Count > CachedModules || (cachedBytes > CachedBytes && cache.Count > 1))
                {
                    var oldest = byUse.Last!.Value;
                    byUse.RemoveLast();
                    cache.Remove(oldest.Key);
                    cachedBytes -= oldest.Bytes.Length;
                    oldest.Dispose();
                }
            }
            else
            {
                compiled.Dispose(); // of the share that would have been the cache's: another thread was faster
            }
        }

        return compiled;
    }

    /// <summary>Compiles a module that nobody will ask for again.</summary>
    /// <exception cref="RejectedException">As <see cref="Compile(ReadOnlyMemory{byte})"/>.</exception>
    public unsafe CodeHandle Translate(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* wasm = bytes)
        {
            var error = Api.NewModule(Engine, wasm, (nuint)bytes.Length, out var module);
            return error == 0 ? module : throw new RejectedException(Problems.TakeError(error));
        }
    }

    /// <summary>Why a module is not valid; null when it is.</summary>
    public unsafe string? Validate(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* wasm = bytes)
        {
            var error = Api.Validate(Engine, wasm, (nuint)bytes.Length);
            return error == 0 ? null : Problems.TakeError(error);
        }
    }

    /// <summary>All stores look whether they are to end.</summary>
    public void MoveEpoch()
    {
        try
        {
            Api.IncrementEpoch(Engine);
        }
        catch (ObjectDisposedException)
        {
            // A clock that rang after the last request had been answered and the engine was disposed.
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            foreach (var module in byUse)
            {
                module.Dispose();
            }

            cache.Clear();
            byUse.Clear();
        }

        Engine.Dispose();
    }

    // Without gigabytes of reserved addresses, which cost more to map than a small module's work.
    private static void SmallMemories(nint config)
    {
        Api.SetMemoryReservation(config, 0);
        Api.SetMemoryGuardSize(config, 0);
        Api.SetMemoryReservationForGrowth(config, 1 << 20);
        Api.SetMemoryInitCow(config, false);
    }

    // Asking for a feature that the compiler lacks would end the process, not give an error.
    private static EngineHandle NewEngine(WasmtimeEngineOptions options, Action<nint> set, bool everyFeature = true)
    {
        var config = Api.NewConfig();
        Api.SetEpochInterruption(config, true);
        Api.SetConsumeFuel(config, options.Fuel is not null);
        Api.SetMaxWasmStack(config, (nuint)options.MaximumStackBytes);
        Api.SetParallelCompilation(config, false); // the engine's workers are the parallelism, and timing must not be disturbed
        Api.SetNativeUnwindInfo(config, OperatingSystem.IsWindows());
        Api.SetMacosUseMachPorts(config, false); // they do not go together with .NET's own handlers
        Api.SetSharedMemory(config, true);
        if (everyFeature)
        {
            Api.SetThreads(config, true);
            Api.SetFunctionReferences(config, true);
            Api.SetGc(config, true);
            Api.SetExceptions(config, true);
        }

        set(config);
        var engine = Api.NewEngine(config);
        return engine.IsInvalid ? throw new InvalidOperationException("Wasmtime did not accept the settings") : engine;
    }

    private static UInt128 HashOf(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}

/// <summary>A module's code, and what Mewe reads in its bytes. Shared and counted: whoever got it disposes it once, and the last one frees the code.</summary>
internal sealed class CompiledModule(CodeHandle handle, byte[] bytes, UInt128 key) : IDisposable
{
    private int users = 1;
    private Wasm.WasmModule? parsed;

    public CodeHandle Handle => handle;

    public byte[] Bytes => bytes;

    public UInt128 Key => key;

    /// <summary>The module's types, imports and exports. Wasmtime has accepted the module, so only a proposal that Mewe does not know makes this fail.</summary>
    /// <exception cref="RejectedException">Mewe cannot read the module.</exception>
    public Wasm.WasmModule Parsed =>
        parsed ??= Wasm.Binary.ModuleReader.TryRead(bytes, out var error) ?? throw new RejectedException($"Mewe cannot read the module: {error}");

    /// <summary>One more user; only while there is one.</summary>
    public CompiledModule Share()
    {
        Interlocked.Increment(ref users);
        return this;
    }

    public void Dispose()
    {
        if (Interlocked.Decrement(ref users) == 0)
        {
            handle.Dispose();
        }
    }
}

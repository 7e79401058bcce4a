namespace Mewe.Execution.Wasmtime;

/// <summary>How a <see cref="WasmtimeEngine"/> runs modules. All of it happens in this process, on threads of the engine's own.</summary>
public sealed record WasmtimeEngineOptions
{
    /// <summary>The library's file; null to look for it, see <see cref="WasmtimeLibrary"/>.</summary>
    public string? LibraryPath { get; init; }

    /// <summary>How many sweeps, and how many other requests, are worked on at the same time.</summary>
    public int Workers { get; init; } = Environment.ProcessorCount;

    /// <summary>When to end a request that has not been answered, for requests that set no limit of their own.</summary>
    public TimeSpan AbortAfter { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// The most pages of 64 KiB that a memory may have in sweeps and runs. In a module with more than <see cref="FullSizeMemories"/> memories each may have only its share of what these could have, so that a
    /// hostile module meets a failing <c>memory.grow</c>, not an exhausted process. Sessions have the limit of <see cref="SessionMemoryPages"/>.
    /// </summary>
    public int MaximumMemoryPages { get; init; } = 16384;

    /// <summary>The most bytes of stack that WebAssembly may use. V8's own limit is just below this.</summary>
    public int MaximumStackBytes { get; init; } = 1 << 20;

    /// <summary>
    /// How much fuel a request may use, about one unit per instruction executed; null for no limit. A request that used it up fails as <see cref="EngineFailureKind.Hung"/>, the same in every run. Counting
    /// makes code about a third slower, and it is not the code that ships.
    /// </summary>
    public ulong? Fuel { get; init; }

    /// <summary>
    /// Sweeps use the library's baseline compiler where it has one, as sweeps on V8 do: it translates a harness in a sixth of the time, and runs and timing check what the optimizing compiler makes. Otherwise they
    /// use the optimizing compiler.
    /// </summary>
    public bool BaselineSweeps { get; init; } = true;

    /// <summary>How many memories of a module may each have <see cref="MaximumMemoryPages"/>.</summary>
    public const int FullSizeMemories = 4;

    /// <summary>The most pages of a memory in a session: all that a 32-bit memory can have.</summary>
    public const int SessionMemoryPages = 65536;

    /// <summary>The most elements of a table: V8's limit.</summary>
    public const int MaximumTableElements = 10_000_000;
}

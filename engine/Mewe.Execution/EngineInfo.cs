namespace Mewe.Execution;

/// <summary>Which engine runs the modules, and which features it was found to support.</summary>
/// <param name="Name">The engine: <c>v8</c> or <c>wasmtime</c>.</param>
/// <param name="Version">The engine's own version, such as <c>14.6.202.34-node.12</c>, or <c>50</c> of Wasmtime.</param>
/// <param name="HostVersion">The program that hosts it: for V8 the version of node, such as <c>26.10.0</c>; for an engine in this process that of .NET.</param>
/// <param name="Features">What it accepts beyond WebAssembly 1.0, found by validating a small module for each.</param>
public sealed record EngineInfo(string Name, string Version, string HostVersion, IReadOnlySet<WasmFeature> Features);

/// <summary>Features beyond WebAssembly 1.0 that an engine may lack. The order is part of the worker protocol.</summary>
public enum WasmFeature
{
    Simd,
    RelaxedSimd,
    Threads,
    TailCall,

    /// <summary>Exception handling with <c>try_table</c> and <c>exnref</c>, as in WebAssembly 3.0.</summary>
    Exceptions,

    /// <summary>The older <c>try</c>/<c>catch</c>/<c>delegate</c>/<c>rethrow</c>.</summary>
    LegacyExceptions,
    Memory64,
    MultiMemory,
    Gc,
    FunctionReferences,
}

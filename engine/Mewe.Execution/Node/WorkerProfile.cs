using System.Collections.Immutable;

namespace Mewe.Execution.Node;

/// <summary>With which flags a worker is started.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Flags">V8 and node flags.</param>
internal sealed record WorkerProfile(string Name, ImmutableArray<string> Flags)
{
    /// <summary>A flag that V8 12 does not know, and node ends where it does not know one.</summary>
    public const string NoInlining = "--no-wasm-inlining";

    private static readonly ImmutableArray<string> Always = ["--no-warnings", "--max-old-space-size=512"];

    private static readonly ImmutableArray<string> AnyX64 = ["--no-enable-avx", "--no-enable-bmi1", "--no-enable-bmi2", "--no-enable-lzcnt"];

    private static readonly ImmutableArray<string> OptimizedOnly = ["--no-liftoff", "--no-wasm-lazy-compilation"];

    /// <summary>Whether listings of machine code come between the replies; see <see cref="CodeListing"/>.</summary>
    public bool PrintsCode { get; init; }

    /// <summary>
    /// Many short modules, each run for about a millisecond. Only the baseline compiler: which NaN an instruction makes depends on the compiler, and a function that
    /// changed compilers in the middle of a sweep would differ from itself. It costs next to nothing: compiling lazily dominates. Eager compilation and lazy validation
    /// measured no better (V8 14.6), and without V8's helper threads the processes of a pool do not fight for the cores. Without inlining functions need not count their calls, which costs a sixth.
    /// </summary>
    public static WorkerProfile Sweep(NodeEngineOptions options) =>
        new("sweep", [.. Always, "--liftoff-only", .. WithoutInlining(options), "--single-threaded", $"--wasm-max-mem-pages={options.MaximumMemoryPages}", .. options.ExtraFlags]);

    /// <summary>Whole programs, tiered up as V8 does for everybody.</summary>
    public static WorkerProfile Run(NodeEngineOptions options) =>
        new("run", [.. Always, $"--wasm-max-mem-pages={options.MaximumMemoryPages}", .. options.ExtraFlags]);

    /// <summary>Whole programs, every function compiled by the optimizing compiler before it is called the first time.</summary>
    public static WorkerProfile Optimized(NodeEngineOptions options) =>
        new("optimized", [.. Always, .. OptimizedOnly, $"--wasm-max-mem-pages={options.MaximumMemoryPages}", .. options.ExtraFlags]);

    /// <summary>Whole programs that are optimized soon: after a hundredth of V8's own budget, which is 13,000,000 bytes of code executed per function.</summary>
    public static WorkerProfile Settled(NodeEngineOptions options) =>
        new("settled", [.. Always, "--wasm-tiering-budget=130000", $"--wasm-max-mem-pages={options.MaximumMemoryPages}", .. options.ExtraFlags]);

    /// <summary>
    /// Modules that are compiled and never run, their code printed on standard output between the replies. In one thread: functions are compiled in the same order in every run, and the
    /// processes of a pool do not fight for the cores. Without inlining, so that a function's code does not depend on what it calls, and
    /// without the instructions that not every x64 processor has, so that which functions have the same code does not depend on the machine.
    /// </summary>
    public static WorkerProfile Code(NodeEngineOptions options) =>
        new("code", [.. Always, .. OptimizedOnly, .. WithoutInlining(options), .. AnyX64, "--single-threaded", "--print-wasm-code", .. options.ExtraFlags]) { PrintsCode = true };

    private static ImmutableArray<string> WithoutInlining(NodeEngineOptions options) => options.Inlines ? [NoInlining] : [];

    /// <summary>V8 as it comes.</summary>
    public static WorkerProfile Session(NodeEngineOptions options) => new("session", [.. Always, .. options.ExtraFlags]);
}

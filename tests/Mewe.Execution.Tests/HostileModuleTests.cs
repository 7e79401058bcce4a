using System.Collections.Concurrent;
using System.Globalization;
using Mewe.Execution.Wasmtime;
using static Mewe.Execution.Tests.HarnessModules;
using static Mewe.Execution.Tests.ModuleAssembler;

namespace Mewe.Execution.Tests;

/// <summary>
/// What an engine in our own process must stand: thousands of modules that mean harm or were damaged. <c>MEWE_HOSTILE_MODULES</c> sets how many (10,000 take a few minutes).
/// </summary>
[Collection(Alone)]
public sealed class HostileModuleTests(ITestOutputHelper output) : IAsyncLifetime
{
    /// <summary>Name of the collection that runs when nothing else does: it measures the process.</summary>
    public const string Alone = "alone";

    private const int DefaultModules = 200;
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(2);

    private const long AllowedGrowth = 48 << 20;

    private static readonly int Modules = int.TryParse(Environment.GetEnvironmentVariable("MEWE_HOSTILE_MODULES"), NumberStyles.None, CultureInfo.InvariantCulture, out var asked) ? asked : DefaultModules;

    private WasmtimeEngine engine = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Fuel makes endless loops end soon, and always at the same place.
    public ValueTask InitializeAsync()
    {
        var started = WasmtimeEngine.Start(new WasmtimeEngineOptions { Workers = 2, Fuel = 500_000, MaximumMemoryPages = 512, AbortAfter = TimeSpan.FromSeconds(20) });
        EngineUnderTest.Require(started.TryGet(out var found, out var failure) ? new EngineResult<IWasmEngine>(found) : failure);
        engine = started.Value;
        return default;
    }

    public ValueTask DisposeAsync() => engine?.DisposeAsync() ?? default;

    public static TheoryData<string> Names => [.. HostileModules.All.Select(hostile => hostile.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_hostile_module_is_ended_and_the_next_one_is_answered(string name)
    {
        var module = HostileModules.All.Single(hostile => hostile.Name == name).Module;
        var run = await engine.RunAsync(new ModuleRun(module, new CommandWorkload()) { AbortAfter = TimeSpan.FromSeconds(2) }, Cancellation);
        var next = await engine.SweepAsync(new SweepRequest(Of(Multiply(1), Multiply(1)), 2, 0, 3), Cancellation);

        output.WriteLine($"{name}: {Describe(run)}");
        Assert.True(run.Answered || run.Failure!.Kind is EngineFailureKind.Hung or EngineFailureKind.OutOfMemory, Describe(run));
        Assert.Equal(SubjectStatus.Agrees, next.Value.Subjects[1].Status);
    }

    [Fact]
    public async Task Thousands_of_hostile_and_damaged_modules_leave_nothing_behind()
    {
        var counts = new ConcurrentDictionary<string, int>();
        await Run(0, Modules / 3, counts);
        var before = Resident();
        await Run(Modules / 3, Modules, counts);
        var after = Resident();

        output.WriteLine($"{Modules} modules; resident {before >> 20} MiB after a third of them, {after >> 20} MiB at the end");
        foreach (var (what, count) in counts.OrderByDescending(pair => pair.Value))
        {
            output.WriteLine($"  {what}: {count}");
        }

        Assert.InRange(after - before, long.MinValue, AllowedGrowth);
        var next = await engine.SweepAsync(new SweepRequest(Of(Multiply(1), Multiply(1)), 2, 0, 3), Cancellation);
        Assert.Equal(SubjectStatus.Agrees, next.Value.Subjects[1].Status);
    }

    private Task Run(int from, int to, ConcurrentDictionary<string, int> counts) => Parallel.ForAsync(
        from,
        to,
        new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = Cancellation },
        async (number, cancellation) =>
        {
            var clock = System.Diagnostics.Stopwatch.StartNew();
            var became = await OneAsync(number, cancellation);
            counts.AddOrUpdate(became, 1, (_, count) => count + 1);
            if (clock.Elapsed > Slow)
            {
                output.WriteLine($"module {number} took {clock.Elapsed.TotalSeconds:0.0} s: {became}");
            }
        });

    // What became of module number so-and-so.
    private async Task<string> OneAsync(int number, CancellationToken cancellation)
    {
        var random = new Random(number);
        var hostile = HostileModules.All[number % HostileModules.All.Count].Module;
        var module = (number % 4) switch
        {
            0 => Damage(hostile, random),
            1 => Damage(Data("bin2base64.command.wasm"), random),
            2 => Damage(Data("random_u32.command.wasm"), random),
            _ => Damage(Of(Multiply(number), [0x03, 0x40, 0x0c, 0, 0x0b], [.. Multiply(2), 0x00], WhenInputIs(1, Multiply(1), [0x00])), random),
        };
        if (number % 4 == 3)
        {
            var swept = await engine.SweepAsync(new SweepRequest(module, 4, 0, 16), cancellation);
            Assert.True(swept.Answered || swept.Failure!.Kind is EngineFailureKind.Hung or EngineFailureKind.OutOfMemory, swept.Failure?.ToString());
            return swept.Failure?.Kind.ToString() ?? (swept.Value.Rejection is null ? "swept" : "sweep rejected");
        }

        var run = await engine.RunAsync(new ModuleRun(module, new CommandWorkload()) { UnknownImports = UnknownImports.Zero }, cancellation);
        Assert.True(run.Answered || run.Failure!.Kind is EngineFailureKind.Hung or EngineFailureKind.OutOfMemory, run.Failure?.ToString());
        return Describe(run);
    }

    private static string Describe(EngineResult<RunResult> run) =>
        run.Failure is { } failure ? failure.Kind.ToString()
        : run.Value.Rejection is not null ? "rejected"
        : run.Value[0].Trap is { } trap ? $"trapped: {trap.Kind}"
        : "ran";

    // Up to four bytes of the second half, where bodies are, become others.
    private static byte[] Damage(byte[] module, Random random)
    {
        var damaged = module.ToArray();
        for (var i = random.Next(5); i > 0; i--)
        {
            damaged[random.Next(damaged.Length / 2, damaged.Length)] = (byte)random.Next(256);
        }

        return damaged;
    }

    private static byte[] Data(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", name));

    private static long Resident()
    {
        for (var i = 0; i < 2; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true); // gives back what was only free
            GC.WaitForPendingFinalizers();
        }

        return Environment.WorkingSet;
    }
}

[CollectionDefinition(HostileModuleTests.Alone, DisableParallelization = true)]
public sealed class AloneCollection;

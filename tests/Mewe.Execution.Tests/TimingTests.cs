using System.Collections.Immutable;
using System.Text;
using static Mewe.Execution.Tests.ModuleAssembler;

namespace Mewe.Execution.Tests;

public abstract class TimingTests(EngineUnderTest fixture)
{
    private static readonly ImmutableArray<TimingTier> Tiers = [.. Enum.GetValues<TimingTier>()];

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<TimingTier> AllTiers => [.. Tiers];

    [Theory]
    [MemberData(nameof(AllTiers))]
    public async Task Modules_take_turns(TimingTier tier)
    {
        var module = Data("bin2base64.reactor.wasm");
        var request = new TimingRequest([module, module, module], new ReactorWorkload([Bytes("hello"), Bytes("")]), 5) { Tier = tier };
        var result = await Time(request);

        Assert.Equal(3, result.Nanoseconds.Length);
        Assert.All(result.Nanoseconds, rounds => Assert.Equal(5, rounds.Length));
        Assert.All(result.Nanoseconds.SelectMany(rounds => rounds), nanoseconds => Assert.InRange(nanoseconds, 1, 1e9));
    }

    [Theory]
    [InlineData(7, 3)]
    [InlineData(2, 5)]
    [InlineData(4, 1)]
    public async Task Rounds_are_divided_among_processes(int rounds, int processes)
    {
        var module = Data("bin2base64.reactor.wasm");
        var request = new TimingRequest([module, module], new ReactorWorkload([Bytes("hello")]), rounds) { Tier = TimingTier.Settled, Processes = processes };
        var result = await Time(request);

        Assert.All(result.Nanoseconds, taken => Assert.Equal(rounds, taken.Length));
        Assert.Equal(rounds, request.Parts().Sum(part => part.Rounds));
        Assert.Equal(Math.Min(rounds, processes), request.Parts().Count());
    }

    [Theory]
    [MemberData(nameof(AllTiers))]
    public async Task A_module_that_works_twice_as_much_takes_twice_as_long(TimingTier tier)
    {
        var request = new TimingRequest([Spinning(2000), Spinning(4000)], new ExportCallsWorkload([new ExportCall("spin", [WasmValue.I64(1)])]), 41) { Tier = tier };
        var result = await Time(request);

        Assert.InRange(result.RatiosOf(1).Median, 1.8, 2.2);
        Assert.Equal(1, result.RatiosOf(0).Median);
    }

    [Fact]
    public async Task A_module_is_as_fast_as_itself()
    {
        var module = Spinning(3000);
        var result = await Time(new TimingRequest([module, module], new ExportCallsWorkload([new ExportCall("spin", [WasmValue.I64(1)])]), 61));
        var (low, high) = result.RatiosOf(1).MedianInterval(0.999);

        Assert.InRange(result.RatiosOf(1).Median, 0.95, 1.05);
        Assert.InRange(1, low - 0.02, high + 0.02);
    }

    [Fact]
    public async Task Subjects_of_one_module_differ_in_their_globals()
    {
        TimingSubject With(params GlobalSetting[] settings) => new(0, [.. settings]);
        var module = SpinningByGlobals();
        var request = new TimingRequest(
            [module],
            [With(), With(new GlobalSetting("turns", WasmValue.I64(3000))), With(new GlobalSetting("doubled", WasmValue.I32(1)))],
            new ExportCallsWorkload([new ExportCall("spin", [])]),
            41);
        var result = await Time(request);

        Assert.InRange(result.RatiosOf(1).Median, 2.6, 3.4);
        Assert.InRange(result.RatiosOf(2).Median, 1.7, 2.3); // "turns" is 1000 again, though subject 1 set it
    }

    [Fact]
    public async Task Globals_of_a_command_are_set_in_every_fresh_instance()
    {
        var request = new TimingRequest(
            [SpinningByGlobals()], [new TimingSubject(0, []), new TimingSubject(0, [new GlobalSetting("turns", WasmValue.I64(200_000))])], new CommandWorkload(), 11)
        {
            Tier = TimingTier.Optimized,
        };
        var result = await Time(request);

        Assert.InRange(result.RatiosOf(1).Median, 5, 250);
    }

    [Fact]
    public async Task Instantiating_a_command_is_timed_only_when_asked()
    {
        var request = new TimingRequest([SlowToInstantiate()], new CommandWorkload(), 9) { Tier = TimingTier.Optimized, MinimumRoundNanoseconds = 1 };
        var without = await Time(request);
        var with = await Time(request with { TimeInstantiation = true });

        Assert.InRange(without.Nanoseconds[0].Min(), 1, LeastInstantiation / 2);
        Assert.InRange(with.Nanoseconds[0].Min(), LeastInstantiation, 1e10);
    }

    [Fact]
    public async Task A_command_that_is_short_is_not_repeated_for_as_long_as_its_instances_take()
    {
        var request = new TimingRequest([SlowToInstantiate()], new CommandWorkload(), 3) { Tier = TimingTier.Optimized, MinimumRoundNanoseconds = (long)LeastInstantiation / 4 };

        Assert.Equal(1, (await Time(request)).Repeats);
    }

    [Fact]
    public async Task A_turn_of_subject_0_lasts_as_long_as_asked()
    {
        var request = new TimingRequest([Spinning(100), Spinning(1000)], new ExportCallsWorkload([new ExportCall("spin", [WasmValue.I64(1)])]), 9)
        {
            Tier = TimingTier.Optimized,
            MinimumRoundNanoseconds = 1_000_000,
        };
        var result = await Time(request);

        Assert.InRange(result.Nanoseconds[0].Max() * result.Repeats, 700_000, 1e9);
        Assert.InRange(result.Repeats, 100, 1 << 24);
    }

    [Fact]
    public async Task A_subject_that_answers_something_else_is_rejected()
    {
        var module = Data("bin2base64.reactor.wasm");
        var other = Data("bin2base64.reactor.wasm");
        other[other.AsSpan().IndexOf("Diversity"u8)]++; // in the text that an empty request gets encoded
        var same = await Time(new TimingRequest([module, module], new ReactorWorkload([Bytes("")]), 1));
        var different = await Time(new TimingRequest([module, other], new ReactorWorkload([Bytes("")]), 1));

        Assert.Null(same.Rejection);
        Assert.Contains("subject 1", different.Rejection);
    }

    [Fact]
    public async Task Calls_that_trap_are_left_out()
    {
        var module = new ModuleAssembler().Exported("trap", [], [], [0x00]).Exported("sum", [I32, F64], [F64], [0x20, 0, 0xb7, 0x20, 1, 0xa0]).ToArray();
        var workload = new ExportCallsWorkload([new ExportCall("trap", []), new ExportCall("sum", [WasmValue.I32(1), WasmValue.F64(2)])]);
        var result = await Time(new TimingRequest([module, module], workload, 3));

        Assert.Null(result.Rejection);
        Assert.InRange(result.Nanoseconds[0].Min(), 0.1, 100);
    }

    [Fact]
    public async Task What_cannot_be_timed_is_rejected_with_a_reason()
    {
        var module = SpinningByGlobals();
        Task<TimingResult> With(Workload workload, params GlobalSetting[] settings) =>
            Time(new TimingRequest([module], [new TimingSubject(0, [.. settings])], workload, 1));

        Assert.Contains("\"absent\"", (await With(new CommandWorkload(), new GlobalSetting("absent", WasmValue.I32(1)))).Rejection);
        Assert.Contains("\"turns\"", (await With(new CommandWorkload(), new GlobalSetting("turns", WasmValue.I32(1)))).Rejection);
        Assert.Contains("\"fixed\"", (await With(new CommandWorkload(), new GlobalSetting("fixed", WasmValue.I32(1)))).Rejection);
        Assert.Contains("alloc", (await With(new ReactorWorkload([Bytes("")]))).Rejection);
        Assert.Contains("trapped", (await Time(new TimingRequest([new ModuleAssembler().Exported("_start", [], [], [0x00]).ToArray()], new CommandWorkload(), 1))).Rejection);
    }

    [Fact]
    public async Task Two_requests_are_never_timed_at_once()
    {
        // Both hang for as long as they may, the first for longer: side by side, the second would be over first. Only their order is looked at: a timer's clock is coarser than a stopwatch's, and 300 ms of the one may be 297 of the other.
        byte[] endless = [0x03, 0x40, 0x0c, 0, 0x0b];
        var once = new TimingRequest([new ModuleAssembler().Exported("_start", [], [], []).ToArray()], new CommandWorkload(), 1);
        var hanging = new TimingRequest([new ModuleAssembler().Exported("_start", [], [], endless).ToArray()], new CommandWorkload(), 1);
        await Time(once); // what starts with the first request of a tier has started
        await Time(once with { Tier = TimingTier.Optimized });
        var over = new System.Collections.Concurrent.ConcurrentQueue<string>();
        async Task Hang(string name, TimingRequest request)
        {
            var result = await fixture.Engine.TimeAsync(request, Cancellation);
            over.Enqueue(name);
            Assert.Equal(EngineFailureKind.Hung, result.Failure?.Kind);
        }

        await Task.WhenAll(
            Hang("first", hanging with { AbortAfter = TimeSpan.FromMilliseconds(600) }),
            Hang("second", hanging with { AbortAfter = TimeSpan.FromMilliseconds(200), Tier = TimingTier.Optimized }));

        Assert.Equal(["first", "second"], over);
    }

    [Fact]
    public void The_interval_of_the_median_follows_from_the_binomial_distribution()
    {
        var ten = new PairedRatios([.. Enumerable.Range(1, 10).Select(i => (double)i)]);
        var five = new PairedRatios([3, 1, 2, 5, 4]);
        var many = new PairedRatios([.. Enumerable.Range(1, 4001).Select(i => i / 1000.0)]);

        Assert.Equal(5.5, ten.Median);
        Assert.Equal((2, 9), ten.MedianInterval(0.95)); // 1 - 2 * 11/1024 = 0.979; (3, 8) would hold only 0.891
        Assert.Equal((3, 8), ten.MedianInterval(0.89));
        Assert.Equal((1, 5), five.MedianInterval(0.95));
        Assert.Equal(3, five.Median);
        Assert.InRange(many.MedianInterval(0.95).Low, 1.935, 1.942); // n/2 - 1.96 * sqrt(n)/2
        Assert.InRange(many.MedianInterval(0.95).High, 2.060, 2.067);
    }

    // What the start function of SlowToInstantiate takes at least, in nanoseconds: it multiplies a million times, each time what the time before gave.
    private const double LeastInstantiation = 500_000;

    // A command that does nothing, of instances that take their time.
    private static byte[] SlowToInstantiate()
    {
        var module = new ModuleAssembler();
        module.Global(I64, true, I64Const(0));
        var start = module.Function([], [], [.. I32Const(1_000_000), 0x21, 1, .. Loop([0x20, 0, .. I64Const(6364136223846793005), 0x7e, .. I64Const(1442695040888963407), 0x7c, 0x21, 0]), 0x20, 0, 0x24, 0], I64, I32);
        return module.Start(start).Memory(1, "memory").Exported("_start", [], [], []).ToArray();
    }

    /// <summary>spin (i64) -> i64 multiplies and adds the given number of times.</summary>
    private static byte[] Spinning(int turns)
    {
        byte[] body = [.. I32Const(turns), 0x21, 1, .. Loop([0x20, 0, .. I64Const(6364136223846793005), 0x7e, .. I64Const(1442695040888963407), 0x7c, 0x21, 0]), 0x20, 0];
        var module = new ModuleAssembler().Exported("spin", [I64], [I64], [.. body, 0x50, 0xad], I32);
        return module.ToArray();
    }

    // Local 1 counts down to 0.
    private static byte[] Loop(byte[] body) => [0x03, 0x40, .. body, 0x20, 1, .. I32Const(1), 0x6b, 0x22, 1, 0x0d, 0, 0x0b];

    /// <summary>Spins "turns" times (i64, 1000), or twice that when "doubled" (i32) is 1; "fixed" is immutable.</summary>
    private static byte[] SpinningByGlobals()
    {
        var module = new ModuleAssembler();
        module.Global(I64, true, I64Const(1000));
        module.Global(I32, true, I32Const(0));
        module.Global(I32, false, I32Const(0));
        byte[] start = [0x23, 0, 0xa7, 0x23, 1, 0x74, 0x21, 1, .. I64Const(1), 0x21, 0];
        byte[] body = [.. start, .. Loop([0x20, 0, .. I64Const(6364136223846793005), 0x7e, .. I64Const(1442695040888963407), 0x7c, 0x21, 0])];
        var spin = module.Function([], [], body, I64, I32);
        return module.Memory(1, "memory").ExportFunction("spin", spin).ExportFunction("_start", spin)
            .Export("turns", 3, 0).Export("doubled", 3, 1).Export("fixed", 3, 2).ToArray();
    }

    private static byte[] Data(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", name));

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private async Task<TimingResult> Time(TimingRequest request) => (await fixture.Engine.TimeAsync(request, Cancellation)).Value;
}

public sealed class TimingTestsOnV8(V8 engine) : TimingTests(engine);

public sealed class TimingTestsOnWasmtime(InProcess engine) : TimingTests(engine);

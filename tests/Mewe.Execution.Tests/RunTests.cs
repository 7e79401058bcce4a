using System.Collections.Immutable;
using System.Text;
using static Mewe.Execution.Tests.ModuleAssembler;

namespace Mewe.Execution.Tests;

public abstract class RunTests(EngineUnderTest fixture)
{
    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("", "RGl2ZXJzaXR5IGF0IHRoZSBlZGdlLCB0d2VudHktc2V2ZW4gYnl0ZXM_\n")]
    [InlineData("hello world", "aGVsbG8gd29ybGQ=\n")]
    public async Task A_real_command_answers_on_standard_output(string stdin, string expected)
    {
        var outcome = (await Run(Data("bin2base64.command.wasm"), new CommandWorkload { Stdin = Encoding.UTF8.GetBytes(stdin) }))[0];

        Assert.Equal((0, expected, ""), (outcome.ExitCode, Text(outcome.Stdout), Text(outcome.Stderr)));
        Assert.Null(outcome.Trap);
    }

    [Fact]
    public async Task A_real_reactor_answers_every_request_in_one_instance()
    {
        var workload = new ReactorWorkload([Bytes(""), Bytes("hello world"), Bytes("a")]);
        var outcome = (await Run(Data("bin2base64.reactor.wasm"), workload))[0];

        Assert.Equal(
            ["RGl2ZXJzaXR5IGF0IHRoZSBlZGdlLCB0d2VudHktc2V2ZW4gYnl0ZXM_", "aGVsbG8gd29ybGQ=", "YQ=="],
            outcome.Answers.Select(answer => Text(Assert.IsType<RunAnswer.Bytes>(answer).Data)));
        Assert.Equal(0, outcome.ExitCode);
    }

    [Fact]
    public async Task Randomness_is_a_function_of_the_seed()
    {
        var run = new ModuleRun(Data("random_u32.command.wasm"), new CommandWorkload()) { Seeds = [1, 2, 1, 3, 2] };
        var first = (await fixture.Engine.RunAsync(run, Cancellation)).Value;
        var second = (await fixture.Engine.RunAsync(run, Cancellation)).Value;

        Assert.Equal([0, 1, 0, 2, 1], first.OutcomeOfSeed);
        Assert.Equal(first.Distinct.Select(outcome => Text(outcome.Stdout)), second.Distinct.Select(outcome => Text(outcome.Stdout)));
        Assert.All(first.Distinct, outcome => Assert.NotEmpty(Text(outcome.Stdout)));
    }

    [Fact]
    public async Task An_extra_random_request_of_another_length_does_not_shift_the_others()
    {
        byte[] Random(int address, int length) => [.. I32Const(address), .. I32Const(length), 0x10, 0, 0x1a];
        ModuleAssembler Asking(params byte[][] requests)
        {
            var module = new ModuleAssembler();
            module.ImportFunction("wasi_snapshot_preview1", "random_get", [I32, I32], [I32]);
            return module.Memory(1, "memory").Exported("_start", [], [], [.. requests.SelectMany(request => request)]);
        }

        var ranges = ImmutableArray.Create(new MemoryRange("memory", 0, 40), new MemoryRange("memory", 100, 8), new MemoryRange("memory", 200, 8));
        var plain = new ModuleRun(Asking(Random(0, 40), Random(100, 8)).ToArray(), new CommandWorkload()) { ReadBack = ranges };
        var extra = plain with { Module = Asking(Random(200, 8), Random(300, 4), Random(0, 40), Random(100, 8)).ToArray() };
        var without = (await fixture.Engine.RunAsync(plain, Cancellation)).Value[0].ReadBack;
        var with = (await fixture.Engine.RunAsync(extra, Cancellation)).Value[0].ReadBack;

        Assert.Equal(without[0].ToArray(), with[0].ToArray()); // the only request of 40 bytes
        Assert.Equal(without[1].ToArray(), with[2].ToArray()); // the first request of 8 bytes
        Assert.NotEqual(without[1].ToArray(), with[1].ToArray()); // the second
        Assert.Equal(40, without[0].ToArray().Length);
        Assert.NotEqual(new byte[8], without[0].ToArray()[32..]);
    }

    [Fact]
    public async Task A_module_that_wants_a_seed_gets_it_before_anything_else()
    {
        var module = new ModuleAssembler();
        module.Global(I64, true, I64Const(0));
        module.Memory(1, "memory");
        module.Exported("mewe_seed", [I64], [], [0x20, 0, 0x24, 0]);
        module.Exported("_initialize", [], [], [.. I32Const(0), 0x23, 0, 0x37, 3, 0]);
        var calls = new ExportCallsWorkload([new ExportCall("get", [])]);
        module.Exported("get", [], [I64], [.. I32Const(0), 0x29, 3, 0]);
        var run = new ModuleRun(module.ToArray(), calls) { Seeds = [.. Enumerable.Range(0, 200).Select(seed => (ulong)seed)] };
        var result = (await fixture.Engine.RunAsync(run, Cancellation)).Value;

        Assert.Equal(200, result.Distinct.Length);
        Assert.All(result.Distinct, outcome => Assert.NotEqual(0, Assert.IsType<RunAnswer.Values>(outcome.Answers[0]).Results[0].AsI64));
    }

    [Fact]
    public async Task The_host_chooses_below_the_count_and_otherwise_for_every_seed()
    {
        var module = new ModuleAssembler();
        module.ImportFunction("mewe", "choose", [I32], [I32]);
        module.Exported("f", [I32], [I32], [0x20, 0, 0x10, 0]);
        var calls = Enumerable.Range(0, 400).Select(_ => new ExportCall("f", [WasmValue.I32(5)])).Append(new ExportCall("f", [WasmValue.I32(1)]));
        var run = new ModuleRun(module.ToArray(), new ExportCallsWorkload([.. calls])) { Seeds = [1, 2, 1] };
        var result = (await fixture.Engine.RunAsync(run, Cancellation)).Value;
        var choices = result[0].Answers[..400].Select(answer => Values(answer)[0].AsI32).ToList();

        Assert.Equal([0, 1, 0], result.OutcomeOfSeed);
        Assert.All(Enumerable.Range(0, 5), choice => Assert.InRange(choices.Count(c => c == choice), 50, 110));
        Assert.Equal(400, choices.Count(choice => choice is >= 0 and < 5));
        Assert.Equal(WasmValue.I32(0), Values(result[0].Answers[400])[0]);
    }

    [Fact]
    public async Task Export_calls_answer_with_values_or_traps_and_share_one_instance()
    {
        var module = new ModuleAssembler();
        module.Global(I32, true, I32Const(0));
        module.Exported("count", [], [I32], [0x23, 0, .. I32Const(1), 0x6a, 0x24, 0, 0x23, 0]);
        module.Exported("divide", [F64, I64, I64], [F64, I64], [0x20, 0, 0x20, 1, 0x20, 2, 0x7f]);
        var nan = WasmValue.F64Bits(0x7ff4000000000001);
        var outcome = (await Run(
            module.ToArray(),
            new ExportCallsWorkload(
            [
                new ExportCall("count", []), new ExportCall("divide", [nan, WasmValue.I64(-7), WasmValue.I64(2)]),
                new ExportCall("divide", [nan, WasmValue.I64(1), WasmValue.I64(0)]), new ExportCall("count", []),
            ])))[0];

        Assert.Equal(WasmValue.I32(1), Values(outcome.Answers[0])[0]);
        Assert.Equal([nan, WasmValue.I64(-3)], Values(outcome.Answers[1]));
        Assert.Equal(TrapKind.IntegerDivideByZero, Assert.IsType<RunAnswer.Trapped>(outcome.Answers[2]).Trap.Kind);
        Assert.Equal(WasmValue.I32(2), Values(outcome.Answers[3])[0]);
        Assert.Equal((0, null), (outcome.ExitCode, outcome.Trap));
    }

    [Fact]
    public async Task A_trap_ends_a_command_and_what_it_wrote_before_is_kept()
    {
        var module = Writing(1, "before");
        module.Exported("_start", [], [], [0x10, 1, 0x00]);
        var run = new ModuleRun(module.ToArray(), new CommandWorkload()) { ReadBack = [new MemoryRange("memory", 8, 6)] };
        var outcome = (await fixture.Engine.RunAsync(run, Cancellation)).Value[0];

        Assert.Equal((null, TrapKind.Unreachable, "before"), (outcome.ExitCode, outcome.Trap?.Kind, Text(outcome.Stdout)));
        Assert.Equal("before", Text(outcome.ReadBack[0]));
    }

    [Fact]
    public async Task A_trap_in_the_start_function_is_an_outcome()
    {
        var module = new ModuleAssembler();
        module.Start(module.Function([], [], [0x00]));
        module.ExportFunction("_start", 0);
        var outcome = (await Run(module.ToArray(), new CommandWorkload()))[0];

        Assert.Equal(TrapKind.Unreachable, outcome.Trap?.Kind);
    }

    [Fact]
    public async Task A_module_cannot_catch_its_own_exit()
    {
        var module = new ModuleAssembler();
        module.ImportFunction("wasi_snapshot_preview1", "proc_exit", [I32], []);
        module.Memory(1, "memory");
        // block; try_table (catch_all 0) proc_exit 7; end; end; unreachable
        module.Exported("_start", [], [], [0x02, 0x40, 0x1f, 0x40, 1, 2, 0, .. I32Const(7), 0x10, 0, 0x0b, 0x0b, 0x00]);
        var outcome = (await Run(module.ToArray(), new CommandWorkload()))[0];

        Assert.Equal((7, null), (outcome.ExitCode, outcome.Trap));
    }

    [Fact]
    public async Task Arguments_environment_and_clock_are_what_the_run_says()
    {
        var module = new ModuleAssembler();
        string[] names = ["args_get", "environ_get"];
        foreach (var name in names)
        {
            module.ImportFunction("wasi_snapshot_preview1", name, [I32, I32], [I32]);
        }

        module.ImportFunction("wasi_snapshot_preview1", "clock_time_get", [I32, I64, I32], [I32]);
        byte[] Clock(int at) => [.. I32Const(0), .. I64Const(0), .. I32Const(at), 0x10, 2, 0x1a];
        module.Memory(1, "memory").Exported("_start", [], [],
            [.. I32Const(0), .. I32Const(100), 0x10, 0, 0x1a, .. I32Const(0), .. I32Const(200), 0x10, 1, 0x1a, .. Clock(304), .. Clock(312)]);
        var run = new ModuleRun(module.ToArray(), new CommandWorkload { Args = ["-x", "é"], Env = ["A=1"] })
        {
            ReadBack = [new MemoryRange("memory", 100, 14), new MemoryRange("memory", 200, 4), new MemoryRange("memory", 304, 16)],
        };
        var read = (await fixture.Engine.RunAsync(run, Cancellation)).Value[0].ReadBack;

        Assert.Equal("program\0-x\0é\0", Text(read[0]));
        Assert.Equal("A=1\0", Text(read[1]));
        Assert.Equal(1_600_000_000_000_000_000, BitConverter.ToInt64(read[2].Span));
        Assert.Equal(1_600_000_000_001_000_000, BitConverter.ToInt64(read[2].Span[8..]));
    }

    [Fact]
    public async Task An_import_that_no_host_provides_is_named_or_made_up_as_asked()
    {
        var module = new ModuleAssembler();
        module.ImportFunction("env", "abort", [V128], [I64, ExternRef]);
        module.ImportMemory("env", "memory", 2);
        module.Exported("f", [], [I64, ExternRef, I32], [0xfd, 12, .. new byte[16], 0x10, 0, 0x3f, 0]);
        var run = new ModuleRun(module.ToArray(), new ExportCallsWorkload([new ExportCall("f", [])]));
        var rejected = (await fixture.Engine.RunAsync(run, Cancellation)).Value;
        var zero = (await fixture.Engine.RunAsync(run with { UnknownImports = UnknownImports.Zero }, Cancellation)).Value;

        Assert.Equal("module imports env.abort (function) which no host provides", rejected.Rejection);
        Assert.Equal([WasmValue.I64(0), WasmValue.Null, WasmValue.I32(2)], Values(zero[0].Answers[0]));
    }

    [Fact]
    public async Task A_module_that_cannot_run_the_workload_is_rejected_with_a_reason()
    {
        var empty = new ModuleAssembler().Memory(1, "memory").ToArray();

        Assert.Contains("_start", (await Run(empty, new CommandWorkload())).Rejection);
        Assert.Contains("alloc", (await Run(empty, new ReactorWorkload([Bytes("")]))).Rejection);
        Assert.Contains("\"f\"", (await Run(empty, new ExportCallsWorkload([new ExportCall("f", [])]))).Rejection);
        Assert.Contains("magic", (await Run([1, 2, 3, 4], new CommandWorkload())).Rejection);
    }

    [Fact]
    public async Task Endless_output_meets_a_full_disk_and_not_an_exhausted_process()
    {
        var module = Writing(60_000, "x");
        // loop: write; until it fails; then proc_exit would be next, so trap to show that the loop ended
        module.Exported("_start", [], [], [0x03, 0x40, 0x10, 2, 0x45, 0x0d, 0, 0x0b, 0x00]);
        var outcome = (await Run(module.ToArray(), new CommandWorkload()))[0];

        Assert.Equal(TrapKind.Unreachable, outcome.Trap?.Kind);
        Assert.InRange(outcome.Stdout.Length, 60_000_000, 64 << 20);
    }

    /// <summary>
    /// A module whose function 1 writes the text, repeated to the given number of bytes, to standard output, and whose function 2 does so and returns the error number.
    /// </summary>
    private static ModuleAssembler Writing(int times, string text)
    {
        var module = new ModuleAssembler();
        module.ImportFunction("wasi_snapshot_preview1", "fd_write", [I32, I32, I32, I32], [I32]);
        module.Memory(1, "memory");
        var length = times * text.Length;
        module.Data(0, [.. BitConverter.GetBytes(8), .. BitConverter.GetBytes(length), .. Encoding.UTF8.GetBytes(text)]);
        byte[] write = [.. I32Const(1), .. I32Const(0), .. I32Const(1), .. I32Const(65532), 0x10, 0];
        module.Function([], [], [.. write, 0x1a]);
        module.Function([], [I32], write);
        return module;
    }

    private static byte[] Data(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", name));

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    private static ImmutableArray<WasmValue> Values(RunAnswer answer) => Assert.IsType<RunAnswer.Values>(answer).Results;

    private async Task<RunResult> Run(byte[] module, Workload workload) => (await fixture.Engine.RunAsync(new ModuleRun(module, workload), Cancellation)).Value;
}

public sealed class RunTestsOnV8(V8 engine) : RunTests(engine);

public sealed class RunTestsOnWasmtime(InProcess engine) : RunTests(engine);

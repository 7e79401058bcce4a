using static Mewe.Execution.Tests.ModuleAssembler;

namespace Mewe.Execution.Tests;

/// <summary>What a module sees of its host, and what it shows, is the same on both engines bit for bit.</summary>
public sealed class EnginesAgreeTests(V8 v8, InProcess wasmtime)
{
    private const string Wasi = "wasi_snapshot_preview1";

    // Every function of the host that does something, with its parameters.
    private static readonly (string Name, byte[] Parameters)[] Calls =
    [
        ("args_sizes_get", [I32, I32]), ("args_get", [I32, I32]), ("environ_sizes_get", [I32, I32]), ("environ_get", [I32, I32]), ("clock_res_get", [I32, I32]),
        ("clock_time_get", [I32, I64, I32]), ("random_get", [I32, I32]), ("sched_yield", []), ("fd_close", [I32]), ("fd_seek", [I32, I64, I32, I32]), ("fd_tell", [I32, I32]),
        ("fd_prestat_get", [I32, I32]), ("fd_prestat_dir_name", [I32, I32, I32]), ("fd_fdstat_get", [I32, I32]), ("fd_filestat_get", [I32, I32]), ("fd_read", [I32, I32, I32, I32]),
        ("fd_write", [I32, I32, I32, I32]), ("poll_oneoff", [I32, I32, I32, I32]), ("path_open", [I32, I32, I32, I32, I32, I64, I64, I32, I32]),
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("bin2base64.command.wasm")]
    [InlineData("random_u32.command.wasm")]
    public Task A_real_command_shows_the_same_for_every_seed(string name) =>
        AssertSame(new ModuleRun(Data(name), new CommandWorkload { Stdin = "a few bytes"u8.ToArray(), Args = ["-x"] }) { Seeds = [.. Enumerable.Range(0, 20).Select(seed => (ulong)seed * 0x9e3779b97f4a7c15)] });

    [Fact]
    public Task A_real_reactor_answers_the_same() =>
        AssertSame(new ModuleRun(Data("bin2base64.reactor.wasm"), new ReactorWorkload([default, "hello"u8.ToArray(), new byte[1000]])));

    /// <summary>Each function with numbers of all kinds, among them addresses in and out of the memory, and the whole memory afterwards.</summary>
    [Fact]
    public Task Every_function_of_the_host_does_the_same()
    {
        var module = new ModuleAssembler();
        foreach (var (name, parameters) in Calls)
        {
            module.ImportFunction(Wasi, name, parameters, [I32]);
        }

        // Vectors of bytes: at 256 the ranges (1024, 10) and (2000, 5); subscriptions from 512 on.
        module.Memory(1, "memory").Data(256, [.. BitConverter.GetBytes(1024), .. BitConverter.GetBytes(10), .. BitConverter.GetBytes(2000), .. BitConverter.GetBytes(5)]);
        module.Data(512, [7, 0, 0, 0, 0, 0, 0, 0, 0, .. new byte[39], 9, 0, 0, 0, 0, 0, 0, 0, 1]);
        int[] numbers = [0, 1, 2, 3, 256, 512, 4096, 65530, -1];
        var random = new Random(5);
        var body = new List<byte>();
        for (var i = 0; i < 600; i++)
        {
            var which = i % Calls.Length;
            body.AddRange(I32Const(8192 + (4 * i)));
            foreach (var parameter in Calls[which].Parameters)
            {
                var number = numbers[random.Next(numbers.Length)];
                body.AddRange(parameter == I32 ? I32Const(number) : I64Const(number));
            }

            body.AddRange([0x10, .. U(which), 0x36, 2, 0]);
        }

        module.Exported("_start", [], [], [.. body]);
        return AssertSame(new ModuleRun(module.ToArray(), new CommandWorkload { Args = ["é", ""], Env = ["A=1", "B"], Stdin = "some input that is longer than all vectors"u8.ToArray() })
        {
            Seeds = [1, 2],
            ReadBack = [new MemoryRange("memory", 0, 65536)],
        });
    }

    [Fact]
    public Task The_host_makes_the_same_choices()
    {
        var module = new ModuleAssembler();
        module.ImportFunction("mewe", "choose", [I32], [I32]);
        module.Exported("f", [I32], [I32], [0x20, 0, 0x10, 0]);
        int[] counts = [1, 2, 3, 16, 1000, int.MaxValue, -1];
        return AssertSame(new ModuleRun(module.ToArray(), new ExportCallsWorkload([.. Enumerable.Range(0, 700).Select(i => new ExportCall("f", [WasmValue.I32(counts[i % counts.Length])]))]))
        {
            Seeds = [0, 1, ulong.MaxValue],
        });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public Task A_generator_gets_the_same_seed(int words)
    {
        var module = new ModuleAssembler().Memory(1, "memory");
        var parameters = Enumerable.Repeat(I64, words).ToArray();
        module.Exported("mewe_seed", parameters, [], [.. Enumerable.Range(0, words).SelectMany(word => (byte[])[.. I32Const(8 * word), 0x20, (byte)word, 0x37, 3, 0])]);
        return AssertSame(new ModuleRun(module.ToArray(), new ExportCallsWorkload([])) { Seeds = [0, 1, 2], ReadBack = [new MemoryRange("memory", 0, 64)] });
    }

    public static TheoryData<string, byte[]> TrappingBodies() => new()
    {
        { "too large for i32", [0x43, 0, 0, 0x80, 0x7f, 0xa8, 0x1a] },
        { "too large for u64", [0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f, 0xb1, 0x1a] },
        { "not a number", [0x43, 0, 0, 0xc0, 0x7f, 0xa9, 0x1a] },
        { "quotient that does not fit", [.. I64Const(long.MinValue), .. I64Const(-1), 0x7f, 0x1a] },
        { "unreachable", [0x00] },
        { "division by zero", [.. I32Const(1), .. I32Const(0), 0x6e, 0x1a] },
        { "load past the end", [.. I32Const(-1), 0x2d, 0, 0, 0x1a] },
    };

    [Theory]
    [MemberData(nameof(TrappingBodies))]
    public async Task A_run_ends_with_the_same_kind_of_trap(string what, byte[] body)
    {
        var run = new ModuleRun(new ModuleAssembler().Memory(1, "memory").Exported("_start", [], [], body).ToArray(), new CommandWorkload());
        var (here, there) = ((await v8.Engine.RunAsync(run, Cancellation)).Value[0].Trap, (await wasmtime.Engine.RunAsync(run, Cancellation)).Value[0].Trap);

        Assert.True(here?.Kind == there?.Kind, $"{what}: {here} on V8, {there} on Wasmtime");
    }

    private async Task AssertSame(ModuleRun run)
    {
        var here = (await v8.Engine.RunAsync(run, Cancellation)).Value;
        var there = (await wasmtime.Engine.RunAsync(run, Cancellation)).Value;

        Assert.Null(here.Rejection);
        Assert.Null(there.Rejection);
        Assert.Equal(here.OutcomeOfSeed, there.OutcomeOfSeed);
        Assert.Equal(here.Distinct.Select(Text), there.Distinct.Select(Text));
    }

    // Everything but the engine's own words.
    private static string Text(RunOutcome outcome) =>
        $"{outcome.ExitCode} {outcome.Trap?.Kind} {Hex(outcome.Stdout)} {Hex(outcome.Stderr)} [{string.Join(' ', outcome.ReadBack.Select(Hex))}] {string.Join(' ', outcome.Answers.Select(Text))}";

    private static string Text(RunAnswer answer) => answer switch
    {
        RunAnswer.Bytes bytes => Hex(bytes.Data),
        RunAnswer.Values values => string.Join(',', values.Results),
        RunAnswer.Trapped trapped => trapped.Trap.Kind.ToString(),
        _ => "refused",
    };

    private static string Hex(ReadOnlyMemory<byte> bytes) => Convert.ToHexString(bytes.Span);

    private static byte[] Data(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", name));
}

using Mewe.Execution.Node;
using static Mewe.Execution.Tests.ModuleAssembler;

namespace Mewe.Execution.Tests;

public abstract class MachineCodeTests(EngineUnderTest fixture)
{
    private static readonly byte[] X = [0x20, 0], Y = [0x20, 1];
    private protected static readonly byte[] Sum = [.. X, .. Y, 0x6a];

    /// <summary>(x ^ y) + 2 * (x &amp; y)</summary>
    private protected static readonly byte[] MixedSum = [.. X, .. Y, 0x73, .. X, .. Y, 0x71, .. I32Const(1), 0x74, 0x6a];

    private protected static readonly byte[] CommutedSum = [.. Y, .. X, 0x6a];

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>A sum that this compiler turns into the code of <see cref="Sum"/>.</summary>
    private protected abstract byte[] SumThatFolds { get; }

    /// <summary>A sum that keeps code of its own in this compiler.</summary>
    private protected abstract byte[] SumThatKeeps { get; }

    [Fact]
    public async Task What_the_compiler_sees_through_becomes_the_same_code()
    {
        var code = await Code(Sum, SumThatFolds);

        Assert.Equal(code[0].Digest, code[1].Digest);
        Assert.Equal(code[0].Size, code[1].Size);
    }

    [Fact]
    public async Task What_the_compiler_does_not_see_through_keeps_its_own_code()
    {
        var code = await Code(Sum, SumThatKeeps);

        Assert.NotEqual(code[0].Digest, code[1].Digest);
        Assert.InRange(code[1].Size, code[0].Size, 1000);
    }

    [Fact]
    public async Task A_constant_belongs_to_the_code()
    {
        byte[] With(int constant) => [.. X, .. I32Const(constant), 0x6c];
        byte[] With64(long constant) => [.. X, 0xac, .. I64Const(constant), 0x7e, 0xa7];
        var code = await Code(With(123_456_789), With(123_456_788), With64(0x7123456789abcdef), With64(0x7123456789abcdee));

        Assert.Equal(4, code.Select(function => function.Digest).Distinct().Count());
    }

    [Fact]
    public async Task The_same_body_has_the_same_code_wherever_it_lies()
    {
        // A loop with a call, a stack check, an indirect call, a jump table and a trap: everything that is encoded relative to something.
        byte[] body =
        [
            0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x02, 0x40, .. X, 0x0e, 6, 0, 1, 2, 3, 4, 5, 6, 0x0b, .. Set(7), 0x0b, .. Set(77), 0x0b, .. Set(9), 0x0b, .. Set(1), 0x0b,
            .. Set(5), 0x0b, .. Set(6), 0x0b,
            0x03, 0x40, .. X, .. Y, 0x10, 0, 0x22, 0, .. Y, .. X, 0x11, 0, 0, 0x22, 1, .. X, 0x6d, 0x0d, 0, 0x0b, .. X, 0x28, 2, 0,
        ];
        byte[] Set(int value) => [.. Y, .. I32Const(value), 0x6c, 0x21, 1];
        var few = await Code(module => module.Table(4).Element(0, 1).Memory(1), Sum, MixedSum, body, Sum, body, MixedSum, body);
        var more = new byte[300][];
        Array.Fill(more, MixedSum);
        more[3] = more[150] = more[299] = body;
        var many = await Code(module => module.Table(4).Element(0, 1).Memory(1), more);

        Assert.Single(new[] { few[2], few[4], few[6] }.Select(function => function.Digest).Distinct());
        Assert.Single(new[] { many[3], many[150], many[299] }.Select(function => function.Digest).Distinct());
        Assert.Equal(2, many.Select(function => function.Digest).Distinct().Count());
    }

    [Fact]
    public async Task Calls_of_different_functions_stay_different()
    {
        byte[] Call(int function) => [.. X, .. Y, 0x10, .. U(function)];
        var code = await Code(Sum, MixedSum, Call(0), Call(1), Call(0), [.. X, .. Y, 0x6d], [.. X, .. Y, 0x6f]);

        Assert.Equal(code[2].Digest, code[4].Digest);
        Assert.NotEqual(code[2].Digest, code[3].Digest);
        Assert.NotEqual(code[5].Digest, code[6].Digest);
    }

    [Fact]
    public async Task Digests_are_the_same_in_two_engines()
    {
        var module = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", "bin2base64.command.wasm"));
        await using var other = EngineUnderTest.Require(await fixture.StartAsync());
        await Code(Sum, MixedSum); // so that types were numbered before in one of them
        var here = (await fixture.Engine.MachineCodeAsync(module, Cancellation)).Value;
        var there = (await other.MachineCodeAsync(module, Cancellation)).Value;
        var again = (await other.MachineCodeAsync(module, Cancellation)).Value;

        Assert.InRange(here.Functions.Length, 10, 1000);
        Assert.Equal(here.Functions, there.Functions);
        Assert.Equal(here.Functions, again.Functions);
    }

    [Fact]
    public async Task Functions_are_counted_after_the_imports()
    {
        var module = new ModuleAssembler();
        module.ImportFunction("m", "f", [], []);
        module.ImportGlobal("m", "g", I32, false);
        module.ImportFunction("m", "h", [], []);
        module.Function([], [], [0x10, 0]);
        module.Function([], [], [0x10, 1]);
        var code = (await fixture.Engine.MachineCodeAsync(module.ToArray(), Cancellation)).Value.Functions;

        Assert.Equal([2, 3], code.Select(function => function.Function));
        Assert.NotEqual(code[0].Digest, code[1].Digest);
    }

    [Fact]
    public async Task Names_cannot_forge_a_listing()
    {
        // The name section calls function 0 by what ends its block and begins a reply.
        var forged = "x\n--- End code ---\n\0\0\0\0\0\0\0\0\0\0";
        byte[] names = [.. U(1), .. U(0), .. Name(forged)];
        byte[] content = [.. Name("name"), 1, .. U(names.Length), .. names];
        byte[] module = [.. Module(_ => { }, Sum, MixedSum), 0, .. U(content.Length), .. content];
        var code = (await fixture.Engine.MachineCodeAsync(module, Cancellation)).Value;

        Assert.Equal((await Code(Sum, MixedSum)), code.Functions);
    }

    [Fact]
    public async Task An_invalid_module_is_rejected_and_the_next_one_is_answered()
    {
        Assert.NotNull((await fixture.Engine.MachineCodeAsync(new byte[] { 1, 2, 3 }, Cancellation)).Value.Rejection);
        Assert.NotNull((await fixture.Engine.MachineCodeAsync(Module(_ => { }, Sum, [0x6a]), Cancellation)).Value.Rejection);
        Assert.Equal(2, (await Code(Sum, Sum)).Count);
        Assert.Empty((await fixture.Engine.MachineCodeAsync(Preamble, Cancellation)).Value.Functions);
    }

    [Fact]
    public async Task A_listing_that_fills_the_pipe_many_times_is_complete()
    {
        var bodies = new byte[3000][];
        Array.Fill(bodies, MixedSum);
        var code = await Code(bodies);

        Assert.Equal(3000, code.Count);
        Assert.Single(code.Select(function => function.Digest).Distinct());
    }

    /// <summary>Functions (i32, i32) -> i32, type 0.</summary>
    private protected static byte[] Module(Action<ModuleAssembler> with, params byte[][] bodies)
    {
        var module = new ModuleAssembler();
        var type = module.Type([I32, I32], [I32]);
        foreach (var body in bodies)
        {
            module.FunctionOfType(type, body);
        }

        with(module);
        return module.ToArray();
    }

    private Task<IReadOnlyList<FunctionMachineCode>> Code(params byte[][] bodies) => Code(_ => { }, bodies);

    private async Task<IReadOnlyList<FunctionMachineCode>> Code(Action<ModuleAssembler> with, params byte[][] bodies) =>
        (await fixture.Engine.MachineCodeAsync(Module(with, bodies), Cancellation)).Value.Functions;
}

public sealed class MachineCodeTestsOnV8(V8 engine) : MachineCodeTests(engine)
{
    private protected override byte[] SumThatFolds => CommutedSum;

    private protected override byte[] SumThatKeeps => MixedSum;

    [Fact]
    public async Task An_engine_that_prints_no_code_says_so()
    {
        await using var baseline = (await NodeEngine.StartAsync(new NodeEngineOptions { Workers = 1, ExtraFlags = ["--liftoff-only"] }, Cancellation)).Value;
        await using var silent = (await NodeEngine.StartAsync(new NodeEngineOptions { Workers = 1, ExtraFlags = ["--no-print-wasm-code"] }, Cancellation)).Value;

        Assert.Equal(EngineFailureKind.Unavailable, (await baseline.MachineCodeAsync(Module(_ => { }, Sum), Cancellation)).Failure?.Kind);
        var failure = (await silent.MachineCodeAsync(Module(_ => { }, Sum), Cancellation)).Failure;
        Assert.Equal(EngineFailureKind.Unavailable, failure?.Kind);
        Assert.Contains("function 0 is not in the listing", failure?.Message);
    }

    [Fact]
    public async Task A_node_without_a_disassembler_is_unavailable_for_this_and_works_for_all_else()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the wrapper is a shell script");
        Assert.True(NodeLocator.OfThisProcess.TryLocate(out var node, out _));
        var directory = Directory.CreateTempSubdirectory("mewe-");
        try
        {
            // What such a node does with the option.
            var wrapper = Path.Combine(directory.FullName, "node");
            await File.WriteAllTextAsync(
                wrapper,
                $"#!/bin/sh\ncase \" $* \" in *' --print-wasm-code '*) echo 'node: bad option: --print-wasm-code' >&2; exit 9;; esac\nexec '{node}' \"$@\"\n",
                Cancellation);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(wrapper, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            }

            await using var engine = (await NodeEngine.StartAsync(new NodeEngineOptions { NodePath = wrapper, Workers = 1 }, Cancellation)).Value;
            var failure = (await engine.MachineCodeAsync(Module(_ => { }, Sum), Cancellation)).Failure;

            Assert.Equal(EngineFailureKind.Unavailable, failure?.Kind);
            Assert.Contains("does not print machine code", failure?.Message);
            Assert.True((await engine.ValidateAsync(Module(_ => { }, Sum), Cancellation)).Value.Valid);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}

/// <summary>Cranelift knows (x ^ y) + 2 * (x &amp; y), and does not order operands: what one compiler keeps says nothing about the other.</summary>
public sealed class MachineCodeTestsOnWasmtime(InProcess engine) : MachineCodeTests(engine)
{
    private protected override byte[] SumThatFolds => MixedSum;

    private protected override byte[] SumThatKeeps => CommutedSum;
}

using System.Text;
using Mewe.Execution;

namespace Mewe.Grains.Tests;

/// <summary>The comparison that decides whether a module is handed over: each thing that can be seen is enough to refuse.</summary>
public sealed class RunDifferenceTests
{
    private static readonly RunOutcome Run = new()
    {
        ExitCode = 0, Trap = null, Stdout = Bytes("out"), Stderr = Bytes("err"), ReadBack = [],
        Answers = [new RunAnswer.Bytes(Bytes("a")), new RunAnswer.Refused(), new RunAnswer.Values([WasmValue.I32(1)]), new RunAnswer.Trapped(new WasmTrap(TrapKind.Unreachable, "unreachable"))],
    };

    [Fact]
    public void TheSameIsTheSame() => Assert.Null(RunDifference.Between(Run, Run with { Stdout = Bytes("out"), Answers = [.. Run.Answers] }));

    [Fact]
    public void TheWordingOfATrapDoesNotMatter()
    {
        var one = Run with { ExitCode = null, Trap = new WasmTrap(TrapKind.Unreachable, "unreachable") };
        Assert.Null(RunDifference.Between(one, one with { Trap = new WasmTrap(TrapKind.Unreachable, "said otherwise") }));
        Assert.Null(RunDifference.Between(Run, Run with { Answers = Run.Answers.SetItem(3, new RunAnswer.Trapped(new WasmTrap(TrapKind.Unreachable, "said otherwise"))) }));
    }

    public static TheoryData<string> Differences => [.. Cases.Keys];

    private static Dictionary<string, (RunOutcome Changed, string Says)> Cases => new()
    {
        ["a trap"] = (Run with { Trap = new WasmTrap(TrapKind.Unreachable, "boom") }, "the original did not trap, the multivariant module trapped (boom)"),
        ["the exit code"] = (Run with { ExitCode = 3 }, "exit code 0 became 3"),
        ["no exit code"] = (Run with { ExitCode = null }, "exit code 0 became"),
        ["output"] = (Run with { Stdout = Bytes("oxt") }, "standard output differs from byte 1"),
        ["longer output"] = (Run with { Stdout = Bytes("out!") }, "standard output differs from byte 3"),
        ["errors"] = (Run with { Stderr = Bytes("") }, "standard error differs from byte 0"),
        ["fewer answers"] = (Run with { Answers = Run.Answers[..3] }, "4 answers became 3"),
        ["bytes"] = (Run with { Answers = Run.Answers.SetItem(0, new RunAnswer.Bytes(Bytes("b"))) }, "answer 1 differs"),
        ["refused or empty"] = (Run with { Answers = Run.Answers.SetItem(1, new RunAnswer.Bytes(Bytes(""))) }, "answer 2 differs"),
        ["values"] = (Run with { Answers = Run.Answers.SetItem(2, new RunAnswer.Values([WasmValue.I32(2)])) }, "answer 3 differs"),
        ["the type of a value"] = (Run with { Answers = Run.Answers.SetItem(2, new RunAnswer.Values([WasmValue.I64(1)])) }, "answer 3 differs"),
        ["another trap of a call"] = (Run with { Answers = Run.Answers.SetItem(3, new RunAnswer.Trapped(new WasmTrap(TrapKind.Host, "unreachable"))) }, "answer 4 differs"),
    };

    [Theory]
    [MemberData(nameof(Differences))]
    public void EachDifferenceIsSaid(string what)
    {
        var (changed, says) = Cases[what];
        Assert.StartsWith(says, RunDifference.Between(Run, changed), StringComparison.Ordinal);
        Assert.NotNull(RunDifference.Between(changed, Run));
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}

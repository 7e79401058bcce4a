using System.Collections.Immutable;
using Mewe.Linking;
using Mewe.Linking.Profiling;
using Mewe.Wasm;

namespace Mewe.Grains.Tests;

/// <summary>Which calls are worth a copy of what they call.</summary>
public sealed class CallInliningTests
{
    private const uint Main = 0, Small = 1, Large = 2, Pair = 3, Inner = 4;

    /// <summary>The main function calls all others but the last from one place each; the small one calls that, twice.</summary>
    private static readonly WasmModule Module = Make();

    private static WasmModule Make()
    {
        var module = new WasmModule();
        uint Function(FunctionType type, params Instruction[] instructions) => module.AddFunction(module.IndexOfType(type), new FunctionBody(new FunctionCode([], [.. instructions, Instruction.Of(Opcode.End)])));
        var bare = FunctionType.Of([], []);
        Function(bare, Instruction.Call(Small), Instruction.Call(Large), Instruction.Call(Pair), Instruction.Of(Opcode.Drop), Instruction.Of(Opcode.Drop));
        Function(bare, Instruction.Call(Inner), Instruction.Call(Inner));
        Function(bare, [.. Enumerable.Repeat(Instruction.Of(Opcode.Nop), 600)]);
        Function(FunctionType.Of([], [Mewe.Wasm.ValueType.I32, Mewe.Wasm.ValueType.I32]), Instruction.I32Const(1), Instruction.I32Const(2));
        Function(bare, Instruction.Of(Opcode.Nop));
        return module;
    }

    private static ExecutionProfile Called(double main, double inner, double recursion = 0)
    {
        var calls = new Dictionary<(uint Caller, uint Callee), double> { [(Main, Small)] = main, [(Main, Large)] = main, [(Main, Pair)] = main, [(Small, Inner)] = inner, [(Small, Small)] = recursion };
        return new ExecutionProfile(Enumerable.Range(0, 5).ToImmutableSortedDictionary(function => (uint)function, _ => new FunctionFrequency(10, 100)), calls.Where(call => call.Value > 0).ToImmutableSortedDictionary());
    }

    private static CallInlining Choose(ExecutionProfile profile, int mainLength, int choices = 3) => CallInlining.Choose(Module,
        [.. Enumerable.Range(0, 5).Select(function => new FunctionLengths((uint)function, [.. Enumerable.Repeat(function == (int)Main ? mainLength : Module.Bodies[function].Decode().Instructions.Length, choices)]))], profile);

    [Fact]
    public void ShortFunctionsThatAreCalledOftenAreInlined()
    {
        var inlining = Choose(Called(100, 1000), 2000);

        Assert.Equal([Small], inlining.Into(Main)!.Value);
        Assert.Equal([Inner], inlining.Into(Small)!.Value);
        Assert.Null(inlining.Into(Inner));
    }

    [Fact]
    public void WhatIsSeldomCalledIsNot() => Assert.All(Enumerable.Range(0, 5), function => Assert.Null(Choose(Called(0.4, 0.1), 2000).Into((uint)function)));

    [Fact]
    public void AFunctionIsNotInlinedIntoItself() => Assert.Equal([Inner], Choose(Called(100, 1000, recursion: 50), 2000).Into(Small)!.Value);

    [Fact]
    public void WhereThereAreNoVariantsNothingIsInlined() => Assert.Null(Choose(Called(100, 1000), 2000, choices: 1).Into(Main));

    /// <summary>What stands in the small function is copied with it into the main one, and both copies count.</summary>
    [Fact]
    public void WhatIsRepeatedIsCountedWithWhatStandsInIt()
    {
        var inlining = Choose(Called(100, 1000), 2000);

        // Inner in a call's place: two instructions and two around them. Small: three, two around, and twice Inner.
        Assert.Equal(2 * (2 + 2), inlining.AddedTo(Small));
        Assert.Equal(3 + 2 + inlining.AddedTo(Small), inlining.AddedTo(Main));
        Assert.Equal(3 * (inlining.AddedTo(Small) + inlining.AddedTo(Main)), inlining.Repeated);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(400)]
    [InlineData(900)]
    public void WhatIsRepeatedIsAPartOfTheVariants(int mainLength)
    {
        var inlining = Choose(Called(100, 1000), mainLength);

        Assert.InRange(inlining.Repeated, 0, 0.05 * 2 * (mainLength + 3 + 601 + 3 + 2));
    }
}

using Mewe.Execution;
using Mewe.Linking.Dispatch;
using Mewe.Linking.Profiling;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Tests;

/// <summary>How often functions run: counted on an engine, and guessed from the code.</summary>
public sealed class ProfileTests(EngineFixture fixture)
{
    /// <summary>outer(n) calls inner n times in a loop, and table calls once through a table what nobody calls otherwise.</summary>
    private static WasmModule Program(out uint inner, out uint outer, out uint tabled)
    {
        var module = new ModuleBuilder();
        var called = module.Constant(1);
        var indirect = module.Constant(2);
        outer = module.Function([ValueType.I32], [], code => code
            .Open(Opcode.Loop).Call(called).Op(Opcode.Drop).Get(0).I32(1).Op(Opcode.I32Sub).Tee(0).Op(Opcode.BrIf, 0).End(), "outer");
        module.Function([], [ValueType.I32], code => code.I32(0).Add(Instruction.Of(Opcode.CallIndirect, module.Module.IndexOfType(FunctionType.Of([], [ValueType.I32])), 0)), "indirect");
        module.Table(indirect);
        (inner, tabled) = (called, indirect);
        return module.Read();
    }

    [Fact]
    public async Task CallsAndTurnsOfLoopsAreCounted()
    {
        var module = Program(out var inner, out var outer, out var tabled);
        var instrumentation = new ProfileInstrumentation(module);
        var instrumented = instrumentation.Instrument();
        Assert.Null(Wasm.Validation.ModuleValidator.Validate(ModuleReader.Read(instrumented.Module), TestContext.Current.CancellationToken));
        await using var instance = await EngineInstance.OpenAsync(fixture, instrumented.Module);
        await instance.CallAsync("outer", WasmValue.I32(10));
        await instance.CallAsync("outer", WasmValue.I32(30));
        await instance.CallAsync("indirect");

        var profile = instrumentation.Decode([await instance.MemoryAsync(instrumented.MemoryExport, 0, instrumented.MemoryBytes)], requests: 2);

        Assert.Equal(20, profile.Of(inner).Calls);
        Assert.Equal(1, profile.Of(outer).Calls);
        Assert.Equal(0.5, profile.Of(tabled).Calls);
        Assert.Equal(20, Assert.Single(profile.Calls).Value);
        Assert.Equal((outer, inner), Assert.Single(profile.Calls).Key);

        // loop and end stand outside; eight instructions and the end of the loop are done in each of the 20 turns.
        Assert.InRange(profile.Of(outer).Instructions, 20 * 7, (20 * 9) + 4);
    }

    [Fact]
    public void ALoopIsGuessedToTurnTenTimesAndATableToBeCalledAlike()
    {
        var profile = StaticProfile.Estimate(Program(out var inner, out var outer, out var tabled));

        Assert.Equal(1, profile.Of(outer).Calls);
        Assert.Equal(StaticProfile.LoopTurns, profile.Of(inner).Calls);
        Assert.Equal(1, profile.Of(tabled).Calls);
    }

    [Fact]
    public void RecursionIsGuessedWithoutEnd()
    {
        var module = new ModuleBuilder();
        var self = (uint)module.Module.FunctionCount;
        module.Function([ValueType.I32], [], code => code.Get(0).Open(Opcode.If).Get(0).I32(1).Op(Opcode.I32Sub).Call(self).End(), "f");

        Assert.Equal(StaticProfile.LoopTurns, StaticProfile.Estimate(module.Read()).Of(self).Calls);
    }

    [Fact]
    public void CallsBelowAnEntryAreThoseThatItReaches()
    {
        var profile = StaticProfile.Estimate(Program(out var inner, out var outer, out var tabled));

        var below = profile.CallsBelow([outer]);

        Assert.Equal(1, below[outer]);
        Assert.Equal(StaticProfile.LoopTurns, below[inner]);
        Assert.Equal(0, below[tabled]);
    }
}

using Mewe.Execution;
using Mewe.Linking.Dispatch;
using Mewe.Linking.Tracing;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Validation;

namespace Mewe.Linking.Tests;

/// <summary>The digest is the hash of the sequence that the trace records, one for each entry, and changes nothing else.</summary>
public sealed class TraceDigestTests(EngineFixture fixture)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Three functions: `both` calls two others. Those and, where asked for, itself have variants.</summary>
    private static LinkResult Link(bool all, DispatchPolicy policy = DispatchPolicy.Call)
    {
        var module = new ModuleBuilder();
        var first = module.Constant(0);
        var second = module.Constant(0);
        var both = module.Function([], [ValueType.I32], code => code.Call(first).I32(100).Op(Opcode.I32Mul).Call(second).Op(Opcode.I32Add), "both");
        var original = module.Read();
        return MultivariantLinker.Link(original,
            [Variants.Numbered(first, 15), Variants.Numbered(second, 7), .. all ? Variants.PaddedAll(original, 2).Where(function => function.Function == both) : []],
            new LinkOptions { Policy = policy });
    }

    private static DigestedModule Instrument(byte[] module, MultivariantMap? map, uint capacity, params string[] entries)
    {
        var digested = TraceDigest.Instrument(ModuleReader.Read(module), map, entries, capacity);
        Assert.Null(ModuleValidator.Validate(ModuleReader.Read(digested.Module), Cancellation));
        return digested;
    }

    private static async Task<IReadOnlyList<TraceSummary>> DecodeAsync(EngineInstance instance, DigestedModule digested) =>
        TraceDigest.Decode(await instance.MemoryAsync(digested.MemoryExport, 0, (int)digested.MemoryBytes), digested.Capacity);

    [Theory]
    [InlineData(DispatchPolicy.Call)]
    [InlineData(DispatchPolicy.Entry)]
    [InlineData(DispatchPolicy.Instance)]
    public async Task It_is_the_hash_of_the_sequence_that_the_trace_records(DispatchPolicy policy)
    {
        var linked = Link(all: true, policy);
        var traced = EntryTrace.Instrument(ModuleReader.Read(linked.Module), linked.Map, 1 << 10);
        await using var tracing = await EngineInstance.OpenAsync(fixture, traced.Module);
        await tracing.NumbersAsync("both", 50);
        var choices = EntryTrace.Decode(await tracing.MemoryAsync(traced.MemoryExport, 0, (int)traced.MemoryBytes), traced.Capacity, linked.Map).Choices;
        var functions = linked.Map.Functions.ToDictionary(function => function.Index);

        var digested = Instrument(linked.Module, linked.Map, 50, "both");
        await using var instance = await EngineInstance.OpenAsync(fixture, digested.Module);
        await instance.NumbersAsync("both", 50);

        Assert.Equal(150, choices.Length);
        var expected = choices.Chunk(3).Select(entry => new TraceSummary(
            TraceDigest.HashOf([.. entry.Select(choice => functions[choice.Function].FunctionOf(choice.Choice))]), 3, 3));
        Assert.Equal(expected, await DecodeAsync(instance, digested));
    }

    [Fact]
    public async Task Functions_without_variants_count_but_are_no_choices()
    {
        var linked = Link(all: false);
        var digested = Instrument(linked.Module, linked.Map, 20, "both");
        await using var instance = await EngineInstance.OpenAsync(fixture, digested.Module);

        var answers = await instance.NumbersAsync("both", 20);

        var functions = linked.Map.Functions;
        Assert.Equal(
            answers.Select(answer => new TraceSummary(TraceDigest.HashOf([2, functions[0].FunctionOf(answer / 100), functions[1].FunctionOf(answer % 100)]), 3, 2)),
            await DecodeAsync(instance, digested));
    }

    [Fact]
    public async Task A_module_that_is_not_multivariant_has_one_trace_and_no_choices()
    {
        var module = new ModuleBuilder();
        var leaf = module.Constant(5);
        module.Function([], [ValueType.I32], code => code.Call(leaf).Call(leaf).Op(Opcode.I32Add), "twice");
        module.Constant(1, "other");
        var digested = Instrument(ModuleWriter.Write(module.Read()), null, 4, "twice");
        await using var instance = await EngineInstance.OpenAsync(fixture, digested.Module);

        await instance.CallAsync("twice");
        await instance.CallAsync("other");
        await instance.CallAsync("twice");

        Assert.Equal(Enumerable.Repeat(new TraceSummary(TraceDigest.HashOf([1, 0, 0]), 3, 0), 2), await DecodeAsync(instance, digested));
    }

    [Fact]
    public async Task An_entry_that_traps_has_a_record_of_what_it_did()
    {
        var module = new ModuleBuilder();
        var leaf = module.Constant(0);
        module.Function([ValueType.I32], [], code => code.Call(leaf).Op(Opcode.Drop).Get(0).Open(Opcode.If).Op(Opcode.Unreachable).End().Call(leaf).Op(Opcode.Drop), "may_trap");
        var digested = Instrument(ModuleWriter.Write(module.Read()), null, 4, "may_trap");
        await using var instance = await EngineInstance.OpenAsync(fixture, digested.Module);

        foreach (var argument in (int[])[1, 0, 1])
        {
            await instance.TryCallAsync("may_trap", WasmValue.I32(argument));
        }

        Assert.Equal([2UL, 3UL, 2UL], (await DecodeAsync(instance, digested)).Select(summary => summary.Entered));
    }

    [Fact]
    public async Task More_entries_than_there_is_room_for_are_refused_and_not_mixed_up()
    {
        var linked = Link(all: true);
        var digested = Instrument(linked.Module, linked.Map, 3, "both");
        await using var instance = await EngineInstance.OpenAsync(fixture, digested.Module);
        await instance.NumbersAsync("both", 4);
        var memory = await instance.MemoryAsync(digested.MemoryExport, 0, (int)digested.MemoryBytes);

        Assert.Throws<InvalidDataException>(() => TraceDigest.Decode(memory, digested.Capacity));
        Assert.Throws<InvalidDataException>(() => TraceDigest.Decode(memory.AsSpan(0, 64), digested.Capacity));
    }

    [Fact]
    public async Task A_function_that_only_its_export_declared_can_still_be_referred_to()
    {
        var module = new ModuleBuilder();
        var self = (uint)module.Module.FunctionCount;
        module.Function([], [ValueType.I32], code => code.Op(Opcode.RefFunc, self).Op(Opcode.RefIsNull), "self");
        var digested = Instrument(ModuleWriter.Write(module.Read()), null, 1, "self");
        await using var instance = await EngineInstance.OpenAsync(fixture, digested.Module);

        Assert.Equal(0, await instance.NumberAsync("self"));
    }

    [Fact]
    public void The_order_of_functions_matters_and_so_does_each_of_them()
    {
        UInt128[] hashes = [TraceDigest.HashOf([]), TraceDigest.HashOf([0]), TraceDigest.HashOf([0, 0]), TraceDigest.HashOf([0, 1]), TraceDigest.HashOf([1, 0]), TraceDigest.HashOf([1, 1])];

        Assert.Equal(hashes.Length, hashes.Distinct().Count());
        Assert.Equal(hashes.Length, hashes.Select(hash => (ulong)hash).Distinct().Count());
        Assert.Equal(hashes.Length, hashes.Select(hash => (ulong)(hash >> 64)).Distinct().Count());
    }

    [Fact]
    public async Task A_sample_keeps_its_answers_and_has_a_trace_of_its_own_under_every_seed()
    {
        var bytes = await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "samples", "encrypt.wasm"), Cancellation);
        var original = ModuleReader.Read(bytes);
        var linked = MultivariantLinker.Link(original, Variants.PaddedAll(original, 3), new LinkOptions());
        var digested = Instrument(linked.Module, linked.Map, 1, "_start");

        var run = new ModuleRun(digested.Module, new CommandWorkload())
        {
            Seeds = [.. Enumerable.Range(1, 20).Select(seed => (ulong)seed)], ReadBack = [new MemoryRange(digested.MemoryExport, 0, (int)digested.MemoryBytes)],
        };
        var result = (await fixture.Engine.RunAsync(run, Cancellation)).Value;
        var expected = (await fixture.Engine.RunAsync(run with { Module = bytes, ReadBack = [] }, Cancellation)).Value;

        var summaries = Enumerable.Range(0, 20).Select(i => Assert.Single(TraceDigest.Decode(result[i].ReadBack[0].Span, digested.Capacity))).ToList();
        Assert.All(Enumerable.Range(0, 20), i => Assert.Equal(expected[0].Stdout.ToArray(), result[i].Stdout.ToArray()));
        Assert.Equal(20, summaries.Select(summary => summary.Hash).Distinct().Count());
        Assert.Single(summaries.Select(summary => summary.Entered).Distinct());
        Assert.All(summaries, summary => Assert.True(summary.Choices > 10 && summary.Choices <= summary.Entered));
    }
}

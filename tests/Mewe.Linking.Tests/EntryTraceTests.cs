using Mewe.Execution;
using Mewe.Linking.Tracing;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Validation;

namespace Mewe.Linking.Tests;

/// <summary>The trace tells which choices were made, and changes none.</summary>
public sealed class EntryTraceTests(EngineFixture fixture)
{
    private static LinkResult Link(out uint first, out uint second, params string[] exports)
    {
        var module = new ModuleBuilder();
        first = module.Constant(0);
        second = module.Constant(0);
        var (one, two) = (first, second);
        module.Function([], [ValueType.I32], code => code.Call(one).I32(100).Op(Opcode.I32Mul).Call(two).Op(Opcode.I32Add), "both");
        foreach (var name in exports)
        {
            module.Module.Exports.Add(new Export(name, ExternKind.Function, first));
        }

        return MultivariantLinker.Link(module.Read(), [Variants.Numbered(first, 15), Variants.Numbered(second, 7)], new LinkOptions());
    }

    private async Task<(int[] Answers, EntryTraceResult Trace)> RunAsync(LinkResult linked, uint capacity, int calls)
    {
        var traced = EntryTrace.Instrument(ModuleReader.Read(linked.Module), linked.Map, capacity);
        Assert.Null(ModuleValidator.Validate(ModuleReader.Read(traced.Module), TestContext.Current.CancellationToken));
        await using var instance = await EngineInstance.OpenAsync(fixture, traced.Module);
        var answers = await instance.NumbersAsync("both", calls);
        var memory = await instance.MemoryAsync(traced.MemoryExport, 0, (int)traced.MemoryBytes);
        return (answers, EntryTrace.Decode(memory, traced.Capacity, linked.Map));
    }

    [Fact]
    public async Task It_records_every_choice_in_order()
    {
        var linked = Link(out var first, out var second);

        var (answers, trace) = await RunAsync(linked, 1000, 100);

        Assert.Equal(200UL, trace.Total);
        Assert.Equal(answers.SelectMany(answer => new[] { new TracedChoice(first, answer / 100), new TracedChoice(second, answer % 100) }), trace.Choices);
    }

    [Fact]
    public async Task It_does_not_change_the_choices()
    {
        var linked = Link(out _, out _);
        await using var plain = await EngineInstance.OpenAsync(fixture, linked.Module);

        Assert.Equal(await plain.NumbersAsync("both", 50), (await RunAsync(linked, 16, 50)).Answers);
    }

    [Fact]
    public async Task When_the_ring_is_full_the_last_choices_are_kept()
    {
        var linked = Link(out var first, out var second);

        var (answers, trace) = await RunAsync(linked, 16, 100);

        Assert.Equal(200UL, trace.Total);
        Assert.Equal(answers[^8..].SelectMany(answer => new[] { new TracedChoice(first, answer / 100), new TracedChoice(second, answer % 100) }), trace.Choices);
    }

    [Fact]
    public void Its_memory_has_a_name_that_is_not_taken()
    {
        var linked = Link(out _, out _, "mewe_trace", "mewe_trace_2");

        Assert.Equal("mewe_trace_3", EntryTrace.Instrument(ModuleReader.Read(linked.Module), linked.Map, 16).MemoryExport);
    }

    [Fact]
    public void A_memory_that_is_no_trace_is_refused()
    {
        var linked = Link(out _, out _);
        var memory = new byte[1024];
        memory[0] = 1;

        Assert.Throws<InvalidDataException>(() => EntryTrace.Decode(memory, 16, linked.Map));
        Assert.Throws<InvalidDataException>(() => EntryTrace.Decode(memory, 4096, linked.Map));
        Assert.Equal(0UL, EntryTrace.Decode(new byte[1024], 16, linked.Map).Total);
    }

    [Fact]
    public async Task A_sample_under_trace_answers_as_its_original_does()
    {
        var bytes = await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "samples", "encrypt.wasm"), TestContext.Current.CancellationToken);
        var original = ModuleReader.Read(bytes);
        var linked = MultivariantLinker.Link(original, Variants.PaddedAll(original, 3), new LinkOptions());
        var traced = EntryTrace.Instrument(ModuleReader.Read(linked.Module), linked.Map, 1 << 12);

        var run = new ModuleRun(traced.Module, new CommandWorkload()) { Seeds = [1, 2], ReadBack = [new MemoryRange(traced.MemoryExport, 0, (int)traced.MemoryBytes)] };
        var result = (await fixture.Engine.RunAsync(run, TestContext.Current.CancellationToken)).Value;
        var expected = (await fixture.Engine.RunAsync(run with { Module = bytes, ReadBack = [] }, TestContext.Current.CancellationToken)).Value;

        Assert.Equal(expected[0].Stdout.ToArray(), result[0].Stdout.ToArray());
        var choices = Enumerable.Range(0, 2).Select(i => EntryTrace.Decode(result[i].ReadBack[0].Span, traced.Capacity, linked.Map)).ToArray();
        Assert.All(choices, trace => Assert.True(trace.Total > 10));
        Assert.NotEqual(choices[0].Choices, choices[1].Choices);
    }
}

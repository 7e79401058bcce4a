using System.Collections.Immutable;
using System.Text;
using Mewe.EndToEnd.Tests.Corpus;
using Mewe.EndToEnd.Tests.Running;
using Mewe.Execution;
using Mewe.Linking;

namespace Mewe.EndToEnd.Tests;

/// <summary>A library from npm that is neither command nor reactor: it parses source maps that the host writes into its memory.</summary>
public sealed class SourceMapTests(EngineFixture fixture)
{
    private const string Mappings = "AAAA,IAAI,KAAM;AACN,SAASA,KAAKC";
    private const int Runs = 200;

    [Theory]
    [InlineData(DispatchPolicy.Call)]
    [InlineData(DispatchPolicy.Entry)]
    [InlineData(DispatchPolicy.Instance)]
    public async Task SourceMapsAreParsedAsByTheOriginal(DispatchPolicy policy)
    {
        var bytes = CorpusModules.Bytes("more/npm_sourcemap.wasm");
        var diversified = await Diversified.MakeAsync(fixture.Engine, bytes, 4);
        var opened = await fixture.Engine.OpenSessionAsync(TestContext.Current.CancellationToken);
        await using var session = opened.Value;
        var buffer = (await ValuesAsync(session, [
            new SessionCommand.Compile(0, bytes), new SessionCommand.Compile(1, diversified.Link(policy, RandomnessMode.Export)), Instantiate(0, 0),
            new SessionCommand.Invoke(0, "allocate_mappings", [WasmValue.I32(Mappings.Length)])]))[^1];
        var expected = await ParseAsync(session, 1, 0, null, buffer);
        Assert.NotEqual("i32:0", expected[2]);
        for (var run = 0; run < Runs; run++)
        {
            Assert.Equal(expected, await ParseAsync(session, 2 + run, 1, run, buffer));
        }
    }

    /// <summary>Parses and asks in a fresh instance. What everything returned, and all of the memory behind the stack.</summary>
    private static async Task<ImmutableArray<string>> ParseAsync(IEngineSession session, int instance, int module, int? seed, string buffer)
    {
        var address = int.Parse(buffer["i32:".Length..], System.Globalization.CultureInfo.InvariantCulture);
        ImmutableArray<SessionCommand> seeding = seed is { } s ? [new SessionCommand.Invoke(instance, "mewe_seed", [WasmValue.I64(s)])] : [];
        var prepared = await ValuesAsync(session, [
            Instantiate(instance, module), .. seeding,
            new SessionCommand.Invoke(instance, "allocate_mappings", [WasmValue.I32(Mappings.Length)]),
            new SessionCommand.WriteMemory(instance, "memory", address, Encoding.ASCII.GetBytes(Mappings)),
            new SessionCommand.Invoke(instance, "parse_mappings", [WasmValue.I32(address)])]);
        var parsed = WasmValue.I32(int.Parse(prepared[^1]["i32:".Length..], System.Globalization.CultureInfo.InvariantCulture));
        SessionCommand Ask(string export, params int[] arguments) => new SessionCommand.Invoke(instance, export, [parsed, .. arguments.Select(WasmValue.I32)]);
        var asked = await ValuesAsync(session, [
            Ask("by_generated_location"), Ask("compute_column_spans"), Ask("by_original_location"), Ask("original_location_for", 1, 9, 0),
            Ask("generated_location_for", 0, 0, 4, 1), Ask("all_generated_locations_for", 0, 1, 1, 13),
            new SessionCommand.Invoke(instance, "get_last_error", []),
            new SessionCommand.ReadMemory(instance, new MemoryRange("memory", 1 << 20, 1 << 17))]);
        return [prepared[0], prepared[^3], prepared[^1], .. asked];
    }

    private static SessionCommand Instantiate(int instance, int module) =>
        new SessionCommand.Instantiate(instance, module, [new ImportBinding("env", null, new ImportSource.Stub([]))]);

    private static async Task<ImmutableArray<string>> ValuesAsync(IEngineSession session, ImmutableArray<SessionCommand> commands)
    {
        var replies = await session.RunAsync(commands, null, TestContext.Current.CancellationToken);
        Assert.True(replies.Answered, replies.Failure?.Message);
        return [.. replies.Value.Select(reply => reply switch
        {
            SessionReply.Returned returned => string.Join(',', returned.Values),
            SessionReply.Data data => Convert.ToHexStringLower(data.Bytes.Span),
            SessionReply.Trapped trapped => $"trapped:{trapped.Trap.Kind}",
            SessionReply.Done => "done",
            _ => throw new InvalidOperationException(reply.ToString()),
        })];
    }
}

using System.Collections.Immutable;
using Mewe.Execution;

namespace Mewe.Linking.Tests;

/// <summary>A session on the engine with one instance, number 0, in it; others can be added.</summary>
internal sealed class EngineInstance : IAsyncDisposable
{
    private readonly IEngineSession session;

    private EngineInstance(IEngineSession session) => this.session = session;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static ImportBinding WasiHost(ulong seed) => new("wasi_snapshot_preview1", null, new ImportSource.Wasi(seed));

    public static ImportBinding ChooseHost(int answer) => new("mewe", "choose", new ImportSource.Stub([WasmValue.I32(answer)]));

    public static async Task<EngineInstance> OpenAsync(EngineFixture fixture) => new((await fixture.Engine.OpenSessionAsync(Cancellation)).Value);

    public static async Task<EngineInstance> OpenAsync(EngineFixture fixture, byte[] module, params ImportBinding[] imports)
    {
        var instance = await OpenAsync(fixture);
        await instance.AddAsync(0, module, imports);
        return instance;
    }

    public async Task AddAsync(int number, byte[] module, params ImportBinding[] imports)
    {
        var replies = await RunAsync([new SessionCommand.Compile(number, module), new SessionCommand.Instantiate(number, number, [.. imports])]);
        Assert.All(replies, reply => Assert.IsType<SessionReply.Done>(reply));
    }

    public async Task<ImmutableArray<SessionReply>> RunAsync(params SessionCommand[] commands) => (await session.RunAsync(commands, null, Cancellation)).Value;

    /// <summary>The results of a call that must return.</summary>
    public async Task<ImmutableArray<WasmValue>> CallAsync(string export, params WasmValue[] arguments) =>
        Assert.IsType<SessionReply.Returned>(await TryCallAsync(export, arguments)).Values;

    /// <summary>The one i32 that a call gives.</summary>
    public async Task<int> NumberAsync(string export, params WasmValue[] arguments) => Assert.Single(await CallAsync(export, arguments)).AsI32;

    public async Task<SessionReply> TryCallAsync(string export, params WasmValue[] arguments) =>
        Assert.Single(await RunAsync(new SessionCommand.Invoke(0, export, [.. arguments])));

    /// <summary>The i32 results of many calls of one export.</summary>
    public async Task<int[]> NumbersAsync(string export, int calls)
    {
        var replies = await RunAsync([.. Enumerable.Repeat<SessionCommand>(new SessionCommand.Invoke(0, export, []), calls)]);
        return [.. replies.Select(reply => Assert.Single(Assert.IsType<SessionReply.Returned>(reply).Values).AsI32)];
    }

    public async Task<byte[]> MemoryAsync(string export, long offset, int length) =>
        Assert.IsType<SessionReply.Data>(Assert.Single(await RunAsync(new SessionCommand.ReadMemory(0, new MemoryRange(export, offset, length))))).Bytes.ToArray();

    public Task SeedAsync(long seed) => CallAsync("mewe_seed", WasmValue.I64(seed));

    public ValueTask DisposeAsync() => session.DisposeAsync();
}

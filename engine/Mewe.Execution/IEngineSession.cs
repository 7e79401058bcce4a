using System.Collections.Immutable;

namespace Mewe.Execution;

/// <summary>
/// One engine process, or one store of an engine in this process, reserved for a script of commands. Modules and instances are known by numbers that the caller chooses, so that a whole script can be
/// sent as one batch.
/// </summary>
/// <remarks>
/// Commands run in order, and each gets its reply even when earlier ones failed. When the engine process dies, the batch fails as a value, all modules and
/// instances of the session are gone, and the next batch starts with a fresh process. Not for use by several threads at once.
/// Disposing gives the process back.
/// </remarks>
public interface IEngineSession : IAsyncDisposable
{
    /// <summary>Sends the commands as one message and returns a reply for each.</summary>
    /// <param name="commands">The commands.</param>
    /// <param name="abortAfter">When to give the process up; null for the engine's own limit.</param>
    /// <param name="cancellationToken">Kills the process and forgets all the session's modules and instances.</param>
    Task<EngineResult<ImmutableArray<SessionReply>>> RunAsync(
        IReadOnlyList<SessionCommand> commands, TimeSpan? abortAfter, CancellationToken cancellationToken);
}

/// <summary>A command of a session.</summary>
public abstract record SessionCommand
{
    private protected SessionCommand()
    {
    }

    /// <summary>Compiles a module and keeps it as number <paramref name="Module"/>. Reply: <see cref="SessionReply.Done"/> or <see cref="SessionReply.Invalid"/>.</summary>
    public sealed record Compile(int Module, ReadOnlyMemory<byte> Bytes) : SessionCommand;

    /// <summary>
    /// Instantiates module <paramref name="Module"/> as instance number <paramref name="Instance"/>. Imports come from the first binding that fits, else from the
    /// registered names. Reply: <see cref="SessionReply.Done"/>, <see cref="SessionReply.Unlinkable"/>, <see cref="SessionReply.Trapped"/>
    /// (an active segment or the start function; side effects stay) or <see cref="SessionReply.Unknown"/>.
    /// </summary>
    public sealed record Instantiate(int Instance, int Module, ImmutableArray<ImportBinding> Imports) : SessionCommand;

    /// <summary>From now on imports from module <paramref name="Name"/> come from <paramref name="Source"/>. Reply: <see cref="SessionReply.Done"/>.</summary>
    public sealed record Register(string Name, ImportSource Source) : SessionCommand;

    /// <summary>
    /// Calls an exported function. Reply: <see cref="SessionReply.Returned"/>, <see cref="SessionReply.Trapped"/>, <see cref="SessionReply.Unknown"/>
    /// or <see cref="SessionReply.Unsupported"/>.
    /// </summary>
    public sealed record Invoke(int Instance, string Export, ImmutableArray<WasmValue> Arguments) : SessionCommand;

    /// <summary>Reads an exported global. Reply: <see cref="SessionReply.Returned"/> with one value.</summary>
    public sealed record GetGlobal(int Instance, string Export) : SessionCommand;

    /// <summary>Writes an exported mutable global. Reply: <see cref="SessionReply.Done"/>.</summary>
    public sealed record SetGlobal(int Instance, string Export, WasmValue Value) : SessionCommand;

    /// <summary>Reads bytes of an exported memory, cut off at its end. Reply: <see cref="SessionReply.Data"/>.</summary>
    public sealed record ReadMemory(int Instance, MemoryRange Range) : SessionCommand;

    /// <summary>Writes bytes to an exported memory. Reply: <see cref="SessionReply.Done"/>, or <see cref="SessionReply.Unknown"/> when they do not fit.</summary>
    public sealed record WriteMemory(int Instance, string Export, long Offset, ReadOnlyMemory<byte> Bytes) : SessionCommand;

    /// <summary>Forgets all modules, instances and registered names: a new script begins. Reply: <see cref="SessionReply.Done"/>.</summary>
    public sealed record Reset : SessionCommand;
}

/// <summary>Where the imports of a module come from.</summary>
/// <param name="Module">The import's module name.</param>
/// <param name="Name">The import's name; null for all of that module.</param>
/// <param name="Source">What provides it.</param>
public sealed record ImportBinding(string Module, string? Name, ImportSource Source);

/// <summary>What provides an import.</summary>
public abstract record ImportSource
{
    private protected ImportSource()
    {
    }

    /// <summary>The export of an instance: of the import's own name, or of <paramref name="Export"/>.</summary>
    public sealed record Instance(int Number, string? Export = null) : ImportSource;

    /// <summary>The host module that the specification's tests import as <c>spectest</c>. There is one per session until <see cref="SessionCommand.Reset"/>.</summary>
    public sealed record Spectest : ImportSource;

    /// <summary>
    /// WASI preview 1 with no arguments, no environment, an empty standard input, and output that is dropped; and <c>choose</c>, which multivariant modules
    /// import from <c>mewe</c> when the host makes their choices. For one seed it answers every instance alike.
    /// </summary>
    public sealed record Wasi(ulong Seed) : ImportSource;

    /// <summary>
    /// A host function that returns these values on every call, or zeros and null references when there are none; it traps when it has to return a reference
    /// that may not be null. An import that is no function gets a zero global, or a memory or table of the smallest size asked for.
    /// </summary>
    public sealed record Stub(ImmutableArray<WasmValue> Results) : ImportSource;
}

/// <summary>The reply to a command.</summary>
public abstract record SessionReply
{
    private protected SessionReply()
    {
    }

    /// <summary>It was done, and there is nothing to return.</summary>
    public sealed record Done : SessionReply;

    /// <summary>The results of a function, or the value of a global.</summary>
    public sealed record Returned(ImmutableArray<WasmValue> Values) : SessionReply;

    /// <summary>It trapped, or an exception left the function (<see cref="TrapKind.Exception"/>).</summary>
    public sealed record Trapped(WasmTrap Trap) : SessionReply;

    /// <summary>The module is not valid.</summary>
    public sealed record Invalid(string Message) : SessionReply;

    /// <summary>An import is missing or of the wrong type.</summary>
    public sealed record Unlinkable(string Message) : SessionReply;

    /// <summary>The command names a module, instance or export that does not exist (any more), or arguments that do not fit it.</summary>
    public sealed record Unknown(string Message) : SessionReply;

    /// <summary>The host's interface to the engine cannot carry this.</summary>
    public sealed record Unsupported(string Message) : SessionReply;

    /// <summary>Bytes of a memory.</summary>
    public sealed record Data(ReadOnlyMemory<byte> Bytes) : SessionReply;
}

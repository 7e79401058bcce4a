using Mewe.Wasm;

namespace Mewe.Equivalence.Testing;

/// <summary>
/// Where harnesses keep their own state, whatever they test: globals, which come first, and a memory, which comes last. All of it is out of reach for the bodies
/// under test, whose instructions are rewritten to the harness's indices.
/// </summary>
internal sealed class HarnessState
{
    /// <summary>Entries of the undo log that the original may use; candidates may use twice as many.</summary>
    public const int LogEntries = 1 << 16;

    /// <summary>Bytes of an entry of the undo log, and of the record that a run leaves when inputs are chosen.</summary>
    public const int LogEntryBytes = 16, RunRecordBytes = 32;

    /// <summary>The value table is at the start of the harness's own memory; then come the arena's pool, what stood in the arena's place, the undo log, and what <see cref="HarnessLayout"/> says.</summary>
    public const int ValueTable = 0, ValueCount = 64, ArenaPool = ValueCount * 8, SavedArena = ArenaPool + Testing.Arena.PoolBytes, Log = SavedArena + Testing.Arena.Bytes,
        EndOfLog = Log + 2 * LogEntries * LogEntryBytes;

    /// <summary>
    /// Parts of an input record: seed, arena, fuel, image, mood; how many fills, pokes and answers there are and where they stand, 16 bytes each; where in the harness's memory the content of the arena stands; then arguments
    /// and globals.
    /// </summary>
    public const int SeedAt = 0, ArenaAt = 8, FuelAt = 16, ImageAt = 20, MoodAt = 24, FillCountAt = 28, FillsAt = 32, PokeCountAt = 36, PokesAt = 40,
        AnswerCountAt = 44, AnswersAt = 48, ArenaWindowAt = 52, ArgumentsAt = 64, SlotBytes = 16;

    /// <summary>Incoming values and comparisons that a run keeps when inputs are chosen: the first half of them, and the last.</summary>
    public const int TracedValues = 16, TracedComparisons = 16;

    /// <summary>Bytes of the traces of a run.</summary>
    public const int TraceBytes = TracedValues * IncomingValue.Bytes + TracedComparisons * Comparison.Bytes;

    public HarnessState(HarnessModule module)
    {
        Outcome = I32();
        Completed = I32();
        Fuel = I32();
        Event = I32();
        LogTop = I32();
        LogMark = I32();
        LogLimit = I32();
        Input = I32(-1);
        Image = I32(-1);
        Record = I32();
        Mood = I32();
        CoverageAt = I32();
        Trace = I64();
        MemoryHash = I64();
        Random = I64();
        Seed = I64();
        Arena = I64();
        ArenaIsSet = I32();
        Pointer = I64();
        Echo = I64();
        Dropped = I64();
        Growths = I64();
        ValueTraceCount = I32();
        ComparisonCount = I32();
        TraceAt = I32();
        Stream = I64();

        uint I32(int initial = 0) => module.AddGlobal(ValueType.I32, Instruction.I32Const(initial));
        uint I64() => module.AddGlobal(ValueType.I64, Instruction.I64Const(0));
    }

    /// <summary>Globals of type i32.</summary>
    public uint Outcome { get; }

    public uint Completed { get; }

    public uint Fuel { get; }

    /// <summary>Number of the last call out.</summary>
    public uint Event { get; }

    public uint LogTop { get; }

    /// <summary>Where the log stood when the input had been set up: runs are undone down to here.</summary>
    public uint LogMark { get; }

    public uint LogLimit { get; }

    /// <summary>The input and the memory image that are set up; -1 at first.</summary>
    public uint Input { get; }

    public uint Image { get; }

    /// <summary>Address of the input's record.</summary>
    public uint Record { get; }

    public uint Mood { get; }

    public uint CoverageAt { get; }

    /// <summary>Globals of type i64: the trace of calls out, and the incremental hash of how memory differs from the input's initial one.</summary>
    public uint Trace { get; }

    public uint MemoryHash { get; }

    public uint Random { get; }

    /// <summary>Where the random bits of the call out at hand start.</summary>
    public uint Stream { get; }

    public uint Seed { get; }

    public uint Arena { get; }

    /// <summary>An i32: whether the arena is in place.</summary>
    public uint ArenaIsSet { get; }

    /// <summary>The last argument of the call out at hand that could be an address, else 0.</summary>
    public uint Pointer { get; }

    public uint Echo { get; }

    /// <summary>A bit per dropped segment.</summary>
    public uint Dropped { get; }

    /// <summary>How often memory.grow ran.</summary>
    public uint Growths { get; }

    /// <summary>Values and comparisons that the run has traced so far, and where its traces stand.</summary>
    public uint ValueTraceCount { get; }

    public uint ComparisonCount { get; }

    public uint TraceAt { get; }
}

using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mewe.Execution;

namespace Mewe.Equivalence;

/// <summary>An input that tells a candidate from the original. Together with module and candidate it is all that a replay needs, and it survives JSON.</summary>
/// <param name="Function">Index in the function index space.</param>
/// <param name="Input">The input, in full.</param>
/// <param name="Original">What the original showed.</param>
/// <param name="Candidate">What the candidate showed.</param>
public sealed record Counterexample(uint Function, TestInput Input, Observation Original, Observation Candidate)
{
    private static readonly JsonSerializerOptions Json = new() { Converters = { new JsonStringEnumConverter() } };

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    public static Counterexample FromJson(string json) => JsonSerializer.Deserialize<Counterexample>(json, Json)
        ?? throw new JsonException("no counterexample");
}

/// <summary>What a run showed to the outside.</summary>
/// <param name="Digest">Of results, calls out, memories, globals and tables.</param>
/// <param name="Ending">How it ended, as the harness counts it.</param>
/// <param name="Trap">How it ended, as the engine tells it.</param>
public sealed record Observation(ulong Digest, RunEnding Ending, TrapKind Trap);

/// <summary>How a run ended; the numbers are those that the harness reports.</summary>
public enum RunEnding
{
    /// <summary>The body ran to its end, or trapped by itself.</summary>
    Completed = 0,

    /// <summary>A call out trapped, as it may.</summary>
    CallTrapped = 1,

    /// <summary>Fuel ran out.</summary>
    FuelExhausted = 2,

    /// <summary>An exception left the function.</summary>
    Exception = 3,
}

/// <summary>Everything that decides a run: arguments, the state before it, and the seed of what calls out return.</summary>
/// <param name="Number">Its number among the inputs that were tried.</param>
/// <param name="Seed">Of the memory contents around pointers and of the behaviour of calls out.</param>
/// <param name="Mood">What calls out tend to return, and whether they may trap: see InputGenerator.</param>
/// <param name="Arena">Address in memory 0 of the region that is filled with values and pointers into itself.</param>
/// <param name="Fuel">Of the original.</param>
/// <param name="Recorded">True where memory and globals start as recorded, not as the module initialises them.</param>
/// <param name="Arguments">One per parameter.</param>
/// <param name="Globals">By index in the global index space: globals that do not start at their initial value.</param>
/// <param name="Fills">Regions of memory 0 that are filled before the run.</param>
/// <param name="Pokes">Single values that are written to memory 0 after that.</param>
/// <param name="Answers">What certain calls out give as their first result, whatever the mood.</param>
public sealed record TestInput(
    int Number, ulong Seed, int Mood, ulong Arena, int Fuel, bool Recorded, ImmutableArray<ValueBits> Arguments, ImmutableArray<GlobalBits> Globals,
    ImmutableArray<FilledRegion> Fills, ImmutableArray<MemoryPoke> Pokes, ImmutableArray<CallAnswer> Answers);

/// <summary>A value in memory 0.</summary>
/// <param name="Width">1, 2, 4 or 8 bytes.</param>
public sealed record MemoryPoke(ulong Address, int Width, ulong Value);

/// <summary>The first result of the call out that comes at that place, counted from 1.</summary>
public sealed record CallAnswer(int Call, ulong Value);

/// <summary>The value of a global.</summary>
public sealed record GlobalBits(uint Global, ValueBits Value);

/// <summary>A region of memory 0 that is filled before the run with pseudorandom values of one kind.</summary>
/// <param name="Cells">How many 8-byte cells.</param>
public sealed record FilledRegion(ulong Address, int Cells, FillKind Kind);

/// <summary>What a region is filled with; the numbers are those of the harness.</summary>
public enum FillKind
{
    /// <summary>A mixture of small numbers, pointers into the arena, boundary values and random bits.</summary>
    Mixture = 0,

    /// <summary>Random bytes.</summary>
    Random = 1,

    /// <summary>Two small i32 to a cell.</summary>
    Small = 2,

    /// <summary>Letters and digits, then a zero byte in the last cell.</summary>
    Text = 3,

    /// <summary>Two i32 pointers into the arena to a cell.</summary>
    Pointers = 4,

    /// <summary>All zero.</summary>
    Zero = 5,
}

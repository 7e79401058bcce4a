using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Mewe.Linking;

/// <summary>What a function that the linker wrote itself is for. The numbers are written into the <c>mewe</c> section.</summary>
public enum GeneratedRole : byte
{
    /// <summary>Gives 64 random bits.</summary>
    Random = 0,

    /// <summary>Asks the host to choose among a number of functions.</summary>
    Choose = 1,

    /// <summary>Seeds the generator from WASI.</summary>
    SeedFromWasi = 2,

    /// <summary>The exported <c>mewe_seed</c>.</summary>
    SeedExport = 3,

    /// <summary>The bijection that makes a state of a seed, or of what the host gives.</summary>
    Mix = 4,

    /// <summary>Gives 64 bits of what is left of a block of the cipher.</summary>
    Draw = 5,

    /// <summary>Makes the next block of the cipher.</summary>
    Refill = 6,

    /// <summary>Draws the next choice of each number of choices.</summary>
    Fill = 7,
}

/// <summary>A function that the linker wrote itself.</summary>
public sealed record GeneratedFunction(GeneratedRole Role, uint Index);

/// <summary>A function that stands before another at the boundary to the host: it begins an entry.</summary>
/// <param name="Function">The function it calls.</param>
/// <param name="Index">Its own index.</param>
/// <param name="IsStart">It is the start function; otherwise the exports of <paramref name="Function"/> point to it.</param>
public sealed record EntryWrapper(uint Function, uint Index, bool IsStart);

/// <summary>A variant in the multivariant module.</summary>
/// <param name="Outlined">The functions that it needs beside itself.</param>
/// <param name="Steps">What made it of the original, in order.</param>
public sealed record MultivariantVariant(uint Index, ImmutableArray<uint> Outlined, ImmutableArray<VariantStep> Steps, Evidence Evidence)
{
    /// <summary>The steps without their rules.</summary>
    public ImmutableArray<string> Transforms => [.. Steps.Select(step => step.Transform)];

    /// <summary>Calls in whose place a callee's body stands.</summary>
    public InlinedSites Inlined { get; init; } = InlinedSites.None;
}

/// <summary>A function that was to be diversified.</summary>
/// <param name="Index">Its index: a dispatcher where <paramref name="Original"/> says so, otherwise the function as it was (but for bound calls in it).</param>
/// <param name="Original">The appended original, which is choice 0; null where there is no dispatcher.</param>
/// <param name="Reason">Why there are fewer variants than were asked for; null where there are as many.</param>
/// <param name="Variants">Choices 1, 2, ...</param>
public sealed record MultivariantFunction(uint Index, uint? Original, string? Reason, ImmutableArray<MultivariantVariant> Variants)
{
    /// <summary>What its calls get. Says nothing where there are no variants.</summary>
    public FunctionDispatch Dispatch { get; init; } = new(DispatchMode.Call);

    /// <summary>Functions whose bodies may stand in the place of direct calls to them, in this function's bodies.</summary>
    public ImmutableArray<uint> Inlines { get; init; } = [];

    /// <summary>In the original's body: calls in whose place a callee's body stands.</summary>
    public InlinedSites Inlined { get; init; } = InlinedSites.None;

    /// <summary>How many functions there are to choose from: the original and the variants.</summary>
    public int ChoiceCount => 1 + Variants.Length;

    /// <summary>The function that runs for a choice.</summary>
    public uint FunctionOf(int choice) => choice == 0 ? Original ?? Index : Variants[choice - 1].Index;
}

/// <summary>What is where in a multivariant module. All indices are those of the multivariant module, unless a name says otherwise.</summary>
public sealed record MultivariantMap
{
    public required DispatchPolicy Policy { get; init; }

    /// <summary>See <see cref="LinkOptions.ForcedChoice"/>.</summary>
    public uint ForcedChoice { get; init; }

    /// <summary>Where the randomness comes from, never <see cref="RandomnessMode.Auto"/>.</summary>
    public required RandomnessMode Randomness { get; init; }

    /// <summary>What makes random bits inside the module; says nothing where the host does.</summary>
    public GeneratorKind Generator { get; init; }

    /// <summary>The imported function that was added behind the other imports, which moved every defined function up by one; null where none was.</summary>
    public uint? AddedImport { get; init; }

    /// <summary>The global that blinded variants take their randomness from; null where none is blinded.</summary>
    public uint? Blind { get; init; }

    public ImmutableArray<GeneratedFunction> Generated { get; init; } = [];

    /// <summary>How many empty functions there are behind all others, which nobody calls: they keep the engine inlining as it does in the original.</summary>
    public uint EmptyFunctions { get; init; }

    public ImmutableArray<EntryWrapper> Wrappers { get; init; } = [];

    /// <summary>In ascending order of their indices.</summary>
    public ImmutableArray<MultivariantFunction> Functions { get; init; } = [];

    /// <summary>From indices of the original module to those of the multivariant one.</summary>
    public FunctionIndexShift Shift => AddedImport is { } added ? new FunctionIndexShift(added, 1) : FunctionIndexShift.None;

    /// <summary>For the index of every original and variant: the function that it belongs to, and which of its choices it is.</summary>
    public FrozenDictionary<uint, (MultivariantFunction Function, int Choice)> ChoicesByIndex()
    {
        var found = new Dictionary<uint, (MultivariantFunction, int)>();
        foreach (var function in Functions.Where(function => !function.Variants.IsEmpty))
        {
            for (var choice = 0; choice < function.ChoiceCount; choice++)
            {
                found.TryAdd(function.FunctionOf(choice), (function, choice));
            }
        }

        return found.ToFrozenDictionary();
    }

    /// <summary>For the index of every choice of a function that is bound: the function's own index, to which the call was addressed before it was bound.</summary>
    internal FrozenDictionary<uint, uint> BoundChoices()
    {
        var found = new Dictionary<uint, uint>();
        foreach (var function in Functions.Where(function => function.Dispatch.Bound && !function.Variants.IsEmpty))
        {
            for (var choice = 0; choice < function.ChoiceCount; choice++)
            {
                found.TryAdd(function.FunctionOf(choice), function.Index);
            }
        }

        return found.ToFrozenDictionary();
    }
}

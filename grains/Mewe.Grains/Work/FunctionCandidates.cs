using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Equivalence.Proof;
using Mewe.Execution;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>The candidates of a function that passed every check, from which a plan chooses.</summary>
public sealed class FunctionCandidates
{
    private const int LongestReason = 240;

    private readonly FunctionCode original;
    private readonly CandidatePool pool;
    private readonly TestTally tally;
    private readonly int wanted;
    private ImmutableHashSet<int> refuted = [];

    // Planning asks again and again, and comparing all candidates with each other takes its time.
    private ImmutableArray<int>? unrestricted;

    internal FunctionCandidates(uint function, string name, FunctionCode original, CandidatePool pool, TestTally tally, int wanted)
    {
        (Function, Name, this.original, this.pool, this.tally, this.wanted) = (function, name, original, pool, tally, wanted);
    }

    /// <summary>Index in the original module.</summary>
    public uint Function { get; }

    public string Name { get; }

    internal CandidatePool Pool => pool;

    internal TestTally Tally => tally;

    /// <summary>How many passed.</summary>
    public int Count => pool.Count;

    /// <summary>Inputs on which the engines disagree about the original.</summary>
    public int Disagreements => tally.Disagreements;

    /// <summary>Candidates that differed from the original.</summary>
    public required ImmutableArray<RefutedReport> Refuted { get; set; }

    /// <summary>What the engines' compilers make of the candidates.</summary>
    public required CandidateCode MachineCode { get; init; }

    /// <summary>Why there are fewer than wanted, where that is so.</summary>
    public required string Missing { get; init; }

    public required int Proposed { get; init; }

    public required int Invalid { get; init; }

    /// <summary>Which to link, by their places, leaving some out; see <see cref="CandidatePool.Select"/>.</summary>
    internal ImmutableArray<int> Select(IReadOnlySet<int> excluded) => excluded.Count > 0 ? Selection(excluded) : unrestricted ??= Selection(excluded);

    /// <summary>Whether a candidate has the evidence that the job requires.</summary>
    internal bool MayBeLinked(int place) => pool.HasRequiredEvidence(place);

    /// <summary>Instructions of a candidate, outlined ones included.</summary>
    internal int LengthOf(int place) => pool[place].Candidate.Code.InstructionCount;

    internal int OriginalLength => original.Instructions.Length;

    /// <summary>Instructions of the original and of chosen candidates, without what they outline.</summary>
    internal ImmutableArray<int> LengthsOf(ImmutableArray<int> chosen) => [OriginalLength, .. chosen.Select(place => pool[place].Candidate.Code.Code.Instructions.Length)];

    /// <summary>Those of the chosen ones of which no proof was attempted.</summary>
    internal ImmutableArray<int> WithoutProof(ImmutableArray<int> chosen) => [.. chosen.Where(place => pool[place].Proof is null)];

    /// <summary>Notes what came of an attempt.</summary>
    internal void Prove(int place, ProofResult result) => pool.Prove(place, result);

    /// <summary>A chosen candidate turned out to differ: it is not linked.</summary>
    internal void Refute(int place, Counterexample counterexample, IWasmEngine engine)
    {
        refuted = refuted.Add(place);
        Refuted = Refuted.Add(FunctionWork.Report(pool[place].Candidate, counterexample, engine));
    }

    /// <summary>A candidate as the linker takes it.</summary>
    internal LinkedVariant Linked(int place)
    {
        var candidate = pool[place];
        return new LinkedVariant(
            candidate.Candidate.Code,
            [.. candidate.Candidate.Steps.Select(VariantStep.Of)],
            new Evidence(
                candidate.IsProved ? EvidenceKind.Proved : EvidenceKind.Tested, (uint)candidate.Verdict.Inputs, (uint)tally.BranchesTotal, (uint)tally.BranchesCovered)
            {
                Inconclusive = (uint)(candidate.Verdict.Inputs - candidate.Verdict.Conclusive),
                NotProved = (candidate.Proof as NotProved)?.Category,
            });
    }

    /// <summary>What becomes of the function under a plan.</summary>
    /// <param name="planned">Null where the plan gives it no variants.</param>
    internal FunctionOutcome Choose(PlannedFunction? planned)
    {
        ImmutableArray<int> places = [.. (planned?.Variants ?? []).Where(place => !refuted.Contains(place))];
        var variants = places.Select(Linked).ToImmutableArray();
        var reason = places.Length >= wanted ? null
            : planned?.Slower is > 0 and var slower ? $"{slower} candidates are too slow for the budget"
            : Missing;
        var own = MachineCode.InOrder();
        var reports = places.Zip(variants, (place, variant) => Report(pool[place], variant, MachineCode.IsKnown ? own.Keep(place) : null));
        return new FunctionOutcome(
            new FunctionVariants(Function, variants) { Reason = reason, Dispatch = planned?.LinkedDispatch, Inlines = planned?.Inlines ?? [] },
            new FunctionReport(Function, Name, original.Instructions.Length, Proposed, tally.Tested, tally.Inputs, tally.Coverage,
                MinimalDistance(places), reason, [.. reports], Refuted)
            {
                Dispatch = variants.IsEmpty || planned is null ? null : DispatchReport.Of(planned),
            },
            tally.Inconclusive,
            Invalid,
            new ProofTally(pool.Attempted, pool.Proved, pool.NotProved()))
        {
            Places = places,
        };
    }

    private ImmutableArray<int> Selection(IReadOnlySet<int> excluded) => pool.Select(new VariantCode(original), MachineCode, excluded).Chosen;

    private double MinimalDistance(ImmutableArray<int> places)
    {
        if (places.IsEmpty)
        {
            return 0;
        }

        var shapes = places.Select(place => pool[place].Candidate.Code).Prepend(new VariantCode(original))
            .Select(code => Diversify.Selection.InstructionShingles.Of(code, original.Instructions.Length)).ToList();
        return shapes.SelectMany((shape, i) => shapes.Skip(i + 1).Select(shape.DistanceTo)).Min();
    }

    private VariantReport Report(PassedCandidate candidate, LinkedVariant variant, ImmutableArray<string>? ownCodeOn) => new(
        variant.Code.InstructionCount, variant.Transforms, variant.Evidence.Kind.Word(), variant.Evidence.NotProved,
        candidate.Proof is NotProved { Reason: var why } ? Shortened(why) : null, ownCodeOn is { } own ? own.Length == MachineCode.Engines.Length : null)
    {
        OwnMachineCodeOn = ownCodeOn,
    };

    /// <summary>Reasons can quote terms as large as the function.</summary>
    private static string Shortened(string text) => text.Length <= LongestReason ? text : $"{text[..LongestReason]}...";
}

/// <summary>What is handed to the linker and the report for a function.</summary>
public sealed record FunctionOutcome(FunctionVariants Variants, FunctionReport Report, int Inconclusive, int Invalid, ProofTally Proofs)
{
    /// <summary>Where each variant was among the candidates.</summary>
    public required ImmutableArray<int> Places { get; init; }
}

/// <summary>Proofs attempted for the candidates of a function, linked or not.</summary>
public sealed record ProofTally(int Attempted, int Proved, ImmutableArray<(string Category, int Count)> NotProved);

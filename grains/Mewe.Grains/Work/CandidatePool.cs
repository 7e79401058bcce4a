using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Diversify.Selection;
using Mewe.Equivalence;
using Mewe.Equivalence.Proof;

namespace Mewe.Grains;

/// <summary>What a linked variant must have.</summary>
public enum RequiredEvidence
{
    /// <summary>It passed its tests; proved variants come first where there are enough candidates.</summary>
    Tested,

    /// <summary>It passed its tests and is proved.</summary>
    Proved,
}

/// <summary>A candidate that passed its tests.</summary>
/// <param name="Proof">Null where no proof was attempted, since enough others are proved.</param>
internal sealed record PassedCandidate(CandidateVariant Candidate, Tested Verdict, ProofResult? Proof)
{
    public bool IsProved => Proof is ProvedEqual;
}

/// <summary>
/// The candidates of one function that passed, and when there are enough of them. All numbers are counts, so what is enough depends on no clock.
/// </summary>
/// <remarks>
/// Enough are <see cref="PerVariant"/> times as many as wanted, so that there is something to select from. Proved ones are preferred, so where fewer than wanted could be proved, more
/// are tried, until that many are or it becomes dear: where few attempts succeed, or <see cref="MaxProofsPerVariant"/> times as many as wanted were made.
/// </remarks>
internal sealed class CandidatePool(int wanted, RequiredEvidence required)
{
    /// <summary>Candidates to select from, per variant wanted.</summary>
    public const int PerVariant = 2;

    /// <summary>Proofs that are attempted at most, per variant wanted, where unproved variants are linked as well.</summary>
    public const int MaxProofsPerVariant = 4;

    /// <summary>Of so many attempts one must succeed for more candidates to be worth their proofs.</summary>
    private const int WorthwhileShare = 6;

    private readonly List<PassedCandidate> passed = [];

    public int Count => passed.Count;

    public int Proved { get; private set; }

    /// <summary>Proofs attempted.</summary>
    public int Attempted { get; private set; }

    /// <summary>Candidates that are still missing; 0 where there are enough.</summary>
    public int Missing =>
        passed.Count < PerVariant * wanted ? (PerVariant * wanted) - passed.Count
        : IsWorthMoreProofs ? MissingProofs
        : 0;

    /// <summary>Proofs that are still wanted.</summary>
    public int MissingProofs => (PerVariant * wanted) - (wanted / 2) - Proved;

    /// <summary>Proofs that are missing for every variant to be a proved one: for these the solver is asked.</summary>
    public int NeededProofs => wanted - Proved;

    private bool IsWorthMoreProofs => NeededProofs > 0 && (required == RequiredEvidence.Proved
        ? Proved > 0
        : Proved * WorthwhileShare >= Attempted && Attempted < MaxProofsPerVariant * wanted);

    public void Add(CandidateVariant candidate, Tested verdict, ProofResult? proof)
    {
        passed.Add(new PassedCandidate(candidate, verdict, proof));
        Proved += proof is ProvedEqual ? 1 : 0;
        Attempted += proof is null ? 0 : 1;
    }

    /// <summary>Notes what came of an attempt on a candidate of which none had been made.</summary>
    public void Prove(int place, ProofResult result)
    {
        passed[place] = passed[place] with { Proof = result };
        Proved += result is ProvedEqual ? 1 : 0;
        Attempted++;
    }

    /// <summary>In the order in which they passed.</summary>
    public IReadOnlyCollection<PassedCandidate> Candidates => passed;

    /// <summary>The candidates in the order in which they passed; a plan names them by their place.</summary>
    public PassedCandidate this[int place] => passed[place];

    /// <summary>Whether a candidate may be linked: all here passed their tests, and it may be that a proof is required.</summary>
    public bool HasRequiredEvidence(int place) => required == RequiredEvidence.Tested || passed[place].IsProved;

    /// <summary>The code of the candidates, by place.</summary>
    public IEnumerable<VariantCode> Codes => passed.Select(candidate => candidate.Candidate.Code);

    /// <summary>
    /// The variants that are furthest apart. Those with machine code of their own on every engine come before those that one folds back into the original or an earlier candidate, since these are no
    /// variants of what runs; within each, proved ones come first, and only those where that is required.
    /// </summary>
    /// <param name="excluded">Places that must not be chosen.</param>
    public (ImmutableArray<int> Chosen, double MinimalDistance) Select(VariantCode original, CandidateCode machineCode, IReadOnlySet<int> excluded)
    {
        var own = machineCode.InOrder();
        var places = Enumerable.Range(0, passed.Count).Where(place => !excluded.Contains(place) && HasRequiredEvidence(place))
            .OrderBy(place => passed[place].IsProved ? 0 : 1).Select(place => (Place: place, IsOwn: own.TryKeep(place)))
            .OrderBy(entry => entry.IsOwn ? 0 : 1).ToList();
        ImmutableArray<int> tiers =
        [
            places.Count(entry => entry.IsOwn && passed[entry.Place].IsProved),
            places.Count(entry => entry.IsOwn),
            places.Count(entry => entry.IsOwn || passed[entry.Place].IsProved),
            places.Count,
        ];
        var selection = VariantSelector.Select(original, [.. places.Select(entry => passed[entry.Place].Candidate)], tiers, wanted);
        return ([.. selection.Chosen.Select(position => places[position].Place)], selection.MinimalDistance);
    }

    /// <summary>Why attempted proofs failed, by category, the most frequent first.</summary>
    public ImmutableArray<(string Category, int Count)> NotProved() =>
        [.. passed.Select(candidate => candidate.Proof).OfType<NotProved>().CountBy(result => result.Category)
            .OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value))];

    /// <summary>Why there are fewer variants than candidates passed; null where proofs are not the reason.</summary>
    public string? ProofsMissing()
    {
        if (required != RequiredEvidence.Proved || Proved >= wanted || Attempted == Proved)
        {
            return null;
        }

        return $"{Attempted - Proved} of {Attempted} candidates were not proved: {string.Join(", ", NotProved().Select(pair => pair.Category))}";
    }
}

using System.Collections;

namespace Mewe.Diversify;

/// <summary>
/// The candidates of one function, lazily; enumerating again starts again and gives the same. The counters describe the latest enumeration.
/// Not for several threads at once.
/// </summary>
public sealed class CandidateStream(Diversifier diversifier, FunctionInput function, DiversifyOptions options) : IEnumerable<CandidateVariant>
{
    private readonly List<InvalidCandidate> invalid = [];

    /// <summary>Why the stream ended; null until it has.</summary>
    public StopReason? Stop { get; private set; }

    /// <summary>Candidates handed out.</summary>
    public int Proposed { get; private set; }

    /// <summary>Candidates dropped because they were equal to the original or an earlier one.</summary>
    public int Duplicates { get; private set; }

    /// <summary>Attempts in which no step changed anything.</summary>
    public int Barren { get; private set; }

    /// <summary>Candidates that did not validate: each is a bug of a transform. Empty unless something is wrong.</summary>
    public IReadOnlyList<InvalidCandidate> Invalid => invalid;

    /// <summary>Work done, in the unit of <see cref="DiversifyOptions.Fuel"/>.</summary>
    public long FuelSpent { get; private set; }

    public IEnumerator<CandidateVariant> GetEnumerator()
    {
        (Stop, Proposed, Duplicates, Barren, FuelSpent) = (null, 0, 0, 0, 0);
        invalid.Clear();
        if (function.Code.Instructions.Length > options.MaxInstructions)
        {
            Stop = new StopReason(StopKind.Unsupported, $"{function.Code.Instructions.Length} instructions, the limit is {options.MaxInstructions}");
            yield break;
        }

        var composer = new Composer(function, options, diversifier.Transforms);
        if (composer.Unsupported is { } reason)
        {
            Stop = new StopReason(StopKind.Unsupported, reason);
            yield break;
        }

        if (composer.UsableTransforms == 0)
        {
            Stop = new StopReason(StopKind.NoSites, "no transform finds anything to change");
            yield break;
        }

        var check = new CandidateCheck(function);
        var seen = new HashSet<UInt128> { composer.OriginalHash };
        var barren = 0;
        while (Proposed < options.MaxCandidates)
        {
            if (!composer.HasFuel)
            {
                Stop = new StopReason(StopKind.FuelSpent, $"the fuel of {options.Fuel} is spent after {Proposed} candidates");
                yield break;
            }

            if (barren >= options.MaxBarrenAttempts)
            {
                Stop = new StopReason(StopKind.Exhausted, $"{barren} attempts in a row gave nothing new after {Proposed} candidates");
                yield break;
            }

            var candidate = composer.Compose();
            FuelSpent = options.Fuel - composer.Fuel;
            if (candidate is null)
            {
                Barren++;
                barren++;
                continue;
            }

            if (!seen.Add(candidate.Hash))
            {
                Duplicates++;
                barren++;
                continue;
            }

            if (check.Error(candidate.Code) is { } error)
            {
                invalid.Add(new InvalidCandidate(candidate, error));
                barren++;
                continue;
            }

            barren = 0;
            Proposed++;
            yield return candidate;
        }

        Stop = new StopReason(StopKind.EnoughCandidates, $"{Proposed} candidates");
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

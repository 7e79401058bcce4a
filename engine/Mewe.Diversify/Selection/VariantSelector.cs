using System.Collections.Immutable;

namespace Mewe.Diversify.Selection;

/// <summary>The chosen candidates, in the order they were chosen.</summary>
/// <param name="Chosen">Positions in the pool.</param>
/// <param name="MinimalDistance">Smallest distance between any two of original and chosen; 1 where nothing was chosen.</param>
public sealed record Selection(ImmutableArray<int> Chosen, double MinimalDistance);

/// <summary>
/// Chooses the K candidates that are furthest apart: greedy farthest-point selection (Gonzalez 1985), which is within a factor of two of the best possible
/// minimal distance, starting from the original. Distances are those of <see cref="InstructionShingles"/>. Ties go to the candidate that stands first in the pool.
/// </summary>
public static class VariantSelector
{
    /// <param name="original">The function as it is; no chosen candidate equals it.</param>
    /// <param name="pool">Candidates that passed every check.</param>
    /// <param name="count">How many to choose at most.</param>
    public static Selection Select(VariantCode original, IReadOnlyList<CandidateVariant> pool, int count) => Select(original, pool, [pool.Count], count);

    /// <summary>As above, but the pool is in tiers, the better ones first: a candidate of a tier is taken only when all before it are.</summary>
    /// <param name="tiers">Where each tier ends, ascending; the last one is the size of the pool.</param>
    public static Selection Select(VariantCode original, IReadOnlyList<CandidateVariant> pool, ImmutableArray<int> tiers, int count)
    {
        var reference = original.Code.Instructions.Length;
        var shapes = new InstructionShingles[pool.Count];
        for (var i = 0; i < shapes.Length; i++)
        {
            shapes[i] = InstructionShingles.Of(pool[i].Code, reference);
        }

        return Select(InstructionShingles.Of(original, reference), shapes, pool.Select(candidate => candidate.Hash).ToArray(), tiers, count);
    }

    private static Selection Select(InstructionShingles original, InstructionShingles[] shapes, UInt128[] hashes, ImmutableArray<int> tiers, int count)
    {
        var nearest = new double[shapes.Length];
        for (var i = 0; i < nearest.Length; i++)
        {
            nearest[i] = original.DistanceTo(shapes[i]);
        }

        var chosen = ImmutableArray.CreateBuilder<int>(Math.Min(count, shapes.Length));
        var taken = new HashSet<UInt128>();
        var open = new bool[shapes.Length];
        Array.Fill(open, true);
        var minimal = 1.0;
        while (chosen.Count < count)
        {
            var best = -1;
            for (var tier = 0; tier < tiers.Length && best < 0; tier++)
            {
                best = Furthest(tier == 0 ? 0 : tiers[tier - 1], tiers[tier]);
            }

            if (best < 0)
            {
                break;
            }

            open[best] = false;
            if (!taken.Add(hashes[best]))
            {
                continue;
            }

            minimal = Math.Min(minimal, nearest[best]);
            chosen.Add(best);
            for (var i = 0; i < nearest.Length; i++)
            {
                if (open[i])
                {
                    nearest[i] = Math.Min(nearest[i], shapes[best].DistanceTo(shapes[i]));
                }
            }
        }

        return new Selection(chosen.DrainToImmutable(), minimal);

        int Furthest(int from, int to)
        {
            var best = -1;
            for (var i = from; i < to; i++)
            {
                if (open[i] && (best < 0 || nearest[i] > nearest[best]))
                {
                    best = i;
                }
            }

            return best;
        }
    }
}

using Mewe.Wasm;

namespace Mewe.Diversify.Selection;

/// <summary>
/// The shape of a piece of code for measuring how far apart two versions are: the multiset of its runs of three instructions (opcode and immediates), hashed.
/// The named distance is the Jaccard distance of these multisets, 1 - |A and B| / |A or B|: 0 for equal shapes, 1 where no run of three is shared.
/// In long bodies only runs whose hash is below a threshold count: a consistent sample, which keeps the distance unbiased (Broder 1997).
/// </summary>
public sealed class InstructionShingles
{
    /// <summary>The distance's name, for reports.</summary>
    public const string DistanceName = "jaccard-3gram";

    private const int SampleTarget = 2048;
    private readonly ulong[] sorted;

    private InstructionShingles(ulong[] sorted) => this.sorted = sorted;

    /// <param name="code">What to take the shape of.</param>
    /// <param name="referenceLength">Number of instructions of the original: decides the sampling, so all versions of a function must be given the same.</param>
    public static InstructionShingles Of(VariantCode code, int referenceLength)
    {
        var rate = Math.Max(1, referenceLength / SampleTarget);
        var threshold = rate == 1 ? ulong.MaxValue : ulong.MaxValue / (ulong)rate;
        var grams = new List<ulong>(Math.Min(code.InstructionCount, 4 * SampleTarget));
        Collect(code.Code.Instructions.AsSpan(), grams, threshold);
        foreach (var outlined in code.Outlined)
        {
            Collect(outlined.Code.Instructions.AsSpan(), grams, threshold);
        }

        var sorted = grams.ToArray();
        Array.Sort(sorted);

        // The n-th occurrence of a run becomes an element of its own, which turns the multiset into a set.
        var occurrence = 0UL;
        var previous = 0UL;
        for (var i = 0; i < sorted.Length; i++)
        {
            var gram = sorted[i];
            occurrence = i > 0 && gram == previous ? occurrence + 1 : 0;
            previous = gram;
            if (occurrence > 0)
            {
                sorted[i] = Mix(gram + (occurrence * 0x9E37_79B9_7F4A_7C15));
            }
        }

        Array.Sort(sorted);
        return new InstructionShingles(sorted);
    }

    /// <summary>In [0, 1].</summary>
    public double DistanceTo(InstructionShingles other)
    {
        var (a, b) = (sorted, other.sorted);
        int i = 0, j = 0, common = 0;
        while (i < a.Length && j < b.Length)
        {
            var (x, y) = (a[i], b[j]);
            common += x == y ? 1 : 0;
            i += x <= y ? 1 : 0;
            j += y <= x ? 1 : 0;
        }

        var union = a.Length + b.Length - common;
        return union == 0 ? 0 : 1 - ((double)common / union);
    }

    private static void Collect(ReadOnlySpan<Instruction> code, List<ulong> grams, ulong threshold)
    {
        ulong first = 1, second = 2;
        foreach (ref readonly var instruction in code)
        {
            var third = CodeHash.Word(instruction);
            var gram = Mix((first * 0xA076_1D64_78BD_642F) ^ Mix((second * 0xE703_7ED1_A0B4_28DB) ^ third));
            if (gram <= threshold)
            {
                grams.Add(gram);
            }

            (first, second) = (second, third);
        }
    }

    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58_476D_1CE4_E5B9;
        x = (x ^ (x >> 27)) * 0x94D0_49BB_1331_11EB;
        return x ^ (x >> 31);
    }
}

using System.Collections.Immutable;

namespace Mewe.Equivalence.Proof.Rules;

/// <summary>Looks for a counterexample among numbers that are likely ones: around zero, powers of two, the sign, and random words. The same every time.</summary>
internal static class RuleSamples
{
    private const int Rounds = 500;

    /// <summary>Values for which the rule is wrong, or null.</summary>
    public static ImmutableDictionary<string, UInt128>? Find(RuleObligation obligation)
    {
        var wrong = obligation.Wrong();
        var state = 0x6d657765UL;
        var values = new Dictionary<string, UInt128>();
        for (var round = 0; round < Rounds; round++)
        {
            UInt128 before = 0;
            foreach (var variable in obligation.Variables.Concat(obligation.Constants))
            {
                if (!variable.IsConstant)
                {
                    values[variable.Name] = before = Draw(variable.Width, before, ref state);
                }
            }

            foreach (var (constant, inverse) in obligation.Inverses)
            {
                values[inverse.Name] = BitTermEvaluator.Inverse(values[constant]);
            }

            if (BitTermEvaluator.Evaluate(wrong, name => values[name]) == 1)
            {
                foreach (var inverse in obligation.Inverses.Values)
                {
                    values.Remove(inverse.Name);
                }

                return values.ToImmutableDictionary();
            }
        }

        return null;
    }

    /// <param name="before">The value of another variable: that two are the same or opposite is what some mistakes need.</param>
    private static UInt128 Draw(int width, UInt128 before, ref ulong state)
    {
        var random = new UInt128(Next(ref state), Next(ref state));
        var power = UInt128.One << (int)(Next(ref state) % (ulong)width);
        var value = (Next(ref state) % 11) switch
        {
            0 => random & 3,
            1 => 0 - (random & 3),
            2 => power,
            3 => power - 1,
            4 => power + 1,
            5 => (UInt128)(Next(ref state) % (ulong)(2 * width)),
            6 => UInt128.One << (width - 1),
            7 => before,
            8 => 0 - before,
            _ => random,
        };
        return value & BitTerm.Mask(width);
    }

    /// <summary>SplitMix64 (Steele, Lea, Flood 2014).</summary>
    private static ulong Next(ref ulong state)
    {
        var z = state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}

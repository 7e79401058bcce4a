using System.Numerics;

namespace Mewe.Equivalence.Proof.Terms;

/// <summary>
/// Values of terms for pseudo-random values of their symbols: terms whose values differ are not equal. (Sweeping: Kuehlmann; Mishchenko et al., FRAIGs, 2005.)
/// Operations that nothing is known of have hashes of their operands for values, memories have hashes of the address for bytes.
/// </summary>
internal sealed class Simulation
{
    /// <summary>How many assignments of values there are.</summary>
    public const int Lanes = 12;

    private readonly Dictionary<Term, ulong[]> known = [];

    /// <summary>The low 64 bits of the value of a term in each lane.</summary>
    public ulong[] Of(Term term)
    {
        if (known.TryGetValue(term, out var values))
        {
            return values;
        }

        values = new ulong[Lanes];
        for (var lane = 0; lane < Lanes; lane++)
        {
            values[lane] = term.Width is > 0 and <= 64 ? Value(term, lane) & term.Mask : Value(term, lane);
        }

        known.Add(term, values);
        return values;
    }

    private ulong Value(Term term, int lane)
    {
        switch (term.Kind)
        {
            case TermKind.Constant:
                return term.Value;
            case TermKind.Symbol:
                return SymbolValue(term, lane);
            case TermKind.Sum:
                {
                    var sum = term.Numbers[0];
                    foreach (var monomial in Monomial.Of(term))
                    {
                        var product = monomial.Coefficient;
                        foreach (var factor in monomial.Factors)
                        {
                            product *= Of(factor)[lane];
                        }

                        sum += product;
                    }

                    return sum;
                }

            case TermKind.Bits:
                {
                    var bits = term.Value;
                    for (var i = 0; i < term.Children.Length; i++)
                    {
                        bits &= Shifted(Of(term.Children[i])[lane], (int)term.Numbers[i]);
                    }

                    return Shifted(bits, -term.Code);
                }

            case TermKind.Parity:
                {
                    var bits = term.Form!.Constant;
                    foreach (var part in term.Form.Parts)
                    {
                        var product = part.Mask;
                        foreach (var input in part.Inputs)
                        {
                            product &= Shifted(Of(input.Atom)[lane], input.Shift);
                        }

                        bits ^= product;
                    }

                    return bits;
                }

            case TermKind.Choice:
                return Of(term.Children[0])[lane] != 0 ? Of(term.Children[1])[lane] : Of(term.Children[2])[lane];
            case TermKind.IsZero:
                return Of(term.Children[0])[lane] == 0 ? 1UL : 0;
            case TermKind.Below:
                return Of(term.Children[0])[lane] < Of(term.Children[1])[lane] ? 1UL : 0;
            case TermKind.Load:
                return Bytes(term.Children[0], Of(term.Children[1])[lane] + term.Value, Math.Min(term.Width / 8, 8), lane);
            case TermKind.Store:
                return 0;
            default:
                return Operation(term, lane);
        }
    }

    private ulong Bytes(Term memory, ulong address, int count, int lane)
    {
        var (value, missing) = (0UL, (1 << count) - 1);
        for (; memory.Kind == TermKind.Store && missing != 0; memory = memory.Children[0])
        {
            var written = memory.Children[2];
            var distance = address - (Of(memory.Children[1])[lane] + memory.Value);
            for (var i = 0; i < count && (distance + (ulong)count - 1 < (ulong)(written.Width / 8) + (ulong)count - 1); i++)
            {
                var at = distance + (ulong)i;
                if (at < (ulong)(written.Width / 8) && (missing >> i & 1) != 0)
                {
                    value |= (at < 8 ? Of(written)[lane] >> (int)(8 * at) & 0xFF : Hash(Of(written)[lane] + at) & 0xFF) << (8 * i);
                    missing &= ~(1 << i);
                }
            }
        }

        for (var i = 0; i < count; i++)
        {
            if ((missing >> i & 1) != 0)
            {
                value |= (Hash(Hash(((ulong)memory.Code << 32) ^ memory.Value ^ ((ulong)lane << 56)) ^ (address + (ulong)i)) & 0xFF) << (8 * i);
            }
        }

        return value;
    }

    /// <summary>Small numbers, numbers with few bits and anything: where functions differ, one of these tends to show it.</summary>
    private static ulong SymbolValue(Term symbol, int lane)
    {
        var random = Hash(((ulong)symbol.Code << 40) ^ symbol.Value ^ ((ulong)(lane + 1) << 58) ^ ((ulong)symbol.Width << 32));
        return (lane % 6) switch { 0 => random & 3, 1 => 0 - (random & 7), 2 => 1UL << (int)(random & 63), 3 => random & 0xFFFF, _ => random };
    }

    private ulong Operation(Term term, int lane)
    {
        var children = term.Children;
        switch (term.Code)
        {
            case ProofOperation.Product:
                return Of(children[0])[lane] * Of(children[1])[lane];
            case ProofOperation.ShiftLeft:
                return Of(children[0])[lane] << (int)Of(children[1])[lane];
            case ProofOperation.ShiftRight:
                return Of(children[0])[lane] >> (int)Of(children[1])[lane];
            case ProofOperation.ShiftRightSigned:
                return (ulong)(Signed(children[0], lane) >> (int)Of(children[1])[lane]);
            case ProofOperation.RotateLeft:
                {
                    var (value, by) = (Of(children[0])[lane], (int)Of(children[1])[lane]);
                    return by == 0 ? value : (value << by) | (value >> (term.Width - by));
                }

            case ProofOperation.DivideUnsigned when Of(children[1])[lane] != 0:
                return Of(children[0])[lane] / Of(children[1])[lane];
            case ProofOperation.DivideSigned when Signed(children[1], lane) is not (0 or -1):
                return (ulong)(Signed(children[0], lane) / Signed(children[1], lane));
            case ProofOperation.DivideSigned when Signed(children[1], lane) == -1:
                return (ulong)-Signed(children[0], lane);
            case ProofOperation.LeadingZeros:
                return (ulong)(BitOperations.LeadingZeroCount(Of(children[0])[lane]) - (64 - children[0].Width)) & term.Mask;
            case ProofOperation.TrailingZeros:
                return (ulong)Math.Min(BitOperations.TrailingZeroCount(Of(children[0])[lane]), children[0].Width) & term.Mask;
            case ProofOperation.PopulationCount:
                return (ulong)BitOperations.PopCount(Of(children[0])[lane]) & term.Mask;
        }

        var hash = Hash(((ulong)term.Code << 16) ^ term.Value ^ (ulong)term.Width);
        foreach (var number in term.Numbers)
        {
            hash = Hash(hash ^ number);
        }

        foreach (var child in children)
        {
            hash = Hash(hash + Of(child)[lane]);
        }

        return hash;
    }

    private long Signed(Term term, int lane) => (long)(Of(term)[lane] << (64 - term.Width)) >> (64 - term.Width);

    private static ulong Shifted(ulong value, int right) => right switch { >= 64 or <= -64 => 0, >= 0 => value >> right, _ => value << -right };

    /// <summary>The finaliser of SplitMix64.</summary>
    private static ulong Hash(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}

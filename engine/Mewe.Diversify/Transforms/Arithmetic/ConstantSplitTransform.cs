using System.Numerics;
using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Arithmetic;

/// <summary>
/// Computes a constant from others: sums, differences, xor, disjoint bits joined, a mask cut out, a rotation undone, an odd factor with its inverse, narrower or wider constants
/// extended or wrapped, and float constants from the bits of an integer. All exact modulo 2^w; nothing is read and nothing can trap.
/// </summary>
public sealed class ConstantSplitTransform : ISiteTransform
{
    public string Name => "constant-split";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode is Opcode.I32Const or Opcode.I64Const or Opcode.F32Const or Opcode.F64Const && view.IsReachable(i))
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var bits = view[site.At].Bits;
        var term = view[site.At].Opcode switch
        {
            Opcode.I32Const => Split(ValueType.I32, (uint)bits, context.Random),
            Opcode.I64Const => Split(ValueType.I64, bits, context.Random),
            Opcode.F32Const => Term.Of(Opcode.F32ReinterpretI32, FloatBits(ValueType.I32, (uint)bits, context.Random)),
            _ => Term.Of(Opcode.F64ReinterpretI64, FloatBits(ValueType.I64, bits, context.Random)),
        };
        var region = new Region();
        region.Begin(site.At);
        return TermEmitter.Emit(view, region, term, context);
    }

    private static Term FloatBits(ValueType type, ulong bits, SeededRandom random) => random.OneIn(2) ? Term.Constant(type, bits) : Split(type, bits, random);

    private static Term Split(ValueType type, ulong value, SeededRandom random)
    {
        var wide = type == ValueType.I64;
        var mask = wide ? ulong.MaxValue : uint.MaxValue;
        var r = (random.OneIn(2) ? random.NextBits() : (ulong)random.Between(1, 4095)) & mask;
        Term Of(Opcode narrow, Opcode other, ulong a, ulong b) => Term.Of(wide ? other : narrow, Term.Constant(type, a), Term.Constant(type, b));
        switch (random.Below(9))
        {
            case 0:
                return Of(Opcode.I32Add, Opcode.I64Add, value - r, r);
            case 1:
                return Of(Opcode.I32Sub, Opcode.I64Sub, value + r, r);
            case 2:
                return Of(Opcode.I32Xor, Opcode.I64Xor, value ^ r, r);
            case 3:
                return Of(Opcode.I32Or, Opcode.I64Or, value & r, value & ~r);
            case 4:
                return Of(Opcode.I32And, Opcode.I64And, value | r, value | ~r);
            case 5:
                var count = random.Between(1, wide ? 63 : 31);
                var turned = wide ? BitOperations.RotateRight(value, count) : BitOperations.RotateRight((uint)value, count);
                return Of(Opcode.I32Rotl, Opcode.I64Rotl, turned, (ulong)count);
            case 6:
                return Of(Opcode.I32Mul, Opcode.I64Mul, value * Inverse(r | 1), r | 1);
            case 7:
                return Of(Opcode.I32Sub, Opcode.I64Sub, r, r - value);
            default:
                return wide ? FromNarrow(value, random) : Term.Of(Opcode.I32WrapI64, Term.Constant(ValueType.I64, value | (random.NextBits() << 32)));
        }
    }

    private static Term FromNarrow(ulong value, SeededRandom random)
    {
        if (value <= uint.MaxValue)
        {
            return Term.Of(Opcode.I64ExtendI32U, Term.Constant(ValueType.I32, value));
        }

        if ((long)value == (int)value)
        {
            return Term.Of(Opcode.I64ExtendI32S, Term.Constant(ValueType.I32, value));
        }

        var high = Term.Of(Opcode.I64Shl, Term.Constant(ValueType.I64, value >> 32), Term.Constant(ValueType.I64, 32));
        var low = Term.Of(Opcode.I64ExtendI32U, Term.Constant(ValueType.I32, value));
        return random.OneIn(2) ? Term.Of(Opcode.I64Or, high, low) : Term.Of(Opcode.I64Add, low, high);
    }

    /// <summary>Of an odd number modulo 2^64 (Newton).</summary>
    private static ulong Inverse(ulong odd)
    {
        var x = odd;
        for (var i = 0; i < 5; i++)
        {
            x *= 2 - (odd * x);
        }

        return x;
    }
}

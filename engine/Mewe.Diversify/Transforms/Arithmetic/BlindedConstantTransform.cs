using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Arithmetic;

/// <summary>
/// Computes an integer constant from the blind word, so that neither it nor a fixed part of it stands in the code where it is used. For every value of r: <c>(r + c) - r</c>, <c>(r ^ c) ^ r</c>,
/// <c>(r ^ c + k) ^ r - k</c> and <c>(r &amp; c) + (~r &amp; c)</c> are c.
/// </summary>
public sealed class BlindedConstantTransform : ISiteTransform
{
    public string Name => "blinded-constant";

    public bool NeedsBlindWord => true;

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode is Opcode.I32Const or Opcode.I64Const && view.IsReachable(i))
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var wide = view[site.At].Opcode == Opcode.I64Const;
        var type = wide ? ValueType.I64 : ValueType.I32;
        if (BlindValue.Draw(view, type, default, context.Random) is not { } blind)
        {
            return null;
        }

        var bits = view[site.At].Bits;
        var (add, sub, xor, and) = wide ? (Opcode.I64Add, Opcode.I64Sub, Opcode.I64Xor, Opcode.I64And) : (Opcode.I32Add, Opcode.I32Sub, Opcode.I32Xor, Opcode.I32And);
        var key = context.Random.NextBits();
        Term Number(ulong value) => Term.Constant(type, value);
        var term = context.Random.Below(4) switch
        {
            0 => Term.Of(sub, Term.Of(add, blind, Number(bits)), blind),
            1 => Term.Of(xor, Term.Of(xor, blind, Number(bits)), blind),
            2 => Term.Of(sub, Term.Of(xor, Term.Of(xor, blind, Number(bits + key)), blind), Number(key)),
            _ => Term.Of(add, Term.Of(and, blind, Number(bits)), Term.Of(and, Term.Of(xor, blind, Number(ulong.MaxValue)), Number(bits))),
        };
        var region = new Region();
        region.Begin(site.At);
        return TermEmitter.Emit(view, region, term, context);
    }
}

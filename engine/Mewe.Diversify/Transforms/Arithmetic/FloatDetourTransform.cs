using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Arithmetic;

/// <summary>
/// Takes a float through an integer register: behind any instruction that gives f32 or f64 the bits are reinterpreted, changed, changed back and reinterpreted. Reinterpretation keeps all
/// bits, NaN payloads included (specification, 4.3.4), and the change is an integer identity, so the float is the same bit by bit; the arithmetic that made it is not touched.
/// </summary>
public sealed class FloatDetourTransform : ISiteTransform
{
    public string Name => "float-detour";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view.IsReachable(i) && view.ResultCount(i) == 1 && view.ResultType(i).IsFloat && view.Consumer(i) >= 0)
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var random = context.Random;
        var type = view.ResultType(site.At);
        var wide = type == ValueType.F64;
        var integer = wide ? ValueType.I64 : ValueType.I32;
        Term bits = Term.Of(wide ? Opcode.I64ReinterpretF64 : Opcode.I32ReinterpretF32, Term.Variable(0));
        var mixed = random.Below(3) switch
        {
            0 => bits,
            1 => Turned(bits, integer, random),
            _ => Xored(bits, integer, random),
        };
        var term = Term.Of(wide ? Opcode.F64ReinterpretI64 : Opcode.F32ReinterpretI32, mixed);
        return TermEmitter.Emit(view, Region.Behind(site.At, type), term, context);
    }

    private static Term Turned(Term bits, ValueType type, SeededRandom random)
    {
        var count = Term.Constant(type, (ulong)random.Between(1, 31));
        return type == ValueType.I32 ? Term.Of(Opcode.I32Rotr, Term.Of(Opcode.I32Rotl, bits, count), count)
            : Term.Of(Opcode.I64Rotr, Term.Of(Opcode.I64Rotl, bits, count), count);
    }

    private static Term Xored(Term bits, ValueType type, SeededRandom random)
    {
        var key = Term.Constant(type, random.NextBits());
        var xor = type == ValueType.I32 ? Opcode.I32Xor : Opcode.I64Xor;
        return Term.Of(xor, Term.Of(xor, bits, key), key);
    }
}

using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Arithmetic;

/// <summary>
/// Of the condition of an if, br_if or select only matters whether it is zero. So it may go through anything that maps zero to zero and nothing else to zero: a rotation,
/// an odd factor (which has an inverse), negation, popcnt, ne 0, extension to 64 bits and back by a comparison.
/// </summary>
public sealed class ConditionFormTransform : ISiteTransform
{
    public string Name => "condition-form";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode is Opcode.If or Opcode.BrIf or Opcode.Select or Opcode.SelectTyped or Opcode.I32Eqz && view.IsReachable(i))
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var random = context.Random;
        var x = Term.Variable(0);
        Term Number(int value) => Term.Constant(ValueType.I32, (ulong)(uint)value);
        var term = random.Below(9) switch
        {
            0 => Term.Of(Opcode.I32Rotl, x, Number(random.Between(1, 31))),
            1 => Term.Of(Opcode.I32Mul, x, Number((int)random.NextBits() | 1)),
            2 => Term.Of(Opcode.I32Popcnt, x),
            3 => Term.Of(Opcode.I32Sub, Number(0), x),
            4 => Term.Of(Opcode.I32Ne, x, Number(0)),
            5 => Term.Of(Opcode.I32Eqz, Term.Of(Opcode.I32Eqz, x)),
            6 => Term.Of(Opcode.I32Or, x, Term.Of(Opcode.I32Rotl, x, Number(random.Between(1, 31)))),
            7 => Term.Of(Opcode.I64Ne, Term.Of(Opcode.I64ExtendI32U, x), Term.Constant(ValueType.I64, 0)),
            _ => Term.Of(Opcode.I32Ne, Term.Of(Opcode.I32Xor, x, Number(0x5A5A_5A5A)), Number(0x5A5A_5A5A)),
        };
        return TermEmitter.Emit(view, Region.Behind(site.At - 1, ValueType.I32), term, context);
    }
}

using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Writes an if without branches: <c>cond if (T) a else b end</c> and <c>cond if a set x else b set x end</c> as a select, also where there is no else
/// (then b is x itself). The condition is evaluated first and kept in a fresh local, unless it may change places with both values.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 1 and 3: both values are evaluated always, so both must be pure (no trap, no load, no float arithmetic, no tee).
/// 2: no value moves across the condition without the framework's permission. 9: arms that are plain trees contain no branch to the if's label.
/// </remarks>
public sealed class IfToSelect : ISiteTransform
{
    public string Name => "if-to-select";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode == Opcode.If && view.IsReachable(i) && view.OperandCount(i) == 1 && Match(view, i) is not null)
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var at = site.At;
        if (Match(view, at) is not { } arms)
        {
            return null;
        }

        var (yes, no, type, local) = arms;
        var code = context.Scratch();
        var start = at;
        var condition = -1;
        if (view.OperandsStart(at) is >= 0 and var operand && MayMove(view, yes, at - 1) && (no is not { } other || MayMove(view, other, at - 1)))
        {
            (start, condition) = (operand, at - 1);
        }
        else if (!context.HasRoomForLocals())
        {
            return null;
        }

        var saved = condition >= 0 ? 0 : context.AddLocal(ValueType.I32);
        if (condition < 0)
        {
            code.Add(Instruction.LocalSet(saved));
        }

        code.AddRange(view.TreeAt(yes).Instructions);
        if (no is { } otherwise)
        {
            code.AddRange(view.TreeAt(otherwise).Instructions);
        }
        else
        {
            code.Add(Instruction.LocalGet(local!.Value));
        }

        if (condition < 0)
        {
            code.Add(Instruction.LocalGet(saved));
        }
        else
        {
            // Without an else the old value of the local is read before the condition now, which must not write it.
            if (no is null && view.EffectsOf(condition).LocalsWritten != 0)
            {
                return null;
            }

            code.AddRange(view.TreeAt(condition).Instructions);
        }

        code.Add(type.IsScalar ? Instruction.Of(Opcode.Select) : Instruction.Of(Opcode.SelectTyped, new TypesPayload([type])));
        if (local is { } target)
        {
            code.Add(Instruction.LocalSet(target));
        }

        return new Edit(start, view.MatchingEnd(at) + 1, code.ToArray());
    }

    private static bool MayMove(FunctionView view, int value, int condition) => TreeEffects.CanReorder(view.EffectsOf(value), view.EffectsOf(condition));

    /// <summary>The roots of the values of both arms, their type, and the local they go to; null where an arm is anything else.</summary>
    private static (int Yes, int? No, ValueType Type, uint? Local)? Match(FunctionView view, int at)
    {
        var (otherwise, end) = (view.MatchingElse(at), view.MatchingEnd(at));
        var block = view[at].BlockType;
        if (block.Result is { } result)
        {
            return otherwise >= 0 && result.IsScalar && IsValue(view, at + 1, otherwise - 1) && IsValue(view, otherwise + 1, end - 1)
                ? (otherwise - 1, end - 1, result, null) : null;
        }

        if (!block.IsEmpty)
        {
            return null;
        }

        var last = (otherwise >= 0 ? otherwise : end) - 1;
        if (view[last].Opcode != Opcode.LocalSet || !IsValue(view, at + 1, last - 1) || view.LocalType(view[last].Index) is not { IsScalar: true } type)
        {
            return null;
        }

        var local = view[last].Index;
        if (otherwise < 0)
        {
            return (last - 1, null, type, local);
        }

        return view[end - 1].Opcode == Opcode.LocalSet && view[end - 1].Index == local && IsValue(view, otherwise + 1, end - 2)
            ? (last - 1, end - 2, type, local) : null;
    }

    /// <summary>True where [start, end] is exactly one pure tree.</summary>
    private static bool IsValue(FunctionView view, int start, int end) =>
        start <= end && view.IsTree(end) && view.TreeAt(end) is { IsPure: true } tree && tree.Start == start;
}

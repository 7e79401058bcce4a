using Mewe.Diversify.Transforms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Terms;

/// <summary>
/// Writes a term in the place of a region so that every effect of the operands still happens once and in its order. This is the one place that decides how often and
/// when operands are evaluated, for all rules and all arithmetic transforms (soundness.md, known ways to be wrong 1 to 3):
/// <list type="bullet">
/// <item><b>Copied</b>: a pure tree (see <see cref="TreeEffects.IsPure"/>) that may be reordered with every other operand tree is written wherever the term uses it, any number of
/// times, also never.</item>
/// <item><b>In place</b>: if the term uses each of the others exactly once and in their order of evaluation, they are written where they are used; held values must then be the
/// first thing that the term wants. Trees may change places only where <see cref="TreeEffects.CanReorder"/> allows it for each pair that does.</item>
/// <item><b>Spilled</b>: else each of the others is evaluated first, in order, into a fresh local (or dropped where the term does not use it), which the term then reads.</item>
/// </list>
/// </summary>
public static class TermEmitter
{
    private const int MaxCopiedSize = 4;

    /// <summary>The edit that computes <paramref name="term"/> instead of the region, or null where no local can be added or the region has too many operands.</summary>
    public static Edit? Emit(FunctionView view, Region region, Term term, RewriteContext context)
    {
        Span<int> uses = stackalloc int[16];
        Span<int> order = stackalloc int[64];
        var leaves = 0;
        if (!CountUses(term, uses, order, ref leaves))
        {
            return null;
        }

        Span<int> place = stackalloc int[16];
        for (var i = 0; i < region.Count; i++)
        {
            place[i] = IsCopied(view, region, i, uses[i]) ? Copied : InPlace;
        }

        var output = context.Scratch();
        if (!CanStayInPlace(view, region, term, uses, order[..leaves], place) && !Spill(view, region, uses, place, output, context))
        {
            return null;
        }

        Write(view, region, term, place, output);
        JoinSetAndGet(output);
        return new Edit(region.Start, region.End + 1, output.ToArray());
    }

    /// <summary>Writes a term without variables.</summary>
    public static void WriteClosed(Term term, List<Instruction> output)
    {
        foreach (var child in term.Children)
        {
            WriteClosed(child, output);
        }

        output.Add(term.Instruction);
    }

    private const int Copied = -1;
    private const int InPlace = -2;

    private static bool CountUses(Term term, Span<int> uses, Span<int> order, ref int leaves)
    {
        if (term.IsVariable)
        {
            if (leaves == order.Length)
            {
                return false;
            }

            uses[term.VariableIndex]++;
            order[leaves++] = term.VariableIndex;
            return true;
        }

        foreach (var child in term.Children)
        {
            if (!CountUses(child, uses, order, ref leaves))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsCopied(FunctionView view, Region region, int index, int uses)
    {
        ref readonly var operand = ref region[index];
        if (operand.IsHeld || !view.EffectsOf(operand.End).IsPure || (uses > 1 && operand.End - operand.Start >= MaxCopiedSize))
        {
            return false;
        }

        for (var other = 0; other < region.Count; other++)
        {
            if (other != index && !region[other].IsHeld && !TreeEffects.CanReorder(view.EffectsOf(operand.End), view.EffectsOf(region[other].End)))
            {
                return false;
            }
        }

        return true;
    }

    private static bool CanStayInPlace(FunctionView view, Region region, Term term, ReadOnlySpan<int> uses, ReadOnlySpan<int> order, ReadOnlySpan<int> place)
    {
        for (var i = 0; i < region.Count; i++)
        {
            if (place[i] == InPlace && uses[i] != 1)
            {
                return false;
            }
        }

        if (region.HeldCount > 0)
        {
            // Nothing may be pushed below or between the held values: they must be the first leaves, constants included.
            var next = 0;
            if (!HeldComeFirst(term, region.HeldCount, ref next))
            {
                return false;
            }
        }

        for (var i = 0; i < order.Length; i++)
        {
            for (var j = i + 1; j < order.Length; j++)
            {
                var (a, b) = (order[i], order[j]);
                if (place[a] == InPlace && place[b] == InPlace && a > b
                    && (region[a].IsHeld || region[b].IsHeld || !TreeEffects.CanReorder(view.EffectsOf(region[a].End), view.EffectsOf(region[b].End))))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Walks the term in order of evaluation; true once variables 0 to count - 1 came, each before any other instruction.</summary>
    private static bool HeldComeFirst(Term term, int count, ref int next)
    {
        if (next == count)
        {
            return true;
        }

        if (term.IsVariable)
        {
            return term.VariableIndex == next++;
        }

        foreach (var child in term.Children)
        {
            if (!HeldComeFirst(child, count, ref next))
            {
                return false;
            }

            if (next == count)
            {
                return true;
            }
        }

        // The term's own instruction would come before the next held value.
        return false;
    }

    private static bool Spill(FunctionView view, Region region, ReadOnlySpan<int> uses, Span<int> place, List<Instruction> output, RewriteContext context)
    {
        if (!context.HasRoomForLocals(region.Count))
        {
            return false;
        }

        for (var i = region.HeldCount - 1; i >= 0; i--)
        {
            place[i] = Keep(region[i].Type, uses[i], output, context);
        }

        for (var i = region.HeldCount; i < region.Count; i++)
        {
            if (place[i] == InPlace)
            {
                output.AddRange(view.Code[region[i].Start..(region[i].End + 1)]);
                place[i] = Keep(region[i].Type, uses[i], output, context);
            }
        }

        return true;
    }

    private static int Keep(ValueType type, int uses, List<Instruction> output, RewriteContext context)
    {
        if (uses == 0)
        {
            output.Add(Instruction.Of(Opcode.Drop));
            return Copied;
        }

        var local = context.AddLocal(type);
        output.Add(Instruction.LocalSet(local));
        return (int)local;
    }

    private static void Write(FunctionView view, Region region, Term term, ReadOnlySpan<int> place, List<Instruction> output)
    {
        if (!term.IsVariable)
        {
            foreach (var child in term.Children)
            {
                Write(view, region, child, place, output);
            }

            output.Add(term.Instruction);
            return;
        }

        ref readonly var operand = ref region[term.VariableIndex];
        if (place[term.VariableIndex] >= 0)
        {
            output.Add(Instruction.LocalGet((uint)place[term.VariableIndex]));
        }
        else if (!operand.IsHeld)
        {
            output.AddRange(view.Code[operand.Start..(operand.End + 1)]);
        }
    }

    /// <summary>The first <c>local.set t; local.get t</c> is a <c>local.tee t</c>.</summary>
    private static void JoinSetAndGet(List<Instruction> output)
    {
        for (var i = 0; i + 1 < output.Count; i++)
        {
            if (output[i].Opcode == Opcode.LocalSet && output[i + 1].Opcode == Opcode.LocalGet && output[i].Index == output[i + 1].Index)
            {
                output[i] = Instruction.LocalTee(output[i].Index);
                output.RemoveAt(i + 1);
                return;
            }
        }
    }
}

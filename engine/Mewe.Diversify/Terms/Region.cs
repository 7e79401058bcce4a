using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Terms;

/// <summary>An operand of a <see cref="Region"/>: the tree [Start, End], or a value that is on the stack already when the region starts.</summary>
public readonly record struct Operand(ValueType Type, int Start, int End)
{
    public static Operand Held(ValueType type) => new(type, -1, -1);

    public bool IsHeld => Start < 0;
}

/// <summary>
/// Contiguous instructions [<see cref="Start"/>, <see cref="End"/>] that take held values from the stack (if any), evaluate operand trees and compute one result. Operands are
/// in order of evaluation: the held ones first, as they lie on the stack, then the trees.
/// </summary>
public sealed class Region
{
    private readonly Operand[] operands = new Operand[16];

    public int Start { get; private set; }

    /// <summary>The root, inclusive.</summary>
    public int End { get; private set; }

    public int Count { get; private set; }

    public ref readonly Operand this[int index] => ref operands[index];

    public int HeldCount { get; private set; }

    /// <summary>
    /// The region of one instruction with its operands as variables, whatever they are: trees where they stand directly before it, otherwise values held on the stack.
    /// </summary>
    /// <param name="root">A reachable instruction with a signature from the table, one result and 1 to 3 operands of known type, or a select.</param>
    public bool TryFlat(FunctionView view, int root)
    {
        Begin(root);
        var operandCount = view.OperandCount(root);
        for (var k = 0; k < operandCount; k++)
        {
            var type = OperandTypeOf(view, root, operandCount - 1 - k);
            if (type == default || !Take(view, root, type))
            {
                return false;
            }
        }

        Finish();
        return true;
    }

    /// <summary>The type that an instruction's operand has by its signature; for a select by what is on the stack.</summary>
    /// <param name="position">0 is the first pushed.</param>
    public static ValueType OperandTypeOf(FunctionView view, int root, int position)
    {
        var info = view[root].Info;
        if (!info.HasFixedSignature)
        {
            return view[root].Opcode == Opcode.Select
                ? position == 2 ? ValueType.I32 : view.ResultType(root)
                : default;
        }

        var letter = info.Operands[position];
        return letter == 'a' ? view.Module.AddressType(view[root].Index) : ValueType.FromLetter(letter);
    }

    /// <summary>No instructions, behind <paramref name="producer"/>: takes the value that it left on the stack.</summary>
    public static Region Behind(int producer, ValueType type)
    {
        var region = new Region { Start = producer + 1, End = producer, Count = 1, HeldCount = 1 };
        region.operands[0] = Operand.Held(type);
        return region;
    }

    /// <summary>True where two operands are the same pure instructions, and nothing that is evaluated between them changes what they read.</summary>
    public bool SamePure(FunctionView view, int first, int second)
    {
        var (a, b) = (operands[first], operands[second]);
        if (a.IsHeld || b.IsHeld || a.End - a.Start != b.End - b.Start || !view.EffectsOf(a.End).IsPure || !view.EffectsOf(b.End).IsPure
            || !view.Code[a.Start..(a.End + 1)].SequenceEqual(view.Code[b.Start..(b.End + 1)]))
        {
            return false;
        }

        for (var k = 0; k < Count; k++)
        {
            if (!operands[k].IsHeld && !TreeEffects.CanReorder(view.EffectsOf(a.End), view.EffectsOf(operands[k].End)))
            {
                return false;
            }
        }

        return true;
    }

    internal void Begin(int root) => (End, Start, Count, HeldCount) = (root, root, 0, 0);

    /// <summary>Takes the next operand to the left as a variable: the tree that ends before <see cref="Start"/>, or a held value.</summary>
    internal bool Take(FunctionView view, int consumer, ValueType type)
    {
        if (Count == operands.Length)
        {
            return false;
        }

        var end = Start - 1;
        if (HeldCount == 0 && end >= 0 && view.IsTree(end) && view.Consumer(end) == consumer)
        {
            operands[Count++] = new Operand(type, view.OperandsStart(end), end);
            Start = view.OperandsStart(end);
            return true;
        }

        operands[Count++] = Operand.Held(type);
        HeldCount++;
        return true;
    }

    /// <summary>Steps over an instruction that the pattern matched.</summary>
    internal void Step(int to) => Start = to;

    /// <summary>Operands were taken from right to left; puts them into evaluation order.</summary>
    internal void Finish() => operands.AsSpan(0, Count).Reverse();
}

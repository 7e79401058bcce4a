using Mewe.Wasm;

namespace Mewe.Diversify.Views;

/// <summary>
/// An expression of a <see cref="FunctionView"/>: the contiguous instructions [<see cref="Start"/>, <see cref="End"/>] that compute one value from
/// nothing. Its operands are trees that stand directly before its root, so the range can be replaced as a whole.
/// </summary>
public readonly struct Tree
{
    private readonly FunctionView view;

    internal Tree(FunctionView view, int end) => (this.view, End) = (view, end);

    /// <summary>First instruction.</summary>
    public int Start => view.OperandsStart(End);

    /// <summary>The root: the last instruction, inclusive.</summary>
    public int End { get; }

    /// <summary>Number of instructions.</summary>
    public int Size => End - Start + 1;

    public Opcode Opcode => view[End].Opcode;

    public ref readonly Instruction Root => ref view[End];

    public ValueType Type => view.ResultType(End);

    public ref readonly TreeEffects Effects => ref view.EffectsOf(End);

    public bool IsPure => Effects.IsPure;

    public int OperandCount => view.OperandCount(End);

    /// <summary>The operands, last one first.</summary>
    public Tree LastOperand => new(view, End - 1);

    /// <summary>The operand at a position, the first pushed being 0.</summary>
    public Tree Operand(int position)
    {
        var end = End - 1;
        for (var k = OperandCount - 1; k > position; k--)
        {
            end = view.OperandsStart(end) - 1;
        }

        return new Tree(view, end);
    }

    public bool IsI32Const => view[End].Opcode == Opcode.I32Const;

    public bool IsI64Const => view[End].Opcode == Opcode.I64Const;

    public ReadOnlySpan<Instruction> Instructions => view.Code.Slice(Start, Size);
}

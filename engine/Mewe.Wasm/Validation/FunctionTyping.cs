namespace Mewe.Wasm.Validation;

/// <summary>
/// The types in a valid function body, instruction by instruction, as the validation algorithm sees them. Indices are instruction indices.
/// <para>
/// A block opener takes its condition and parameters and gives its parameters (now inside the block); <c>else</c>, <c>catch</c> and <c>end</c> take the
/// results of the part they close and give what the next part or the code behind the block starts with. A branch takes what it passes along; a
/// conditional one gives it back, typed as the label has it. What an instruction that never falls through leaves on the stack is
/// dropped and not reported.
/// </para>
/// In unreachable code, an operand that no instruction made has the type <see cref="ValueType.Bottom"/>, or is a reference to <see cref="HeapType.Bottom"/>.
/// </summary>
public sealed class FunctionTyping
{
    private readonly int[] heights;
    private readonly int[] depths;
    private readonly bool[] reachable;
    private readonly int[] starts;
    private readonly int[] operandCounts;
    private readonly ValueType[] types;
    private readonly int[] matching;
    private readonly int[] elses;

    internal FunctionTyping(int[] heights, int[] depths, bool[] reachable, int[] starts, int[] operandCounts, ValueType[] types, int[] matching, int[] elses)
    {
        (this.heights, this.depths, this.reachable, this.starts) = (heights, depths, reachable, starts);
        (this.operandCounts, this.types, this.matching, this.elses) = (operandCounts, types, matching, elses);
    }

    /// <summary>Number of instructions, the final end included.</summary>
    public int Count => heights.Length;

    /// <summary>The largest <see cref="StackHeight"/> of the body.</summary>
    public int MaxStackHeight => heights.Length == 0 ? 0 : heights.Max();

    /// <summary>Number of values on the operand stack before the instruction, those of enclosing blocks included.</summary>
    public int StackHeight(int instruction) => heights[instruction];

    /// <summary>Number of blocks around the instruction, the function's own not counted; an opener and its end are outside and inside of their block.</summary>
    public int Depth(int instruction) => depths[instruction];

    /// <summary>
    /// False behind an instruction that never falls through, up to the end of its block, and everywhere in blocks opened there. The code behind the
    /// end of a block counts as reachable when the block was entered, as in the specification.
    /// </summary>
    public bool IsReachable(int instruction) => reachable[instruction];

    /// <summary>Types of the values that the instruction takes, leftmost pushed first.</summary>
    public ReadOnlySpan<ValueType> Operands(int instruction) => types.AsSpan(starts[instruction], operandCounts[instruction]);

    /// <summary>Types of the values that the instruction gives, leftmost pushed first.</summary>
    public ReadOnlySpan<ValueType> Results(int instruction) => types.AsSpan((starts[instruction] + operandCounts[instruction])..starts[instruction + 1]);

    /// <summary>
    /// Of an opener its end (or delegate), of an end or delegate its opener, of an else or catch the end of its block; -1 for all others and
    /// for the final end.
    /// </summary>
    public int Matching(int instruction) => matching[instruction];

    /// <summary>The else of an if; -1 where there is none, and for all other instructions.</summary>
    public int Else(int instruction) => elses[instruction];
}

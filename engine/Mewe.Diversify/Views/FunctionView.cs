using Mewe.Wasm;

namespace Mewe.Diversify.Views;

/// <summary>
/// A body as transforms see it: instructions, block structure, reachability, loop depth and the expression forest. Read-only; the driver rebuilds it in place after each
/// step in one pass over the code (O(n), no allocation once its arrays have grown), so nobody may keep a view, a <see cref="Tree"/> or a span over a step.
/// <para>
/// What the rewriter does not understand is still here as instructions, but never inside a tree that may be moved: its effects pin it.
/// Code behind an unconditional branch is unreachable, has no trees, and must be left alone (its stack is polymorphic).
/// </para>
/// </summary>
public sealed class FunctionView
{
    private readonly StackWalk walk = new();
    private Instruction[] code = [];
    private ValueType[] locals = [];

    internal FunctionView(FunctionInput input) => Input = input;

    /// <summary>A view of a function as it is.</summary>
    /// <param name="outlinedType">Gives the type of an outlined function by its placeholder, where the body calls any.</param>
    public static FunctionView Of(FunctionInput input, Func<uint, FunctionType?>? outlinedType = null)
    {
        var view = new FunctionView(input) { OutlinedType = outlinedType };
        view.Rebuild(input.Code.Instructions.AsSpan(), [.. input.Type.Parameters, .. input.Code.LocalTypes()]);
        return view;
    }

    /// <summary>The function that is diversified, as it was before the first step.</summary>
    public FunctionInput Input { get; }

    public ModuleFacts Module => Input.Module;

    /// <summary>All instructions with the final end.</summary>
    public ReadOnlySpan<Instruction> Code => code.AsSpan(0, Count);

    /// <summary>Number of instructions, the final end included.</summary>
    public int Count { get; private set; }

    public ref readonly Instruction this[int index] => ref code[index];

    public int ParameterCount => Input.Type.Parameters.Length;

    /// <summary>Number of locals, parameters included.</summary>
    public int LocalCount { get; private set; }

    /// <summary>Type of each local, parameters first.</summary>
    public ReadOnlySpan<ValueType> Locals => locals.AsSpan(0, LocalCount);

    public ValueType LocalType(uint local) => locals[local];

    /// <summary>False behind an unconditional branch, up to the end or else of the block around it.</summary>
    public bool IsReachable(int index) => walk.Nodes[index].Reachable;

    /// <summary>Number of loops around an instruction; a loop instruction itself stands outside of it.</summary>
    public int LoopDepth(int index) => walk.Nodes[index].LoopDepth;

    /// <summary>Number of values on the operand stack before an instruction; meaningless where it is unreachable.</summary>
    public int HeightBefore(int index) => walk.Nodes[index].Height;

    /// <summary>Innermost block opener (block, loop, if, try, try_table) around an instruction, or -1 for the body. An opener, its else and its end stand outside it.</summary>
    public int Enclosing(int index) => walk.Nodes[index].Enclosing;

    /// <summary>For an opener or else: where its block ends (the end, or a delegate).</summary>
    public int MatchingEnd(int opener) => code[opener].Opcode == Opcode.Else ? walk.Nodes[opener].Else : walk.Nodes[opener].Match;

    /// <summary>For an if: its else, or -1.</summary>
    public int MatchingElse(int @if) => walk.Nodes[@if].Else;

    /// <summary>For an end, else, catch, catch_all or delegate: its opener; -1 for the final end.</summary>
    public int Opener(int end) => walk.Nodes[end].Match;

    /// <summary>Number of values an instruction takes from the stack; for a br_if or a block only what it consumes for good or as block parameters.</summary>
    public int OperandCount(int index) => walk.Nodes[index].Operands;

    /// <summary>Number of values an instruction leaves.</summary>
    public int ResultCount(int index) => walk.Nodes[index].Results;

    /// <summary>
    /// Where the operands of an instruction start, if all of them are trees standing directly before it (its own index if it has none); -1 where not, or unreachable.
    /// Also for instructions without a result (stores, local.set, br_if ...): then [start, index] is a whole statement.
    /// </summary>
    public int OperandsStart(int index) => walk.Nodes[index].Start;

    /// <summary>Type of the one value that an instruction pushes; the default (invalid) type where it pushes none or several, or a type that is not tracked.</summary>
    public ValueType ResultType(int index) => walk.Nodes[index].Type;

    /// <summary>Effects of [OperandsStart(index), index]; of the instruction alone where its operands are no trees.</summary>
    public ref readonly TreeEffects EffectsOf(int index) => ref walk.Nodes[index].Effects;

    /// <summary>The instruction that takes the value pushed by <paramref name="index"/>, or -1 where that is not one instruction (a block result, unreachable code).</summary>
    public int Consumer(int index) => walk.Nodes[index].Consumer;

    /// <summary>Type of an operand counted from the top of the stack (0 is the last pushed), up to 2; the default type where unknown.</summary>
    public ValueType OperandType(int index, int fromTop) => fromTop switch
    {
        0 => walk.Nodes[index].Top0,
        1 => walk.Nodes[index].Top1,
        _ => walk.Nodes[index].Top2,
    };

    /// <summary>True where instruction <paramref name="end"/> is the root of an expression: reachable, one result, operands contiguous before it.</summary>
    public bool IsTree(int end) => walk.Nodes[end] is { Start: >= 0, Results: 1 };

    /// <summary>The expression that ends at an instruction; check <see cref="IsTree"/> first.</summary>
    public Tree TreeAt(int end) => new(this, end);

    /// <summary>Why the function cannot be diversified at all, or null.</summary>
    public string? Unsupported => walk.Unsupported;

    /// <summary>Estimated cost of a run, by <see cref="CostModel"/>.</summary>
    public long Cost => walk.Cost;

    /// <summary>Gives the type of an outlined function by its placeholder.</summary>
    internal Func<uint, FunctionType?>? OutlinedType
    {
        set => walk.OutlinedType = value;
    }

    internal void Rebuild(ReadOnlySpan<Instruction> newCode, ReadOnlySpan<ValueType> newLocals)
    {
        if (code.Length < newCode.Length)
        {
            code = new Instruction[Math.Max(newCode.Length, code.Length * 2)];
        }

        if (locals.Length < newLocals.Length)
        {
            locals = new ValueType[Math.Max(newLocals.Length, locals.Length * 2)];
        }

        newCode.CopyTo(code);
        newLocals.CopyTo(locals);
        Count = newCode.Length;
        LocalCount = newLocals.Length;
        walk.Run(Code, Locals, Input);
    }
}

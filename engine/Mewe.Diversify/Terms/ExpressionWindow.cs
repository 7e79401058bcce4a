using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Terms;

/// <summary>A node of a <see cref="ExpressionWindow"/>: an instruction, a constant, or a variable (<see cref="Opcode.LocalGet"/> with the operand's number).</summary>
internal readonly record struct WindowNode(Opcode Opcode, ulong Bits, int A, int B, int C, ValueType Type);

/// <summary>
/// The top of an expression: total instructions that rules speak of, down to a few levels, with everything below as variables. A variable is an operand of the <see cref="Region"/> that
/// <see cref="TermEmitter"/> writes into, so that effects, traps and values held on the stack stay its business. Operands that are the same pure expression are one variable.
/// </summary>
/// <param name="maxOperations">Most instructions in a window, variables and constants not counted.</param>
/// <param name="maxDepth">Most instructions above each other.</param>
internal sealed class ExpressionWindow(int maxOperations = ExpressionWindow.DefaultOperations, int maxDepth = ExpressionWindow.DefaultDepth)
{
    /// <summary>Small enough that many places share a shape, and with it its graph.</summary>
    public const int DefaultOperations = 6, DefaultDepth = 3;

    private static readonly bool[] Total = new bool[OpcodeTable.Size];
    private readonly List<WindowNode> nodes = new(32);

    static ExpressionWindow()
    {
        foreach (var info in OpcodeTable.All)
        {
            Total[(int)info.Opcode] = (info.HasFixedSignature && info.Immediate == ImmediateKind.None && info.Effects == Effects.None
                && info.Operands.Length is >= 1 and <= 3 && info.Results.Length == 1) || info.Opcode == Opcode.Select;
        }
    }

    /// <summary>True for instructions that are pure, cannot trap, and have one to three operands and one result.</summary>
    public static bool IsTotal(Opcode opcode) => Total[(int)opcode];

    /// <summary>Integer division and remainder.</summary>
    public static bool IsDivision(Opcode opcode) => opcode is >= Opcode.I32DivS and <= Opcode.I32RemU or >= Opcode.I64DivS and <= Opcode.I64RemU;

    /// <summary>True where dividing by a constant cannot trap.</summary>
    public static bool IsHarmlessDivisor(Opcode division, Opcode constant, ulong bits) => (constant == Opcode.I32Const ? (uint)bits : bits) != 0
        && (division is not (Opcode.I32DivS or Opcode.I64DivS) || (constant == Opcode.I32Const ? (uint)bits != uint.MaxValue : bits != ulong.MaxValue));

    /// <summary>Instructions in the window.</summary>
    public int Operations { get; private set; }

    public Region Region { get; } = new();

    /// <summary>Operands before their instruction; the root is the last.</summary>
    public IReadOnlyList<WindowNode> Nodes => nodes;

    /// <summary>Reads the window whose root is an instruction; false where there is nothing to rewrite.</summary>
    /// <param name="isKnown">Opcodes that some rule speaks of.</param>
    public bool TryRead(FunctionView view, int root, ReadOnlySpan<bool> isKnown)
    {
        nodes.Clear();
        Operations = 0;
        if (!Enters(view, root, isKnown))
        {
            return false;
        }

        Region.Begin(root);
        if (Read(view, root, isKnown, maxDepth) < 0)
        {
            return false;
        }

        Region.Finish();
        NumberVariables(view);
        return true;
    }

    private static bool Enters(FunctionView view, int at, ReadOnlySpan<bool> isKnown)
    {
        var opcode = view[at].Opcode;
        return isKnown[(int)opcode] && view.IsReachable(at) && view.ResultCount(at) == 1 && IsNumber(view.ResultType(at))
            && (Total[(int)opcode] || (IsDivision(opcode) && view[at - 1].Opcode is Opcode.I32Const or Opcode.I64Const && IsHarmlessDivisor(opcode, view[at - 1].Opcode, view[at - 1].Bits)));
    }

    private static bool IsNumber(ValueType type) => type.IsInteger || type == ValueType.F32 || type == ValueType.F64 || type == ValueType.V128;

    /// <summary>Right to left, as operands lie before their instruction; gives the node's number, or -1.</summary>
    private int Read(FunctionView view, int at, ReadOnlySpan<bool> isKnown, int depth)
    {
        Operations++;
        Region.Step(at);
        var count = view.OperandCount(at);
        Span<int> operands = [-1, -1, -1];
        for (var k = count - 1; k >= 0; k--)
        {
            var operand = Region.Start - 1;
            var type = Region.OperandTypeOf(view, at, k);
            if (type == default)
            {
                return -1;
            }

            var follows = Region.HeldCount == 0 && operand >= 0 && view.ResultCount(operand) == 1 && view.Consumer(operand) == at;
            if (follows && view[operand].Opcode is Opcode.I32Const or Opcode.I64Const or Opcode.F32Const or Opcode.F64Const)
            {
                Region.Step(operand);
                var bits = view[operand].Opcode is Opcode.I32Const or Opcode.F32Const ? (uint)view[operand].Bits : view[operand].Bits;
                nodes.Add(new WindowNode(view[operand].Opcode, bits, -1, -1, -1, type));
            }
            else if (follows && depth > 1 && Operations < maxOperations && Enters(view, operand, isKnown))
            {
                if (Read(view, operand, isKnown, depth - 1) < 0)
                {
                    return -1;
                }
            }
            else
            {
                nodes.Add(new WindowNode(Opcode.LocalGet, (ulong)Region.Count, -1, -1, -1, type));
                if (!Region.Take(view, at, type))
                {
                    return -1;
                }
            }

            operands[k] = nodes.Count - 1;
        }

        nodes.Add(new WindowNode(view[at].Opcode, 0, operands[0], operands[1], operands[2], view.ResultType(at)));
        return nodes.Count - 1;
    }

    /// <summary>Operands were taken from right to left; and equal ones are one variable.</summary>
    private void NumberVariables(FunctionView view)
    {
        for (var i = 0; i < nodes.Count; i++)
        {
            if (nodes[i].Opcode == Opcode.LocalGet)
            {
                var number = Region.Count - 1 - (int)nodes[i].Bits;
                for (var earlier = 0; earlier < number; earlier++)
                {
                    if (Region.SamePure(view, earlier, number))
                    {
                        number = earlier;
                    }
                }

                nodes[i] = nodes[i] with { Bits = (ulong)number };
            }
        }
    }
}

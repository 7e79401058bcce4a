using Mewe.Diversify.Terms;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests.Terms;

/// <summary>Random windows over three variables of each type, with the term that they stand for.</summary>
internal static class RandomExpression
{
    private static readonly ValueType[] Types = [ValueType.I32, ValueType.I32, ValueType.I64, ValueType.I64, ValueType.F32, ValueType.F64, ValueType.V128];

    private static readonly Dictionary<(ValueType, Feature), Opcode[]> Operations = OpcodeTable.All
        .Where(info => (ExpressionWindow.IsTotal(info.Opcode) && info.Opcode != Opcode.Select && IsEvaluated(info.Opcode)))
        .GroupBy(info => (ValueType.FromLetter(info.Results[0]), info.Feature == Feature.SignExtension ? Feature.Mvp : info.Feature))
        .ToDictionary(group => group.Key, group => group.Select(info => info.Opcode).ToArray());

    public static (IReadOnlyList<WindowNode> Window, Term Source, ValueType[] Types) Window(SeededRandom random, Feature feature)
    {
        var nodes = new List<WindowNode>();
        var types = feature == Feature.Simd ? Types : Types[..4];
        var (_, term) = Node(nodes, feature == Feature.Simd ? ValueType.V128 : random.Pick(types), 3, feature, random);
        return (nodes, term, Types);
    }

    public static IReadOnlyList<WindowNode> AddOfThree() =>
    [
        new(Opcode.LocalGet, 0, -1, -1, -1, ValueType.I32), new(Opcode.LocalGet, 1, -1, -1, -1, ValueType.I32), new(Opcode.I32Add, 0, 0, 1, -1, ValueType.I32),
        new(Opcode.LocalGet, 2, -1, -1, -1, ValueType.I32), new(Opcode.I32Add, 0, 2, 3, -1, ValueType.I32),
    ];

    private static (int Index, Term Term) Node(List<WindowNode> nodes, ValueType type, int depth, Feature feature, SeededRandom random)
    {
        Opcode opcode;
        if (depth == 0 || (depth < 3 && random.OneIn(4)))
        {
            if (type.IsInteger && random.OneIn(3))
            {
                var bits = random.OneIn(2) ? (ulong)random.Below(70) : Samples.Draw(type, random).U64;
                bits = type == ValueType.I32 ? (uint)bits : bits;
                nodes.Add(new WindowNode(type == ValueType.I32 ? Opcode.I32Const : Opcode.I64Const, bits, -1, -1, -1, type));
                return (nodes.Count - 1, Term.Constant(type, bits));
            }

            var variable = random.Pick([.. Enumerable.Range(0, Types.Length).Where(index => Types[index] == type)]);
            nodes.Add(new WindowNode(Opcode.LocalGet, (ulong)variable, -1, -1, -1, type));
            return (nodes.Count - 1, Term.Variable(variable));
        }

        if (type.IsInteger && random.OneIn(12))
        {
            var (x, y, b) = (Node(nodes, type, depth - 1, feature, random), Node(nodes, type, depth - 1, feature, random), Node(nodes, ValueType.I32, depth - 1, feature, random));
            nodes.Add(new WindowNode(Opcode.Select, 0, x.Index, y.Index, b.Index, type));
            return (nodes.Count - 1, Term.Of(Instruction.Of(Opcode.Select), x.Term, y.Term, b.Term));
        }

        opcode = random.Pick(Operations[(type, type == ValueType.V128 ? Feature.Simd : Feature.Mvp)]);
        var operands = OpcodeTable.Get(opcode).Operands.Select(letter => Node(nodes, ValueType.FromLetter(letter), depth - 1, feature, random)).ToArray();
        int At(int index) => index < operands.Length ? operands[index].Index : -1;
        nodes.Add(new WindowNode(opcode, 0, At(0), At(1), At(2), type));
        return (nodes.Count - 1, Term.Of(Instruction.Of(opcode), [.. operands.Select(operand => operand.Term)]));
    }

    private static bool IsEvaluated(Opcode opcode)
    {
        try
        {
            Evaluation.Numeric.Evaluate(opcode, [1u, 1u, 1u]);
            return true;
        }
        catch (Exception error) when (error is NotSupportedException or ArgumentOutOfRangeException or FormatException or IndexOutOfRangeException)
        {
            return false;
        }
    }
}

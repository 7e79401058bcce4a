using Mewe.Diversify.Tests.Evaluation;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests;

/// <summary>
/// Random valid bodies for <see cref="TestModule"/> with everything that makes rewriting dangerous: calls, stores, tees and global writes inside of expressions, traps, values held on
/// the stack across statements and blocks, branches, loops, and unreachable code.
/// </summary>
internal sealed class BodyGenerator(SeededRandom random)
{
    private static readonly ValueType[] Types = [ValueType.I32, ValueType.I32, ValueType.I64, ValueType.F32, ValueType.F64];
    private readonly List<Instruction> code = [];
    private readonly List<ValueType> locals = [];
    private readonly List<ValueType?> labels = [];
    private int budget = 90;

    public static FunctionInput Generate(SeededRandom random) => new BodyGenerator(random).Function();

    private FunctionInput Function()
    {
        var parameters = Enumerable.Range(0, random.Between(0, 4)).Select(_ => random.Pick(Types)).ToArray();
        locals.AddRange(parameters);
        locals.AddRange(Enumerable.Range(0, random.Between(1, 5)).Select(_ => random.Pick(Types)));
        var result = random.Pick(Types);
        labels.Add(result);
        for (var left = random.Between(1, 6); left > 0; left--)
        {
            Statement(3);
        }

        Expression(result, 4);
        return TestModule.Function(FunctionType.Of(parameters, [result]), locals.Skip(parameters.Length), [.. code]);
    }

    private void Add(Opcode opcode) => code.Add(Instruction.Of(opcode));

    private uint? LocalOf(ValueType type)
    {
        var fitting = Enumerable.Range(0, locals.Count).Where(index => locals[index] == type).ToArray();
        return fitting.Length == 0 ? null : (uint)random.Pick(fitting);
    }

    private void Statement(int depth)
    {
        budget -= 3;
        var kind = depth == 0 || budget < 0 ? random.Below(4) : random.Below(13);
        switch (kind)
        {
            case 0 or 1:
                var local = (uint)random.Below(locals.Count);
                Expression(locals[(int)local], depth);
                code.Add(Instruction.LocalSet(local));
                break;
            case 2:
                Expression(ValueType.I32, depth);
                code.Add(Instruction.Of(Opcode.GlobalSet, 0));
                break;
            case 3:
                Store(depth);
                break;
            case 4:
                Expression(ValueType.I32, depth - 1);
                Expression(ValueType.I32, depth - 1);
                code.Add(Instruction.Call(TestModule.CallVoid));
                break;
            case 5:
                Block(Opcode.Block, depth);
                break;
            case 6:
                Loop(depth);
                break;
            case 7 or 8:
                Expression(ValueType.I32, depth - 1);
                code.Add(Instruction.Block(Opcode.If, BlockType.Empty));
                labels.Add(null);
                Statement(depth - 1);
                if (random.OneIn(2))
                {
                    Add(Opcode.Else);
                    Statement(depth - 1);
                }

                Add(Opcode.End);
                labels.RemoveAt(labels.Count - 1);
                break;
            case 9:
                BranchIf(depth);
                break;
            case 10:
                Unreachable(depth);
                break;
            case 11:
                BranchTable(depth);
                break;
            default:
                Expression(random.Pick(Types), depth);
                Add(Opcode.Drop);
                break;
        }
    }

    private void Block(Opcode opcode, int depth)
    {
        code.Add(Instruction.Block(opcode, BlockType.Empty));
        labels.Add(null);
        Statement(depth - 1);
        Statement(depth - 1);
        Add(Opcode.End);
        labels.RemoveAt(labels.Count - 1);
    }

    /// <summary>A loop that ends: it counts a fresh local down.</summary>
    private void Loop(int depth)
    {
        locals.Add(ValueType.I32);
        var counter = (uint)(locals.Count - 1);
        code.Add(Instruction.I32Const(random.Between(1, 4)));
        code.Add(Instruction.LocalSet(counter));
        code.Add(Instruction.Block(Opcode.Loop, BlockType.Empty));

        // The loop's own label is not offered to the body: only the counted branch takes it.
        labels.Add(ValueType.V128);
        Statement(depth - 1);
        code.AddRange([Instruction.LocalGet(counter), Instruction.I32Const(1), Instruction.Of(Opcode.I32Sub), Instruction.LocalTee(counter)]);
        code.AddRange([Instruction.I32Const(0), Instruction.Of(Opcode.I32GtS), Instruction.Of(Opcode.BrIf, 0), Instruction.Of(Opcode.End)]);
        labels.RemoveAt(labels.Count - 1);
    }

    private void BranchIf(int depth)
    {
        var label = random.Below(labels.Count);
        var type = labels[labels.Count - 1 - label];
        if (type == ValueType.V128)
        {
            return;
        }

        if (type is { } value)
        {
            Expression(value, depth - 1);
        }

        Expression(ValueType.I32, depth - 1);
        code.Add(Instruction.Of(Opcode.BrIf, (uint)label));
        if (type is not null)
        {
            Add(Opcode.Drop);
        }
    }

    /// <summary>A block that is left for good, with dead code behind the branch.</summary>
    private void Unreachable(int depth)
    {
        code.Add(Instruction.Block(Opcode.Block, BlockType.Empty));
        labels.Add(null);
        Statement(depth - 1);
        code.Add(Instruction.Of(Opcode.Br, 0));
        Add(Opcode.I32Add);
        Add(Opcode.Drop);
        Statement(depth - 1);
        Add(Opcode.End);
        labels.RemoveAt(labels.Count - 1);
    }

    private void BranchTable(int depth)
    {
        for (var k = 0; k < 3; k++)
        {
            code.Add(Instruction.Block(Opcode.Block, BlockType.Empty));
        }

        Expression(ValueType.I32, depth - 1);
        if (random.OneIn(2))
        {
            code.AddRange([Instruction.I32Const(3), Instruction.Of(Opcode.I32And)]);
        }

        code.Add(Instruction.BranchTable([0, 1], 2));
        labels.AddRange([null, null, null]);
        for (var k = 0; k < 3; k++)
        {
            Add(Opcode.End);
            labels.RemoveAt(labels.Count - 1);
            if (k < 2)
            {
                Statement(0);
            }
        }
    }

    private void Store(int depth)
    {
        Address(depth - 1);
        var type = random.Pick(Types);
        Expression(type, depth - 1);
        var opcode = type == ValueType.I32 ? random.Pick([Opcode.I32Store, Opcode.I32Store8, Opcode.I32Store16])
            : type == ValueType.I64 ? random.Pick([Opcode.I64Store, Opcode.I64Store8, Opcode.I64Store16, Opcode.I64Store32])
            : type == ValueType.F32 ? Opcode.F32Store : Opcode.F64Store;
        code.Add(Instruction.Memory(opcode, (ulong)random.Between(0, 64), 0));
    }

    /// <summary>Mostly in bounds.</summary>
    private void Address(int depth)
    {
        if (random.OneIn(4))
        {
            code.Add(Instruction.I32Const(random.Between(0, 1900)));
            return;
        }

        Expression(ValueType.I32, depth);
        if (!random.OneIn(12))
        {
            code.AddRange([Instruction.I32Const(1023), Instruction.Of(Opcode.I32And)]);
        }
    }

    private void Expression(ValueType type, int depth)
    {
        budget--;
        if (depth <= 0 || budget < 0)
        {
            Leaf(type);
            return;
        }

        switch (random.Below(14))
        {
            case 0 or 1:
                Leaf(type);
                break;
            case 2:
                Expression(type, depth - 1);
                code.Add(Instruction.Call(TestModule.CallOf(type)));
                break;
            case 3 when LocalOf(type) is { } local:
                Expression(type, depth - 1);
                code.Add(Instruction.LocalTee(local));
                break;
            case 4:
                Load(type, depth);
                break;
            case 5:
                Expression(type, depth - 1);
                Expression(type, depth - 1);
                Expression(ValueType.I32, depth - 1);
                Add(Opcode.Select);
                break;
            case 6:
                // The value is held on the stack over a statement that may change what made it.
                Expression(type, depth - 1);
                labels.Add(ValueType.V128);
                labels.RemoveAt(labels.Count - 1);
                Held(depth);
                break;
            case 7:
                Expression(ValueType.I32, depth - 1);
                code.Add(Instruction.Block(Opcode.If, BlockType.Of(type)));
                labels.Add(type);
                Expression(type, depth - 1);
                Add(Opcode.Else);
                Expression(type, depth - 1);
                Add(Opcode.End);
                labels.RemoveAt(labels.Count - 1);
                break;
            default:
                Operation(type, depth);
                break;
        }
    }

    /// <summary>A simple statement with no branch out of it, so that it may stand above held values.</summary>
    private void Held(int depth)
    {
        var kept = labels.ToArray();
        labels.Clear();
        labels.Add(ValueType.V128);
        Statement(Math.Min(depth - 1, 1));
        labels.Clear();
        labels.AddRange(kept);
    }

    private void Leaf(ValueType type)
    {
        if (!random.OneIn(3) && LocalOf(type) is { } local)
        {
            code.Add(Instruction.LocalGet(local));
            return;
        }

        if (type.IsInteger && random.OneIn(4))
        {
            code.Add(Instruction.Of(Opcode.GlobalGet, type == ValueType.I64 ? 1u : random.OneIn(2) ? 0u : 2u));
            return;
        }

        var value = Samples.Draw(type, random);
        code.Add(type == ValueType.I32 ? Instruction.I32Const(random.OneIn(2) ? random.Below(40) : value.I32)
            : type == ValueType.I64 ? Instruction.I64Const(value.I64)
            : type == ValueType.F32 ? Instruction.F32Const(value.U32) : Instruction.F64Const(value.U64));
    }

    private void Load(ValueType type, int depth)
    {
        Address(depth - 1);
        var opcode = type == ValueType.I32 ? random.Pick([Opcode.I32Load, Opcode.I32Load8S, Opcode.I32Load8U, Opcode.I32Load16S, Opcode.I32Load16U])
            : type == ValueType.I64
                ? random.Pick([Opcode.I64Load, Opcode.I64Load8S, Opcode.I64Load8U, Opcode.I64Load16S, Opcode.I64Load16U, Opcode.I64Load32S, Opcode.I64Load32U])
            : type == ValueType.F32 ? Opcode.F32Load : Opcode.F64Load;
        code.Add(Instruction.Memory(opcode, random.OneIn(20) ? 5000 : (ulong)random.Between(0, 64), 0));
    }

    private void Operation(ValueType type, int depth)
    {
        var fitting = Operations[type];
        var info = OpcodeTable.Get(fitting[random.Below(fitting.Length)]);
        foreach (var letter in info.Operands)
        {
            Expression(ValueType.FromLetter(letter), depth - 1);
        }

        code.Add(Instruction.Of(info.Opcode));
    }

    private static readonly Dictionary<ValueType, Opcode[]> Operations = OpcodeTable.All
        .Where(info => info.HasFixedSignature && info.Immediate == ImmediateKind.None && info.Operands.Length > 0 && info.Results.Length == 1 && info.Feature == Feature.Mvp
            && !info.Operands.Contains('a') && IsEvaluated(info.Opcode))
        .GroupBy(info => ValueType.FromLetter(info.Results[0])).ToDictionary(group => group.Key, group => group.Select(info => info.Opcode).ToArray());

    private static bool IsEvaluated(Opcode opcode)
    {
        try
        {
            Numeric.Evaluate(opcode, [1u, 1u, 1u]);
            return true;
        }
        catch (NotSupportedException)
        {
            return false;
        }
    }
}

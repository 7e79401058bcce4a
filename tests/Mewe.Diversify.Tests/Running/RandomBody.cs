using System.Collections.Immutable;
using Mewe.Wasm;
using static Mewe.Diversify.Tests.Running.Code;

namespace Mewe.Diversify.Tests.Running;

/// <summary>
/// Random valid bodies of <see cref="TestBench.BodyType"/> that always end: loops count down in locals of their own. They have what transforms of control and locals
/// get wrong: results of blocks, values held over statements, branches with values, br_table, early returns, unreachable code, traps, calls, block parameters.
/// </summary>
internal sealed class RandomBody
{
    private readonly record struct Label(ValueType? Result, bool Targetable);

    private readonly SeededRandom random;
    private readonly List<Instruction> code = [];
    private readonly List<ValueType> locals = [ValueType.I32, ValueType.I64, ValueType.I32];
    private readonly List<uint> writable = [0, 1, 2];
    private readonly List<Label> labels = [];
    private int budget;

    private RandomBody(int seed, int size)
    {
        var state = new byte[32];
        BitConverter.TryWriteBytes(state, seed);
        state[31] = 99;
        random = new SeededRandom(state);
        for (var i = 0; i < 8; i++)
        {
            random.NextBits();
        }

        budget = size;
    }

    public static FunctionCode Make(int seed, int size = 160)
    {
        var body = new RandomBody(seed, size);
        var extra = body.random.Between(1, 7);
        for (var i = 0; i < extra; i++)
        {
            body.writable.Add(body.NewLocal(body.random.Pick([ValueType.I32, ValueType.I32, ValueType.I64, ValueType.F64])));
        }

        body.labels.Add(new Label(ValueType.I32, true));
        do
        {
            body.Statement(4);
        }
        while (body.budget > 0);
        body.Answer();
        if (body.random.OneIn(4))
        {
            body.code.Add(Return);
        }

        body.code.Add(End);
        return new FunctionCode(FunctionCode.Group(body.locals.Skip(3)), [.. body.code]);
    }

    /// <summary>A result that depends on most locals, so that few can be wrong in silence; not on all, so that some die early.</summary>
    private void Answer()
    {
        Add(I32(1));
        for (uint local = 0; local < locals.Count; local++)
        {
            if (random.OneIn(3))
            {
                continue;
            }

            Add(I32(31), Op(Opcode.I32Mul), Get(local));
            if (locals[(int)local] != ValueType.I32)
            {
                Add(Op(locals[(int)local] == ValueType.I64 ? Opcode.I32WrapI64 : Opcode.I32TruncSatF64S));
            }

            Add(Op(Opcode.I32Add));
        }
    }

    private uint NewLocal(ValueType type)
    {
        locals.Add(type);
        return (uint)(locals.Count - 1);
    }

    private void Add(params ReadOnlySpan<Instruction> items)
    {
        code.AddRange(items);
        budget -= items.Length;
    }

    private void Statements(int depth)
    {
        var count = random.Between(0, 3);
        for (var i = 0; i < count && budget > 0; i++)
        {
            Statement(depth);
        }
    }

    private void Statement(int depth)
    {
        switch (random.Below(depth > 0 ? 22 : 6))
        {
            case 0 or 1 or 2:
                var local = random.Pick(writable);
                Expression(locals[(int)local], 2);
                Add(Set(local));
                break;
            case 3:
                Address();
                Expression(ValueType.I32, 2);
                Add(Load(Opcode.I32Store, (ulong)random.Below(64)));
                break;
            case 4:
                Expression(ValueType.I64, 2);
                Add(GlobalSet(1));
                break;
            case 5:
                Expression(ValueType.I32, 2);
                if (random.OneIn(2))
                {
                    Add(GlobalSet(0));
                }
                else
                {
                    Expression(ValueType.I64, 2);
                    Add(Call(TestBench.Log), Drop);
                }

                break;
            case 6 or 7:
                IfElse(depth, null);
                break;
            case 8:
                Open(Block(), null, true);
                Statements(depth - 1);
                Exit();
                Statements(depth - 1);
                Close();
                break;
            case 9 or 10:
                CountedLoop(depth);
                break;
            case 11 or 12:
                ContinuedLoop(depth);
                break;
            case 13:
                Table(depth);
                break;
            case 14:
                HeldValue(depth);
                break;
            case 15 when labels.Count > 1:
                Exit();
                break;
            case 16:
                DeadEnd(depth);
                break;
            case 17:
                CompareChain(depth);
                break;
            case 18:
                Parameters(depth);
                break;
            case 19:
                var pair = random.Pick(writable.Where(item => locals[(int)item] == ValueType.I32).ToArray());
                Expression(ValueType.I32, 2);
                Open(If(), null, true);
                Expression(ValueType.I32, 1);
                Add(Set(pair));
                if (random.OneIn(2))
                {
                    Add(Else);
                    Expression(ValueType.I32, 1);
                    Add(Set(pair));
                }

                Close();
                break;
            case 20:
                TypedBranchTable();
                break;
            default:
                LoopWithResult(depth);
                break;
        }
    }

    private void Open(Instruction opener, ValueType? result, bool targetable)
    {
        Add(opener);
        labels.Add(new Label(result, targetable));
    }

    private void Close()
    {
        Add(End);
        labels.RemoveAt(labels.Count - 1);
    }

    private void IfElse(int depth, ValueType? result)
    {
        Expression(ValueType.I32, 1);
        Open(result is { } type ? If(type) : If(), result, true);
        Statements(depth - 1);
        Finish(result);
        if (result is not null || random.OneIn(2))
        {
            Add(Else);
            Statements(depth - 1);
            Finish(result);
        }

        Close();
    }

    private void Finish(ValueType? result)
    {
        if (result is { } type)
        {
            Expression(type, 1);
        }

        if (random.OneIn(10))
        {
            Jump();
        }
    }

    /// <summary>A conditional way out: br_if to some label, with a value where it wants one.</summary>
    private void Exit()
    {
        var label = PickLabel();
        if (labels[labels.Count - 1 - (int)label].Result is { } type)
        {
            Expression(type, 1);
            Seldom();
            Add(BrIf(label), Drop);
            return;
        }

        Seldom();
        Add(BrIf(label));
    }

    /// <summary>A condition that is mostly false: bodies that leave at once test nothing.</summary>
    private void Seldom()
    {
        Expression(ValueType.I32, 2);
        if (!random.OneIn(10))
        {
            Add(I32(7), Op(Opcode.I32And), I32(random.Below(8)), Op(Opcode.I32Eq));
        }
    }

    private uint PickLabel()
    {
        for (var tries = 0; ; tries++)
        {
            var label = random.Below(labels.Count);
            if (tries > 20)
            {
                return (uint)(labels.Count - 1);
            }

            if (labels[labels.Count - 1 - label].Targetable && (label < labels.Count - 1 || random.OneIn(12)))
            {
                return (uint)label;
            }
        }
    }

    /// <summary>An unconditional branch, return or trap, and sometimes unreachable code with its polymorphic stack behind it.</summary>
    private void Jump()
    {
        if (random.OneIn(12))
        {
            Answer();
            Add(Return);
        }
        else if (random.OneIn(30))
        {
            Add(Op(Opcode.Unreachable));
        }
        else
        {
            var label = PickLabel();
            if (labels[labels.Count - 1 - (int)label].Result is { } type)
            {
                Expression(type, 1);
            }

            Add(Br(label));
        }

        switch (random.Below(5))
        {
            case 0:
                Add(Op(Opcode.I32Add), Drop);
                break;
            case 1:
                Add(Op(Opcode.Select), Drop, Block(), Br(0), End);
                break;
            case 2:
                Add(I32(1), Set(0));
                break;
        }
    }

    private void CountedLoop(int depth)
    {
        var counter = NewLocal(ValueType.I32);
        Add(I32(random.Between(1, 4)), Set(counter));
        Open(Loop(), null, false);
        Statements(depth - 1);
        Add(Get(counter), I32(1), Op(Opcode.I32Sub), Tee(counter), BrIf(0));
        Close();
    }

    private void ContinuedLoop(int depth)
    {
        var counter = NewLocal(ValueType.I32);
        Add(I32(random.Between(1, 5)), Set(counter));
        Open(Block(), null, true);
        Open(Loop(), null, true);
        Add(Get(counter), Op(Opcode.I32Eqz), BrIf(1), Get(counter), I32(1), Op(Opcode.I32Sub), Set(counter));
        Statements(depth - 1);
        if (random.OneIn(3))
        {
            Exit();
        }

        Add(Br(0));
        Close();
        Close();
    }

    private void LoopWithResult(int depth)
    {
        var counter = NewLocal(ValueType.I32);
        Add(I32(random.Between(1, 4)), Set(counter));
        Open(Loop(ValueType.I32), null, false);
        Statements(depth - 1);
        Add(Get(counter), I32(1), Op(Opcode.I32Sub), Tee(counter), BrIf(0));
        Expression(ValueType.I32, 2);
        Close();
        Add(GlobalSet(2));
    }

    private void Table(int depth)
    {
        var cases = random.Between(1, 4);
        for (var i = 0; i <= cases; i++)
        {
            Open(Block(), null, true);
        }

        Expression(ValueType.I32, 1);
        if (random.OneIn(2))
        {
            Add(I32(7), Op(Opcode.I32And));
        }

        var targets = Enumerable.Range(0, random.Between(0, 9)).Select(_ => (uint)random.Below(cases + 1)).ToArray();
        Add(BrTable((uint)random.Below(cases + 1), targets));
        for (var i = 0; i <= cases; i++)
        {
            Close();
            Statements(depth - 2);
            if (i < cases && random.OneIn(2))
            {
                Add(Br((uint)random.Below(cases - i)));
            }
        }
    }

    private void TypedBranchTable()
    {
        Open(Block(ValueType.I32), ValueType.I32, true);
        Open(Block(ValueType.I32), ValueType.I32, true);
        Expression(ValueType.I32, 2);
        Expression(ValueType.I32, 1);
        Add(I32(3), Op(Opcode.I32And), BrTable(0, 1, 0, 1));
        Close();
        Add(I32(77), Op(Opcode.I32Mul));
        Close();
        Add(Set(random.Pick(writable.Where(item => locals[(int)item] == ValueType.I32).ToArray())));
    }

    /// <summary>A value that waits on the stack while statements run.</summary>
    private void HeldValue(int depth)
    {
        Expression(ValueType.I32, 2);
        Statement(depth - 1);
        if (random.OneIn(2))
        {
            Statement(depth - 2);
        }

        Expression(ValueType.I32, 2);
        Add(Op(random.Pick([Opcode.I32Sub, Opcode.I32Rotl, Opcode.I32LtS])), GlobalSet(0));
    }

    private void DeadEnd(int depth)
    {
        Open(Block(), null, true);
        Statements(depth - 1);
        Jump();
        Close();
    }

    private void CompareChain(int depth)
    {
        Open(Block(), null, true);
        Open(Block(), null, true);
        var subject = random.Pick(Enumerable.Range(0, locals.Count).Where(item => locals[item] == ValueType.I32).ToArray());
        var first = random.Between(-2, 3);
        for (var i = 0; i < 4; i++)
        {
            Add(Get((uint)subject), I32(first + i), Op(Opcode.I32Eq), BrIf((uint)random.Below(2)));
        }

        Statements(depth - 2);
        Close();
        Statements(depth - 2);
        Close();
    }

    private void Parameters(int depth)
    {
        Expression(ValueType.I32, 1);
        Expression(ValueType.I64, 1);
        Open(Instruction.Block(Opcode.Block, BlockType.Index(1)), ValueType.I32, true);
        Add(Set(1));
        Statements(depth - 2);
        Close();
        Add(GlobalSet(2));
        Open(Instruction.Block(Opcode.Block, BlockType.Index(0)), null, false);
        Expression(ValueType.I32, 1);
        Expression(ValueType.I64, 1);
        Close();
        Add(Call(TestBench.Log), Drop);
    }

    private void Address()
    {
        Expression(ValueType.I32, 2);
        if (!random.OneIn(60))
        {
            Add(I32(0xFFC), Op(Opcode.I32And));
        }
    }

    private void Expression(ValueType type, int depth)
    {
        if (type == ValueType.F64)
        {
            FloatExpression(depth);
        }
        else if (type == ValueType.I64)
        {
            Expression64(depth);
        }
        else
        {
            Expression32(depth);
        }
    }

    private void Leaf(ValueType type)
    {
        var candidates = Enumerable.Range(0, locals.Count).Where(item => locals[item] == type).ToArray();
        if (candidates.Length > 0 && !random.OneIn(4))
        {
            Add(Get((uint)random.Pick(candidates)));
        }
        else if (type == ValueType.I32)
        {
            Add(random.OneIn(2) ? GlobalGet(random.OneIn(2) ? 0u : 2u) : I32(random.OneIn(2) ? random.Between(-3, 40) : (int)random.NextBits()));
        }
        else if (type == ValueType.I64)
        {
            Add(random.OneIn(2) ? GlobalGet(1) : I64(random.OneIn(2) ? random.Between(-3, 40) : (long)random.NextBits()));
        }
        else
        {
            Add(Instruction.F64Const(BitConverter.DoubleToUInt64Bits(random.Between(-9, 9) / 4.0)));
        }
    }

    private void Expression32(int depth)
    {
        if (depth <= 0 || budget <= 0)
        {
            Leaf(ValueType.I32);
            return;
        }

        switch (random.Below(17))
        {
            case 0 or 1 or 2 or 3:
                Expression(ValueType.I32, depth - 1);
                Expression(ValueType.I32, depth - 1);
                Add(Op(random.Pick([Opcode.I32Add, Opcode.I32Sub, Opcode.I32Mul, Opcode.I32And, Opcode.I32Or, Opcode.I32Xor, Opcode.I32Shl, Opcode.I32ShrS, Opcode.I32Rotl])));
                break;
            case 4 or 5:
                Expression(ValueType.I32, depth - 1);
                Expression(ValueType.I32, depth - 1);
                Add(Op(random.Pick([Opcode.I32Eq, Opcode.I32Ne, Opcode.I32LtS, Opcode.I32LtU, Opcode.I32GeS, Opcode.I32GtU, Opcode.I32LeS])));
                break;
            case 6:
                Expression(ValueType.I64, depth - 1);
                Expression(ValueType.I64, depth - 1);
                Add(Op(random.Pick([Opcode.I64Eq, Opcode.I64LtS, Opcode.I64GtU])));
                break;
            case 7:
                Expression(ValueType.I32, depth - 1);
                Expression(ValueType.I32, depth - 1);
                if (!random.OneIn(12))
                {
                    Add(I32(1), Op(Opcode.I32Or));
                }

                Add(Op(random.Pick([Opcode.I32DivS, Opcode.I32DivU, Opcode.I32RemS, Opcode.I32RemU])));
                break;
            case 8:
                Address();
                Add(Load(random.Pick([Opcode.I32Load, Opcode.I32Load8S, Opcode.I32Load16U]), (ulong)random.Below(32)));
                break;
            case 9:
                Expression(ValueType.I32, depth - 1);
                Expression(ValueType.I32, depth - 1);
                Expression(ValueType.I32, depth - 1);
                Add(Op(Opcode.Select));
                break;
            case 10:
                Expression(ValueType.I32, depth - 1);
                Add(Tee(random.Pick(writable.Where(item => locals[(int)item] == ValueType.I32).ToArray())));
                break;
            case 11:
                Expression(ValueType.I32, depth - 1);
                Expression(ValueType.I64, depth - 1);
                Add(Call(TestBench.Log));
                break;
            case 12:
                Expression(ValueType.I64, depth - 1);
                Add(Op(Opcode.I32WrapI64));
                break;
            case 13 when random.OneIn(3):
                IfElse(depth - 1, ValueType.I32);
                break;
            case 14 when random.OneIn(3):
                Open(Block(ValueType.I32), ValueType.I32, true);
                Statements(depth - 2);
                Expression(ValueType.I32, depth - 1);
                Expression(ValueType.I32, 1);
                Add(BrIf(0));
                Close();
                break;
            case 15:
                Expression(ValueType.F64, depth - 1);
                Add(Op(Opcode.I32TruncSatF64S));
                break;
            default:
                Expression(ValueType.I32, depth - 1);
                Add(Op(random.Pick([Opcode.I32Eqz, Opcode.I32Clz, Opcode.I32Popcnt])));
                break;
        }
    }

    private void Expression64(int depth)
    {
        if (depth <= 0 || budget <= 0)
        {
            Leaf(ValueType.I64);
            return;
        }

        switch (random.Below(8))
        {
            case 0 or 1 or 2:
                Expression(ValueType.I64, depth - 1);
                Expression(ValueType.I64, depth - 1);
                Add(Op(random.Pick([Opcode.I64Add, Opcode.I64Sub, Opcode.I64Mul, Opcode.I64Xor, Opcode.I64ShrU, Opcode.I64Rotr])));
                break;
            case 3:
                Expression(ValueType.I32, depth - 1);
                Add(Op(random.Pick([Opcode.I64ExtendI32S, Opcode.I64ExtendI32U])));
                break;
            case 4:
                Address();
                Add(Load(Opcode.I64Load, (ulong)random.Below(32)));
                break;
            case 5:
                Expression(ValueType.I64, depth - 1);
                Add(Tee(1));
                break;
            case 6:
                Expression(ValueType.I64, depth - 1);
                Expression(ValueType.I64, depth - 1);
                Expression(ValueType.I32, depth - 1);
                Add(Op(Opcode.Select));
                break;
            case 7 when random.OneIn(4):
                IfElse(depth - 1, ValueType.I64);
                break;
            default:
                Leaf(ValueType.I64);
                break;
        }
    }

    /// <summary>Only numbers: what a NaN's bits are is not the transforms' business here.</summary>
    private void FloatExpression(int depth)
    {
        if (depth <= 0 || random.OneIn(2))
        {
            Leaf(ValueType.F64);
            return;
        }

        Expression(ValueType.I32, depth - 1);
        Add(Op(Opcode.F64ConvertI32S));
        Leaf(ValueType.F64);
        Add(Op(Opcode.F64Max));
    }
}

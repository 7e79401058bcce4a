using Mewe.Diversify;
using Mewe.Equivalence.Proof.Terms;
using Mewe.Wasm;

namespace Mewe.Equivalence.Proof.Evaluation;

/// <summary>Where the evaluation of one side stopped.</summary>
internal enum Halt
{
    /// <summary>A branch whose condition the facts do not settle; the condition is still on the stack.</summary>
    Branch,

    /// <summary>The start of a loop.</summary>
    Header,

    /// <summary>An instruction that others can observe or that changes what cannot be computed here; its operands are still on the stack.</summary>
    Event,

    Return,
    Trap,
}

/// <summary>Runs flat code on terms, up to the next stop.</summary>
internal sealed class Evaluator(TermGraph graph, ModuleFacts module, StateLayout layout)
{
    /// <summary>What the step at the side's position stops for; null where it does not.</summary>
    public static Halt? StopAt(in FlatStep step) => step.Kind switch
    {
        StepKind.Header => Halt.Header,
        StepKind.Return => Halt.Return,
        StepKind.Trap => Halt.Trap,
        StepKind.Branch or StepKind.BranchZero or StepKind.Table => Halt.Branch,
        StepKind.Plain when IsEvent(step.Instruction) => Halt.Event,
        _ => null,
    };

    /// <summary>Runs until the next stop; branches that the facts settle are taken.</summary>
    public void Run(FlatCode code, Side side, Facts facts)
    {
        while (true)
        {
            ref readonly var step = ref code.Steps[side.Position];
            switch (StopAt(step))
            {
                case null:
                    break;
                case Halt.Branch when TryBranch(code, side, facts):
                    continue;
                case Halt.Branch when step.Kind != StepKind.Table:
                    // Only whether the condition is zero matters: written as a truth value it can be the same on both sides.
                    side.Stack[^1] = graph.ZeroExtend(graph.IsNonzero(side.Stack[^1]), 32);
                    return;
                default:
                    return;
            }

            switch (step.Kind)
            {
                case StepKind.Jump:
                    side.Goto(step.Targets[0]);
                    break;
                case StepKind.Reset:
                    side.Locals[step.Instruction.Index] = Default(code.Locals[(int)step.Instruction.Index]);
                    side.Position++;
                    break;
                default:
                    if (Evaluate(side, step.Instruction, facts))
                    {
                        side.Position++;
                    }
                    else
                    {
                        side.Position = code.TrapPosition;
                    }

                    break;
            }
        }
    }

    /// <summary>The condition that the branch at the side's position tests (width 1), or the index of its table.</summary>
    public Term Tested(FlatCode code, Side side)
    {
        var top = side.Stack[^1];
        return code.Steps[side.Position].Kind == StepKind.Table ? top : graph.IsNonzero(top);
    }

    private bool TryBranch(FlatCode code, Side side, Facts facts)
    {
        ref readonly var step = ref code.Steps[side.Position];
        if (step.Kind == StepKind.Table)
        {
            if (TableRuns(code, side, facts).ToList() is not [var only])
            {
                return false;
            }

            side.Pop();
            side.Goto(step.Targets[only.Target]);
            return true;
        }

        if (facts.Decide(Tested(code, side)) is not { } taken)
        {
            return false;
        }

        side.Pop();
        Take(side, step, taken);
        return true;
    }

    /// <summary>Goes on behind a branch whose condition has been popped.</summary>
    public static void Take(Side side, in FlatStep step, bool isNonzero)
    {
        if (isNonzero == (step.Kind == StepKind.Branch))
        {
            side.Goto(step.Targets[0]);
        }
        else
        {
            side.Position++;
        }
    }

    /// <summary>The runs of indices of a table that go to the same place, as far as the facts allow them.</summary>
    public IEnumerable<(ulong Low, ulong High, int Target)> TableRuns(FlatCode code, Side side, Facts facts)
    {
        var index = side.Stack[^1];
        var targets = code.Steps[side.Position].Targets;
        var (low, high) = index.IsConstant ? (index.Value, index.Value) : facts.RangeOf(index);
        high = Math.Min(high, graph.Bound(index));
        for (var first = low; first <= high;)
        {
            var target = (int)Math.Min(first, (ulong)(targets.Length - 1));
            var last = first;
            while (last < high && last < (ulong)targets.Length - 1 && targets[Math.Min((int)last + 1, targets.Length - 1)] == targets[target])
            {
                last++;
            }

            if (last >= (ulong)targets.Length - 1)
            {
                last = high;
            }

            yield return (first, last, target);
            if (last == high)
            {
                yield break;
            }

            first = last + 1;
        }
    }

    public static bool IsEvent(Instruction instruction)
    {
        switch (instruction.Opcode)
        {
            case Opcode.MemorySize:
                return false;
            case Opcode.MemoryGrow:
                return true;
        }

        const Effects observable = Effects.Calls | Effects.ReadsTable | Effects.WritesTable | Effects.ReadsSegment | Effects.WritesSegment | Effects.ReadsHeap | Effects.WritesHeap
            | Effects.Allocates | Effects.Atomic;
        var info = instruction.Info;
        return (info.Effects & observable) != 0 || ((info.Effects & Effects.WritesMemory) != 0 && info.AccessBytes == 0);
    }

    public Term Default(ValueType type) => type == ValueType.V128 ? graph.Operation(128, (int)Opcode.V128Const, 0, [0, 0])
        : type.IsReference ? graph.Operation(0, (int)Opcode.RefNull, 0)
        : graph.Constant(WidthOf(type), 0);

    /// <summary>Bits of a value; zero for references.</summary>
    public static int WidthOf(ValueType type) => type == ValueType.I32 || type == ValueType.F32 ? 32 : type == ValueType.I64 || type == ValueType.F64 ? 64 : type == ValueType.V128 ? 128 : 0;

    /// <summary>Evaluates a step that is neither control nor an event; false where it traps for certain.</summary>
    private bool Evaluate(Side side, Instruction instruction, Facts facts)
    {
        var opcode = instruction.Opcode;
        switch (opcode)
        {
            case Opcode.I32Const or Opcode.F32Const:
                side.Push(graph.Constant(32, instruction.Bits));
                return true;
            case Opcode.I64Const or Opcode.F64Const:
                side.Push(graph.Constant(64, instruction.Bits));
                return true;
            case Opcode.LocalGet:
                side.Push(side.Locals[instruction.Index]);
                return true;
            case Opcode.LocalSet:
                side.Locals[instruction.Index] = side.Pop();
                return true;
            case Opcode.LocalTee:
                side.Locals[instruction.Index] = side.Stack[^1];
                return true;
            case Opcode.GlobalGet when instruction.Index == VariantCode.BlindGlobal:
                // Each place is passed once at most (FlatCode sees to it), so it has a symbol of its own: any value, and another one at the next place.
                side.Push(graph.Symbol(64, SymbolNames.Entry, SymbolNames.BlindWord(side.Position)));
                return true;
            case Opcode.GlobalSet when instruction.Index == VariantCode.BlindGlobal:
                // Nobody but such reads sees it.
                side.Pop();
                return true;
            case Opcode.GlobalGet:
                side.Push(layout.GlobalSlot(instruction.Index) is var slot and >= 0 ? side.Visible[slot]
                    : graph.Symbol(WidthOf(module.Globals[(int)instruction.Index].Value), SymbolNames.Entry, SymbolNames.ImmutableGlobal(instruction.Index)));
                return true;
            case Opcode.GlobalSet:
                side.SetVisible(layout.GlobalSlot(instruction.Index), side.Pop());
                return true;
            case Opcode.Drop:
                side.Pop();
                return true;
            case Opcode.Select or Opcode.SelectTyped:
                Select(side, facts);
                return true;
            case Opcode.MemorySize:
                side.Push(side.Visible[layout.SizeSlot(instruction.Index)]);
                return true;
            case Opcode.RefNull:
                side.Push(graph.Operation(0, (int)Opcode.RefNull, 0));
                return true;
            case Opcode.RefFunc:
                side.Push(graph.Operation(0, (int)Opcode.RefFunc, instruction.Index));
                return true;
            case Opcode.RefIsNull:
                side.Push(graph.Operation(32, (int)Opcode.RefIsNull, 0, side.Pop()));
                return true;
            case Opcode.V128Const:
                var payload = (V128Payload)instruction.Payload!;
                side.Push(graph.Operation(128, (int)opcode, 0, [payload.Low, payload.High]));
                return true;
        }

        var info = instruction.Info;
        if (info.AccessBytes > 0)
        {
            return Access(side, instruction, info, facts);
        }

        if (!info.HasFixedSignature || (info.Effects & (Effects.NonDeterministic | Effects.Control)) != 0)
        {
            throw new NotProvableException($"{info.Name} is not reasoned about");
        }

        if (info.Operands.Length == 1 && info.Effects == Effects.None && Numerics.Apply(graph, opcode, side.Stack[^1]) is { } unary)
        {
            side.Pop();
            side.Push(unary);
            return true;
        }

        if (info.Operands.Length == 2 && info.Effects == Effects.None && Numerics.Apply(graph, opcode, side.Stack[^2], side.Stack[^1]) is { } binary)
        {
            side.PopMany(2);
            side.Push(binary);
            return true;
        }

        var operands = side.PopMany(info.Operands.Length);
        if ((info.Effects & Effects.Traps) != 0)
        {
            return Partial(side, instruction, operands, facts);
        }

        ulong[] numbers = instruction.Payload is V128Payload lanes ? [lanes.Low, lanes.High] : [];
        side.Push(graph.Operation(WidthOf(ValueType.FromLetter(info.Results[0])), (int)opcode, instruction.LaneIndex, numbers, operands));
        return true;
    }

    private void Select(Side side, Facts facts)
    {
        var condition = graph.IsNonzero(side.Pop());
        var (otherwise, then) = (side.Pop(), side.Pop());
        side.Push(facts.Decide(condition) is { } known ? known ? then : otherwise : graph.Choice(condition, then, otherwise));
    }

    /// <summary>Division, remainder and truncation: numeric instructions that trap on some operands.</summary>
    private bool Partial(Side side, Instruction instruction, Term[] operands, Facts facts)
    {
        var opcode = instruction.Opcode;
        var width = operands[0].Width;
        switch (opcode)
        {
            case Opcode.I32DivU or Opcode.I64DivU or Opcode.I32RemU or Opcode.I64RemU or Opcode.I32DivS or Opcode.I64DivS or Opcode.I32RemS or Opcode.I64RemS:
                {
                    var (left, right) = (operands[0], operands[1]);
                    if (!Check(side, graph.IsZero(right), facts))
                    {
                        return false;
                    }

                    var signed = opcode is Opcode.I32DivS or Opcode.I64DivS or Opcode.I32RemS or Opcode.I64RemS;
                    if (opcode is Opcode.I32DivS or Opcode.I64DivS)
                    {
                        var overflow = graph.And(graph.Equal(left, graph.Constant(width, 1UL << (width - 1))), graph.Equal(right, graph.Constant(width, ulong.MaxValue)));
                        if (!Check(side, overflow, facts))
                        {
                            return false;
                        }
                    }

                    // The remainder is defined by the quotient; modulo 2^w that is true of the least number by -1, too, whose remainder is 0.
                    var quotient = signed ? graph.DivideSigned(left, right) : graph.DivideUnsigned(left, right);
                    side.Push(opcode is Opcode.I32DivU or Opcode.I64DivU or Opcode.I32DivS or Opcode.I64DivS ? quotient : graph.Subtract(left, graph.Multiply(quotient, right)));
                    return true;
                }

            case Opcode.I32TruncF32S or Opcode.I32TruncF32U or Opcode.I32TruncF64S or Opcode.I32TruncF64U
                or Opcode.I64TruncF32S or Opcode.I64TruncF32U or Opcode.I64TruncF64S or Opcode.I64TruncF64U:
                if (!Check(side, graph.Operation(1, ProofOperation.TrapsWhen, (ulong)opcode, operands), facts))
                {
                    return false;
                }

                side.Push(graph.Operation(WidthOf(ValueType.FromLetter(instruction.Info.Results[0])), (int)opcode, 0, operands));
                return true;
            default:
                throw new NotProvableException($"{instruction.Info.Name} is not reasoned about");
        }
    }

    /// <summary>A trap where a condition is 1. False where it always is.</summary>
    private bool Check(Side side, Term condition, Facts facts)
    {
        if (facts.Decide(condition) is { } known)
        {
            return !known;
        }

        if (!side.Passed.ContainsKey(condition))
        {
            Note(side, condition, 1);
        }

        return true;
    }

    private static void Note(Side side, Term key, UInt128 end)
    {
        side.Passed[key] = end;
        if (side.Pending.Count == 0 || !side.Pending[^1].Visible.AsSpan().SequenceEqual(side.Visible))
        {
            side.Pending.Add(new CheckGroup(side.Visible, []));
        }

        var checks = side.Pending[^1].Checks;
        checks[key] = UInt128.Max(end, checks.GetValueOrDefault(key));
    }

    private bool Access(Side side, Instruction instruction, OpcodeInfo info, Facts facts)
    {
        if (module.Memories[(int)instruction.Index].Limits.Shared)
        {
            throw new NotProvableException("accesses of shared memory are not reasoned about");
        }

        var isStore = (info.Effects & Effects.WritesMemory) != 0;
        var operands = side.PopMany(info.Operands.Length);
        var bytes = info.AccessBytes;
        // The effective address is a sum that does not wrap (specification, 4.4.7).
        var root = operands[0].Width == 64 ? operands[0] : graph.ZeroExtend(operands[0], 64);
        var offset = instruction.Bits;
        var (key, end) = graph.Bounds(instruction.Index, side.Visible[layout.SizeSlot(instruction.Index)], root, (UInt128)offset + (uint)bytes);
        if (!side.Passed.TryGetValue(key, out var passed) || passed < end)
        {
            Note(side, key, end);
        }

        var slot = layout.MemorySlot(instruction.Index);
        if (isStore)
        {
            side.SetVisible(slot, graph.Store(side.Visible[slot], root, offset, Stored(instruction, info, operands[1])));
        }
        else
        {
            side.Push(Loaded(instruction, info, graph.Load(side.Visible[slot], root, offset, bytes), operands));
        }

        return true;
    }

    private Term Loaded(Instruction instruction, OpcodeInfo info, Term bits, Term[] operands)
    {
        switch (info.Opcode)
        {
            case Opcode.I32Load or Opcode.I64Load or Opcode.F32Load or Opcode.F64Load or Opcode.V128Load:
                return bits;
            case Opcode.I32Load8S or Opcode.I32Load16S:
                return graph.SignExtend(bits, 32);
            case Opcode.I64Load8S or Opcode.I64Load16S or Opcode.I64Load32S:
                return graph.SignExtend(bits, 64);
            case Opcode.I32Load8U or Opcode.I32Load16U:
                return graph.ZeroExtend(bits, 32);
            case Opcode.I64Load8U or Opcode.I64Load16U or Opcode.I64Load32U:
                return graph.ZeroExtend(bits, 64);
            default:
                return graph.Operation(128, (int)info.Opcode, instruction.LaneIndex, operands.Length == 1 ? [bits] : [bits, operands[1]]);
        }
    }

    private Term Stored(Instruction instruction, OpcodeInfo info, Term value)
    {
        if (value.Width == 8 * info.AccessBytes)
        {
            return value;
        }

        return value.Width == 128 ? graph.Operation(8 * info.AccessBytes, (int)info.Opcode, instruction.LaneIndex, value) : graph.Truncate(value, 8 * info.AccessBytes);
    }
}

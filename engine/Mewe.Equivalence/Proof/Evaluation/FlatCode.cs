using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Wasm;

namespace Mewe.Equivalence.Proof.Evaluation;

/// <summary>What a step of flat code does with control.</summary>
internal enum StepKind : byte
{
    /// <summary>Goes on with the next step.</summary>
    Plain,

    /// <summary>Sets a local to the default of its type: <see cref="Instruction.Index"/>.</summary>
    Reset,

    /// <summary>Start of a loop: where branches backwards go.</summary>
    Header,

    Jump,

    /// <summary>Takes a condition: not zero goes to the target, zero on.</summary>
    Branch,

    /// <summary>Takes a condition: zero goes to the target, anything else on.</summary>
    BranchZero,

    /// <summary>Takes an index into the targets, the last of which is the default.</summary>
    Table,

    Return,

    /// <summary>unreachable, and the place of every trap.</summary>
    Trap,
}

/// <summary>Where a branch goes: the topmost <paramref name="Keep"/> values are kept above the lowest <paramref name="Height"/>.</summary>
internal readonly record struct FlatTarget(int Position, int Keep, int Height);

/// <summary>One step of flat code.</summary>
internal readonly record struct FlatStep(StepKind Kind, Instruction Instruction, FlatTarget[] Targets);

/// <summary>
/// A body without structured control: positions and branches, code that is never reached left out, calls of a variant's own outlined functions replaced by their bodies.
/// Branches forwards go to a larger position, branches backwards to a <see cref="StepKind.Header"/>.
/// </summary>
internal sealed class FlatCode
{
    private FlatCode(FlatStep[] steps, ImmutableArray<ValueType> locals, int parameters, int results) =>
        (Steps, Locals, ParameterCount, ResultCount) = (steps, locals, parameters, results);

    /// <summary>The last step is a <see cref="StepKind.Trap"/>.</summary>
    public FlatStep[] Steps { get; }

    public int TrapPosition => Steps.Length - 1;

    public ImmutableArray<ValueType> Locals { get; }

    public int ParameterCount { get; }

    public int ResultCount { get; }

    /// <summary>Flattens a valid body.</summary>
    /// <exception cref="NotProvableException">It has an instruction that is not reasoned about.</exception>
    public static FlatCode Of(ModuleFacts module, FunctionType type, VariantCode code)
    {
        var builder = new Builder(module, code.Outlined);
        builder.Locals.AddRange(type.Parameters);
        builder.Locals.AddRange(code.Code.LocalTypes());
        builder.Body(code.Code, 0, type.Results.Length, height: 0, inlined: false);
        builder.Steps.Add(new FlatStep(StepKind.Trap, Instruction.Of(Opcode.Unreachable), []));
        CheckBlindWord(builder.Steps);
        return new FlatCode([.. builder.Steps], [.. builder.Locals], type.Parameters.Length, type.Results.Length);
    }

    /// <summary>
    /// A read of the blind word gives a symbol of its position, so no position that reads it may be passed twice: branches backwards go to the starts of loops only, so that holds before the first of them.
    /// </summary>
    private static void CheckBlindWord(List<FlatStep> steps)
    {
        var loop = steps.FindIndex(step => step.Kind == StepKind.Header);
        if (loop >= 0 && steps.FindIndex(loop, step => step.Kind == StepKind.Plain && step.Instruction.Opcode == Opcode.GlobalGet && step.Instruction.Index == VariantCode.BlindGlobal) >= 0)
        {
            throw new NotProvableException("the blind word is read behind the start of a loop");
        }
    }

    private sealed class Label(int height, int arity, int header)
    {
        public int Height { get; } = height;

        /// <summary>Values that a branch takes along.</summary>
        public int Arity { get; } = arity;

        /// <summary>Position of a loop's header; -1 where branches go forwards.</summary>
        public int Header { get; } = header;

        /// <summary>Steps and targets that wait for the position of the end.</summary>
        public List<(int Step, int Target)> Waiting { get; } = [];
    }

    private readonly record struct Block(Opcode Opcode, Label Label, int Parameters, int Results, int ElseStep, bool Entered);

    private sealed class Builder(ModuleFacts module, ImmutableArray<OutlinedFunction> outlined)
    {
        private const int DeepestInlining = 8;
        private int depth;

        public List<FlatStep> Steps { get; } = [];

        public List<ValueType> Locals { get; } = [];

        /// <param name="height">Values on the stack before the body, its parameters not among them.</param>
        public void Body(FunctionCode code, int firstLocal, int results, int height, bool inlined)
        {
            var blocks = new Stack<Block>();
            var body = new Label(height, results, -1);
            blocks.Push(new Block(Opcode.Block, body, 0, results, -1, true));
            var reachable = true;
            foreach (var instruction in code.Instructions)
            {
                switch (instruction.Opcode)
                {
                    case Opcode.Block or Opcode.Loop or Opcode.If:
                        {
                            var (parameters, blockResults) = Arity(instruction.BlockType);
                            if (!reachable)
                            {
                                blocks.Push(new Block(instruction.Opcode, new Label(height, 0, -1), 0, 0, -1, false));
                                break;
                            }

                            height -= instruction.Opcode == Opcode.If ? 1 : 0;
                            var isLoop = instruction.Opcode == Opcode.Loop;
                            var label = new Label(height - parameters, isLoop ? parameters : blockResults, isLoop ? Steps.Count : -1);
                            var elseStep = -1;
                            if (isLoop)
                            {
                                Emit(StepKind.Header, instruction);
                            }
                            else if (instruction.Opcode == Opcode.If)
                            {
                                elseStep = Steps.Count;
                                Emit(StepKind.BranchZero, instruction, new FlatTarget(-1, parameters, label.Height));
                            }

                            blocks.Push(new Block(instruction.Opcode, label, parameters, blockResults, elseStep, true));
                            break;
                        }

                    case Opcode.Else:
                        {
                            var block = blocks.Pop();
                            if (block.Entered)
                            {
                                if (reachable)
                                {
                                    block.Label.Waiting.Add((Steps.Count, 0));
                                    Emit(StepKind.Jump, instruction, new FlatTarget(-1, block.Results, block.Label.Height));
                                }

                                Patch(block.ElseStep, 0, Steps.Count);
                                height = block.Label.Height + block.Parameters;
                                reachable = true;
                            }

                            blocks.Push(block with { ElseStep = -1 });
                            break;
                        }

                    case Opcode.End:
                        {
                            var block = blocks.Pop();
                            if (!block.Entered)
                            {
                                break;
                            }

                            if (block.ElseStep >= 0)
                            {
                                Patch(block.ElseStep, 0, Steps.Count);
                                reachable = true;
                            }

                            foreach (var (step, target) in block.Label.Waiting)
                            {
                                Patch(step, target, Steps.Count);
                            }

                            reachable |= block.Label.Waiting.Count > 0;
                            height = block.Label.Height + block.Results;
                            if (blocks.Count == 0 && !inlined && reachable)
                            {
                                Emit(StepKind.Return, instruction);
                            }

                            break;
                        }

                    default:
                        if (reachable)
                        {
                            height = Instruction(instruction, blocks, body, firstLocal, height, inlined, ref reachable);
                        }

                        break;
                }
            }
        }

        private int Instruction(Instruction instruction, Stack<Block> blocks, Label body, int firstLocal, int height, bool inlined, ref bool reachable)
        {
            switch (instruction.Opcode)
            {
                case Opcode.Nop:
                    return height;
                case Opcode.Unreachable:
                    Emit(StepKind.Trap, instruction);
                    reachable = false;
                    return height;
                case Opcode.Br:
                    EmitBranch(StepKind.Jump, instruction, [LabelAt(blocks, instruction.Index)]);
                    reachable = false;
                    return height;
                case Opcode.BrIf:
                    EmitBranch(StepKind.Branch, instruction, [LabelAt(blocks, instruction.Index)]);
                    return height - 1;
                case Opcode.BrTable:
                    EmitBranch(StepKind.Table, instruction, [.. instruction.Labels.Append(instruction.Index).Select(index => LabelAt(blocks, index))]);
                    reachable = false;
                    return height;
                case Opcode.Return when inlined:
                    EmitBranch(StepKind.Jump, instruction, [body]);
                    reachable = false;
                    return height;
                case Opcode.Return:
                    Emit(StepKind.Return, instruction);
                    reachable = false;
                    return height;
                case Opcode.ReturnCall or Opcode.ReturnCallIndirect or Opcode.ReturnCallRef when inlined:
                    throw new NotProvableException("a tail call in an outlined function");
                case Opcode.Call when instruction.Index >= VariantCode.OutlinedBase:
                    return Inline(outlined[(int)(instruction.Index - VariantCode.OutlinedBase)], height);
                case Opcode.LocalGet or Opcode.LocalSet or Opcode.LocalTee:
                    Emit(StepKind.Plain, instruction.WithIndex(instruction.Index + (uint)firstLocal));
                    return height + (instruction.Opcode == Opcode.LocalGet ? 1 : instruction.Opcode == Opcode.LocalSet ? -1 : 0);
                case Opcode.ReturnCall or Opcode.ReturnCallIndirect or Opcode.ReturnCallRef:
                    reachable = false;
                    break;
            }

            Emit(StepKind.Plain, instruction);
            var (operands, results) = StackEffect.Of(module, instruction);
            return height - operands + results;
        }

        private int Inline(OutlinedFunction function, int height)
        {
            if (++depth > DeepestInlining)
            {
                throw new NotProvableException("outlined functions that call each other too deep");
            }

            var first = Locals.Count;
            Locals.AddRange(function.Type.Parameters);
            Locals.AddRange(function.Code.LocalTypes());
            for (var i = function.Type.Parameters.Length - 1; i >= 0; i--)
            {
                Emit(StepKind.Plain, Wasm.Instruction.LocalSet((uint)(first + i)));
            }

            for (var local = first + function.Type.Parameters.Length; local < Locals.Count; local++)
            {
                Emit(StepKind.Reset, Wasm.Instruction.LocalGet((uint)local));
            }

            height -= function.Type.Parameters.Length;
            Body(function.Code, first, function.Type.Results.Length, height, inlined: true);
            depth--;
            return height + function.Type.Results.Length;
        }

        private void EmitBranch(StepKind kind, Instruction instruction, Label[] labels)
        {
            var targets = new FlatTarget[labels.Length];
            for (var i = 0; i < labels.Length; i++)
            {
                targets[i] = new FlatTarget(labels[i].Header, labels[i].Arity, labels[i].Height);
                if (labels[i].Header < 0)
                {
                    labels[i].Waiting.Add((Steps.Count, i));
                }
            }

            Steps.Add(new FlatStep(kind, instruction, targets));
        }

        private void Emit(StepKind kind, Instruction instruction, params FlatTarget[] targets) => Steps.Add(new FlatStep(kind, instruction, targets));

        private void Patch(int step, int target, int position)
        {
            var targets = Steps[step].Targets;
            targets[target] = targets[target] with { Position = position };
        }

        private static Label LabelAt(Stack<Block> blocks, uint index) => blocks.ElementAt((int)index).Label;

        private (int Parameters, int Results) Arity(BlockType type)
        {
            if (type.IsIndex)
            {
                var function = module.TypeAt(type.TypeIndex) ?? throw new NotProvableException("a block type that is no function type");
                return (function.Parameters.Length, function.Results.Length);
            }

            return (0, type.IsEmpty ? 0 : 1);
        }
    }
}

/// <summary>The function has something that the validator does not reason about; the message says what.</summary>
internal sealed class NotProvableException(string message) : Exception(message);

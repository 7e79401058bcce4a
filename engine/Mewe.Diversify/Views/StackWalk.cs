using Mewe.Wasm;

namespace Mewe.Diversify.Views;

/// <summary>
/// The pass behind <see cref="FunctionView"/>: walks the code once with an abstract operand stack (specification, appendix "Validation Algorithm"), where each
/// entry remembers the instructions that made it. The code is taken to be valid; that is the validator's business.
/// </summary>
internal sealed class StackWalk
{
    private const int NoTree = -1;

    internal struct Node
    {
        public TreeEffects Effects;
        public ValueType Type, Top0, Top1, Top2;
        public int Start, Consumer, Enclosing, Match, Else, Height, Operands, Results;
        public int LoopDepth;
        public bool Reachable;
    }

    private struct Entry
    {
        public ValueType Type;

        /// <summary>First instruction of the tree, or <see cref="NoTree"/>.</summary>
        public int Start;

        /// <summary>The instruction that pushed it; -1 where none did alone.</summary>
        public int End;
    }

    private struct Frame
    {
        public int Opener, Height, LoopDepth;
        public bool Reachable, OpenedReachable;
        public FunctionType? Type;
        public ValueType Single;
        public int Results;
    }

    private Entry[] stack = new Entry[64];
    private Frame[] frames = new Frame[16];
    private int height, depth;
    private FunctionInput input = null!;
    private bool shared;

    public Node[] Nodes { get; private set; } = [];

    public string? Unsupported { get; private set; }

    public long Cost { get; private set; }

    public void Run(ReadOnlySpan<Instruction> code, ReadOnlySpan<ValueType> locals, FunctionInput function)
    {
        if (Nodes.Length < code.Length)
        {
            Nodes = new Node[Math.Max(code.Length, Nodes.Length * 2)];
        }

        (input, height, depth, Cost, Unsupported) = (function, 0, 0, 0, null);
        shared = function.Module.HasSharedMemory;
        Open(-1, function.Type, default, function.Type.Results.Length, 0, reachable: true, loop: false);
        for (var i = 0; i < code.Length; i++)
        {
            ref readonly var instruction = ref code[i];
            ref var node = ref Nodes[i];
            ref var frame = ref frames[depth - 1];
            node = default;
            node.Start = NoTree;
            node.Consumer = node.Match = node.Else = -1;
            node.Enclosing = frame.Opener;
            node.Height = height;
            node.Reachable = frame.Reachable;
            node.LoopDepth = frame.LoopDepth;
            node.Top0 = Peek(0);
            var opcode = (int)instruction.Opcode;
            node.Effects = Own(instruction, code, i);
            Cost += CostModel.Of(instruction.Opcode) * CostModel.Weight(frame.LoopDepth);
            if (OpcodeShapes.Fixed[opcode])
            {
                var letter = OpcodeShapes.ResultLetter[opcode];
                var type = letter switch { '\0' => default, 'a' => function.Module.AddressType(instruction.Index), _ => ValueType.FromLetter(letter) };
                Apply(ref node, i, OpcodeShapes.Operands[opcode], OpcodeShapes.Results[opcode], type);
                continue;
            }

            Special(ref node, instruction, i, locals);
        }
    }

    private TreeEffects Own(in Instruction instruction, ReadOnlySpan<Instruction> code, int at)
    {
        var opcode = instruction.Opcode;
        var effects = OpcodeShapes.Effects[(int)opcode];
        switch (opcode)
        {
            case Opcode.LocalGet:
                return new TreeEffects(effects, TrapKinds.None, Bit(instruction.Index), 0, 0, 0);
            case Opcode.LocalSet or Opcode.LocalTee:
                return new TreeEffects(effects, TrapKinds.None, 0, Bit(instruction.Index), 0, 0);
            case Opcode.GlobalGet:
                return new TreeEffects(effects, TrapKinds.None, 0, 0, 1u << (int)(instruction.Index & 31), 0);
            case Opcode.GlobalSet:
                return new TreeEffects(effects, TrapKinds.None, 0, 0, 0, 1u << (int)(instruction.Index & 31));
            case >= Opcode.I32DivS and <= Opcode.I32RemU or >= Opcode.I64DivS and <= Opcode.I64RemU when at > 0 && DivisorIsSafe(opcode, code[at - 1]):
                return new TreeEffects(effects & ~Effects.Traps, TrapKinds.None, 0, 0, 0, 0);
            default:
                if (shared && (effects & (Effects.ReadsMemory | Effects.WritesMemory)) != 0)
                {
                    effects |= Effects.Atomic;
                }

                return new TreeEffects(effects, OpcodeShapes.Traps[(int)opcode], 0, 0, 0, 0);
        }
    }

    /// <summary>A constant divisor that is not zero cannot trap, nor -1, whose quotient overflows for the least number.</summary>
    private static bool DivisorIsSafe(Opcode division, in Instruction divisor) => divisor.Opcode switch
    {
        Opcode.I32Const => divisor.I32 != 0 && (divisor.I32 != -1 || division != Opcode.I32DivS),
        Opcode.I64Const => divisor.I64 != 0 && (divisor.I64 != -1 || division != Opcode.I64DivS),
        _ => false,
    };

    private static ulong Bit(uint local) => 1UL << (int)(local & 63);

    /// <summary>Pops operands, pushes results, and makes the tree where the operands allow it.</summary>
    private void Apply(ref Node node, int at, int operands, int results, ValueType type)
    {
        node.Operands = operands;
        node.Results = results;
        var start = Pop(ref node, at, operands);
        node.Start = start;
        node.Type = results == 1 ? type : default;
        if (results == 1)
        {
            Push(type, start, at);
        }
        else
        {
            for (var k = 0; k < results; k++)
            {
                Push(default, NoTree, -1);
            }
        }
    }

    /// <summary>Takes operands from the stack; gives where they start if they are trees directly before <paramref name="at"/>, and gathers their effects.</summary>
    private int Pop(ref Node node, int at, int operands)
    {
        ref var frame = ref frames[depth - 1];
        if (operands > 1)
        {
            node.Top1 = Peek(1);
            node.Top2 = Peek(2);
        }

        var start = node.Reachable ? at : NoTree;
        for (var k = 0; k < operands; k++)
        {
            if (height <= frame.Height)
            {
                start = NoTree;
                continue;
            }

            ref var entry = ref stack[--height];
            if (entry.End >= 0 && node.Reachable)
            {
                Nodes[entry.End].Consumer = at;
            }

            if (start >= 0 && entry.Start >= 0 && entry.End == start - 1)
            {
                start = entry.Start;
            }
            else
            {
                start = NoTree;
            }
        }

        if (start >= 0 && operands > 0)
        {
            var end = at - 1;
            for (var k = 0; k < operands; k++)
            {
                node.Effects = node.Effects.Union(Nodes[end].Effects);
                end = Nodes[end].Start - 1;
            }
        }

        return start;
    }

    private ValueType Peek(int fromTop) => height - 1 - fromTop >= frames[depth - 1].Height ? stack[height - 1 - fromTop].Type : default;

    private void Push(ValueType type, int start, int end)
    {
        if (height == stack.Length)
        {
            Array.Resize(ref stack, stack.Length * 2);
        }

        stack[height++] = new Entry { Type = type, Start = start, End = end };
    }

    private void PushTypes(FunctionType? type, ValueType single, int count)
    {
        for (var k = 0; k < count; k++)
        {
            Push(type is not null ? type.Results[k] : single, NoTree, -1);
        }
    }

    private void Open(int opener, FunctionType? type, ValueType single, int results, int parameters, bool reachable, bool loop)
    {
        if (depth == frames.Length)
        {
            Array.Resize(ref frames, frames.Length * 2);
        }

        frames[depth] = new Frame
        {
            Opener = opener, Height = height, Reachable = reachable, OpenedReachable = reachable, Type = type, Single = single, Results = results,
            LoopDepth = depth == 0 ? 0 : frames[depth - 1].LoopDepth + (loop ? 1 : 0),
        };
        depth++;
        for (var k = 0; k < parameters; k++)
        {
            Push(type!.Parameters[k], NoTree, -1);
        }
    }

    private void Special(ref Node node, in Instruction instruction, int at, ReadOnlySpan<ValueType> locals)
    {
        switch (instruction.Opcode)
        {
            case Opcode.LocalGet:
                Apply(ref node, at, 0, 1, locals[(int)instruction.Index]);
                break;
            case Opcode.LocalSet:
                Apply(ref node, at, 1, 0, default);
                break;
            case Opcode.LocalTee:
                Apply(ref node, at, 1, 1, locals[(int)instruction.Index]);
                break;
            case Opcode.GlobalGet:
                Apply(ref node, at, 0, 1, instruction.Index == VariantCode.BlindGlobal ? ValueType.I64 : input.Module.Globals[(int)instruction.Index].Value);
                break;
            case Opcode.GlobalSet or Opcode.Drop:
                Apply(ref node, at, 1, 0, default);
                break;
            case Opcode.Select or Opcode.SelectTyped:
                Apply(ref node, at, 3, 1, SelectType(instruction));
                break;
            case Opcode.Block or Opcode.Loop or Opcode.If or Opcode.Try or Opcode.TryTable:
                OpenBlock(ref node, instruction, at);
                break;
            case Opcode.Else or Opcode.Catch or Opcode.CatchAll:
                NextArm(ref node, instruction, at);
                break;
            case Opcode.End or Opcode.Delegate:
                Close(ref node, at);
                break;
            case Opcode.BrIf:
                Apply(ref node, at, 1, 0, default);
                break;
            case Opcode.Call:
                ApplyCall(ref node, at, input.Module.FunctionTypes is var functions && instruction.Index < functions.Length ? functions[(int)instruction.Index] : null, 0,
                    instruction.Index >= VariantCode.OutlinedBase ? instruction.Index : 0);
                break;
            case Opcode.CallIndirect:
                ApplyCall(ref node, at, input.Module.TypeAt(instruction.Index), 1, 0);
                break;
            case Opcode.CallRef:
                ApplyCall(ref node, at, input.Module.TypeAt(instruction.Index), 1, 0);
                break;
            case Opcode.BrTable:
                Apply(ref node, at, 1, 0, default);
                Leave(ref node);
                break;
            case Opcode.Br or Opcode.Return or Opcode.Unreachable or Opcode.Throw or Opcode.Rethrow or Opcode.ThrowRef
                or Opcode.ReturnCall or Opcode.ReturnCallIndirect or Opcode.ReturnCallRef:
                // What such an instruction takes does not matter here: nothing on the stack outlives it.
                Apply(ref node, at, Math.Min(EndingOperands(instruction), Math.Max(0, height - frames[depth - 1].Height)), 0, default);
                Leave(ref node);
                break;
            default:
                Uncommon(ref node, instruction, at);
                break;
        }
    }

    private ValueType SelectType(in Instruction instruction)
    {
        if (instruction.Payload is TypesPayload { Types: [var named] })
        {
            return named;
        }

        return Peek(1);
    }

    /// <summary>Operands of an instruction that ends control, for the consumer relation and statement ranges.</summary>
    private int EndingOperands(in Instruction instruction) => instruction.Opcode switch
    {
        Opcode.Br => BranchArity((int)instruction.Index),
        Opcode.Return => input.Type.Results.Length,
        Opcode.ReturnCall => instruction.Index < input.Module.FunctionTypes.Length ? input.Module.FunctionTypes[(int)instruction.Index]?.Parameters.Length ?? 0 : 0,
        Opcode.ReturnCallIndirect or Opcode.ReturnCallRef => 1 + (input.Module.TypeAt(instruction.Index)?.Parameters.Length ?? 0),
        Opcode.Throw => instruction.Index < input.Module.Tags.Length ? input.Module.Tags[(int)instruction.Index]?.Parameters.Length ?? 0 : 0,
        Opcode.ThrowRef => 1,
        _ => 0,
    };

    private int BranchArity(int label)
    {
        if (label >= depth)
        {
            return 0;
        }

        ref var target = ref frames[depth - 1 - label];
        return target.Opener >= 0 && IsLoop(target.Opener) ? target.Type?.Parameters.Length ?? 0 : target.Results;
    }

    private bool IsLoop(int opener) => Nodes[opener].Else == -2;

    private void ApplyCall(ref Node node, int at, FunctionType? type, int extra, uint outlined)
    {
        if (type is null && outlined != 0)
        {
            type = OutlinedType?.Invoke(outlined);
        }

        if (type is null)
        {
            Unsupported ??= "a call whose type is not known";
            return;
        }

        var results = type.Results.Length;
        if (results <= 1)
        {
            Apply(ref node, at, type.Parameters.Length + extra, results, results == 1 ? type.Results[0] : default);
            return;
        }

        node.Operands = type.Parameters.Length + extra;
        node.Results = results;
        node.Start = Pop(ref node, at, node.Operands);
        PushTypes(type, default, results);
    }

    /// <summary>Gives the type of an outlined function by its placeholder.</summary>
    public Func<uint, FunctionType?>? OutlinedType { get; set; }

    private void OpenBlock(ref Node node, in Instruction instruction, int at)
    {
        var block = instruction.BlockType;
        var type = block.IsIndex ? input.Module.TypeAt(block.TypeIndex) : null;
        var parameters = type?.Parameters.Length ?? 0;
        var results = type?.Results.Length ?? (block.Result is null ? 0 : 1);
        var condition = instruction.Opcode == Opcode.If ? 1 : 0;
        node.Operands = parameters + condition;
        node.Start = Pop(ref node, at, node.Operands);
        if (instruction.Opcode == Opcode.Loop)
        {
            node.Else = -2;
        }

        Open(at, type, block.Result ?? default, results, parameters, node.Reachable, instruction.Opcode == Opcode.Loop);
    }

    private void NextArm(ref Node node, in Instruction instruction, int at)
    {
        ref var frame = ref frames[depth - 1];
        node.Match = frame.Opener;
        node.Enclosing = Nodes[frame.Opener].Enclosing;
        if (instruction.Opcode == Opcode.Else)
        {
            Nodes[frame.Opener].Else = at;
        }

        height = frame.Height;
        frame.Reachable = frame.OpenedReachable;
        node.Reachable = frame.OpenedReachable;
        var pushed = instruction.Opcode switch
        {
            Opcode.Else => frame.Type?.Parameters,
            Opcode.Catch => instruction.Index < input.Module.Tags.Length ? input.Module.Tags[(int)instruction.Index]?.Parameters : null,
            _ => null,
        };
        foreach (var type in pushed ?? [])
        {
            Push(type, NoTree, -1);
        }
    }

    private void Close(ref Node node, int at)
    {
        ref var frame = ref frames[depth - 1];
        node.Match = frame.Opener;
        node.Reachable = frame.OpenedReachable;
        if (frame.Opener >= 0)
        {
            ref var opener = ref Nodes[frame.Opener];
            opener.Match = at;
            node.Enclosing = opener.Enclosing;
            if (opener.Else == -2)
            {
                opener.Else = -1;
            }
            else if (opener.Else >= 0)
            {
                Nodes[opener.Else].Else = at;
            }
        }

        height = frame.Height;
        node.Results = frame.Results;
        depth--;
        if (depth > 0)
        {
            PushTypes(frame.Type, frame.Single, frame.Results);
        }
        else
        {
            depth = 1;
        }
    }

    private void Leave(ref Node node)
    {
        ref var frame = ref frames[depth - 1];
        frame.Reachable = false;
        height = frame.Height;
    }

    /// <summary>References, tables, garbage collection: only how many values they take and give; what they give is not tracked.</summary>
    private void Uncommon(ref Node node, in Instruction instruction, int at)
    {
        var types = input.Module.Types;
        int Fields(uint type) => type < types.Length && types[(int)type].Type is StructType structure ? structure.Fields.Length : 0;
        var (operands, results) = instruction.Opcode switch
        {
            Opcode.MemoryInit or Opcode.MemoryCopy or Opcode.TableInit or Opcode.TableCopy or Opcode.TableFill => (3, 0),
            Opcode.TableGet => (1, 1),
            Opcode.TableSet => (2, 0),
            Opcode.TableSize => (0, 1),
            Opcode.TableGrow => (2, 1),
            Opcode.RefNull or Opcode.RefFunc or Opcode.StructNewDefault => (0, 1),
            Opcode.RefIsNull or Opcode.RefAsNonNull or Opcode.RefTest or Opcode.RefTestNull or Opcode.RefCast or Opcode.RefCastNull
                or Opcode.AnyConvertExtern or Opcode.ExternConvertAny or Opcode.RefI31 or Opcode.I31GetS or Opcode.I31GetU
                or Opcode.StructGet or Opcode.StructGetS or Opcode.StructGetU or Opcode.ArrayLen or Opcode.ArrayNewDefault => (1, 1),
            Opcode.BrOnNull or Opcode.BrOnCast or Opcode.BrOnCastFail => (1, 1),
            Opcode.BrOnNonNull => (1, 0),
            Opcode.RefEq or Opcode.ArrayNew or Opcode.ArrayNewData or Opcode.ArrayNewElem or Opcode.ArrayGet or Opcode.ArrayGetS or Opcode.ArrayGetU => (2, 1),
            Opcode.StructSet => (2, 0),
            Opcode.StructNew => (Fields(instruction.Index), 1),
            Opcode.ArrayNewFixed => ((int)instruction.Index2, 1),
            Opcode.ArraySet => (3, 0),
            Opcode.ArrayFill or Opcode.ArrayInitData or Opcode.ArrayInitElem => (4, 0),
            Opcode.ArrayCopy => (5, 0),
            _ => (-1, 0),
        };
        if (operands < 0)
        {
            Unsupported ??= $"{instruction.Info.Name} is not understood";
            return;
        }

        Apply(ref node, at, operands, results, instruction.Opcode switch
        {
            Opcode.RefIsNull or Opcode.RefTest or Opcode.RefTestNull or Opcode.RefEq or Opcode.I31GetS or Opcode.I31GetU or Opcode.ArrayLen => ValueType.I32,
            Opcode.TableSize or Opcode.TableGrow => instruction.Index < input.Module.Tables.Length
                ? input.Module.Tables[(int)instruction.Index].Limits.AddressType : default,
            _ => default,
        });
    }
}

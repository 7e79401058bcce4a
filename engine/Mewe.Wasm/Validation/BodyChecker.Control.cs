namespace Mewe.Wasm.Validation;

/// <summary>Blocks, branches, calls, exceptions, locals and globals (specification, 3.4).</summary>
internal sealed partial class BodyChecker
{
    private void CheckSpecial(in Instruction instruction)
    {
        switch (instruction.Opcode)
        {
            case Opcode.Unreachable:
                BecomeUnreachable();
                break;
            case Opcode.Block or Opcode.Loop or Opcode.Try:
                Open(instruction.Opcode, instruction.BlockType);
                break;
            case Opcode.If:
                Pop(ValueType.I32);
                Open(Opcode.If, instruction.BlockType);
                break;
            case Opcode.TryTable:
                foreach (var clause in ((TryTablePayload)instruction.Payload!).Clauses)
                {
                    CheckClause(clause);
                }

                Open(Opcode.TryTable, instruction.BlockType);
                break;
            case Opcode.Else:
                Reopen(Opcode.Else, "else");
                Push(frames[frameCount - 1].Parameters);
                break;
            case Opcode.Catch:
                Reopen(Opcode.Catch, "catch");
                Push(Tag(instruction.Index).Parameters.AsSpan());
                break;
            case Opcode.CatchAll:
                Reopen(Opcode.CatchAll, "catch_all");
                break;
            case Opcode.End:
                End();
                break;
            case Opcode.Delegate:
                Delegate(instruction.Index);
                break;
            case Opcode.Throw:
                Pop(Tag(instruction.Index).Parameters.AsSpan());
                BecomeUnreachable();
                break;
            case Opcode.Rethrow:
                if (Label(instruction.Index).Opener is not (Opcode.Catch or Opcode.CatchAll))
                {
                    throw Invalid($"invalid rethrow label {instruction.Index}: it is no catch block");
                }

                BecomeUnreachable();
                break;
            case Opcode.ThrowRef:
                Pop(ValueType.Ref(HeapType.Exn, nullable: true));
                BecomeUnreachable();
                break;
            case Opcode.Br:
                Pop(Label(instruction.Index).LabelTypes);
                BecomeUnreachable();
                break;
            case Opcode.BrIf:
                Pop(ValueType.I32);
                PassAlong(Label(instruction.Index).LabelTypes);
                break;
            case Opcode.BrTable:
                BranchTable(instruction);
                break;
            case Opcode.Return:
                Pop(type.Results.AsSpan());
                BecomeUnreachable();
                break;
            case Opcode.Call:
                Call(context.TypeOfFunction(Function(instruction.Index)));
                break;
            case Opcode.ReturnCall:
                TailCall(context.TypeOfFunction(Function(instruction.Index)));
                break;
            case Opcode.CallIndirect or Opcode.ReturnCallIndirect:
                CallIndirect(instruction);
                break;
            case Opcode.CallRef or Opcode.ReturnCallRef:
                CallReference(instruction);
                break;
            case Opcode.Drop:
                Pop();
                break;
            case Opcode.Select:
                Select();
                break;
            case Opcode.SelectTyped:
                SelectTyped((TypesPayload)instruction.Payload!);
                break;
            case Opcode.LocalGet:
                var got = Local(instruction.Index);
                if (tracksLocals && !initialized[instruction.Index])
                {
                    throw Invalid($"uninitialized local {instruction.Index}");
                }

                Push(got);
                break;
            case Opcode.LocalSet:
                Pop(Local(instruction.Index));
                Initialize(instruction.Index);
                break;
            case Opcode.LocalTee:
                var teed = Local(instruction.Index);
                Pop(teed);
                Initialize(instruction.Index);
                Push(teed);
                break;
            case Opcode.GlobalGet:
                Push(Global(instruction.Index).Value);
                break;
            case Opcode.GlobalSet:
                var global = Global(instruction.Index);
                if (!global.Mutable)
                {
                    throw Invalid($"immutable global {instruction.Index}");
                }

                Pop(global.Value);
                break;
            default:
                CheckReferences(instruction);
                break;
        }
    }

    private void BecomeUnreachable()
    {
        height = frameHeight;
        unreachable = frames[frameCount - 1].Unreachable = true;
    }

    private void Open(Opcode opener, BlockType block)
    {
        var frame = new Frame { Opener = opener, Start = position, InitializationCount = initializationCount };
        if (block.IsIndex)
        {
            frame.Function = context.Resolve(block.TypeIndex) ?? throw Invalid($"unknown type {block.TypeIndex}: no function type");
        }
        else if (block.Result is { } result)
        {
            if (!context.IsValid(result))
            {
                throw Invalid($"unknown type {result}");
            }

            (frame.Single, frame.HasSingle) = (result, true);
        }

        Pop(frame.Parameters);
        frame.Height = height;
        frame.Dead = unreachable || frames[frameCount - 1].Dead;
        if (frameCount > Limits.MaxNestingDepth)
        {
            throw new WasmException(WasmErrorKind.LimitExceeded, offset, $"blocks nested deeper than {Limits.MaxNestingDepth}");
        }

        if (frameCount == frames.Length)
        {
            Array.Resize(ref frames, frameCount * 2);
        }

        frames[frameCount++] = frame;
        frameHeight = height;
        unreachable = false;
        Push(frame.Parameters);
    }

    /// <summary>Takes the results of the innermost block, and checks that nothing else is left.</summary>
    private void TakeResults()
    {
        ref var frame = ref frames[frameCount - 1];
        Pop(frame.Results);
        if (height != frame.Height)
        {
            throw Invalid($"type mismatch: {height - frame.Height} values left on the stack at the end of a block");
        }

        while (initializationCount > frame.InitializationCount)
        {
            initialized[initializations[--initializationCount]] = false;
        }
    }

    /// <summary>else, catch and catch_all: the block goes on with another body.</summary>
    private void Reopen(Opcode opcode, string name)
    {
        ref var frame = ref frames[frameCount - 1];
        var fits = opcode == Opcode.Else ? frame.Opener == Opcode.If : frame.Opener is Opcode.Try or Opcode.Catch;
        if (!fits)
        {
            throw Invalid($"{name} without its block");
        }

        TakeResults();
        frame.Opener = opcode;
        frame.Unreachable = unreachable = false;
        recorder?.Reopened(frame.Start, position, opcode == Opcode.Else);
    }

    private void End()
    {
        ref var frame = ref frames[frameCount - 1];
        TakeResults();
        if (frame.Opener == Opcode.If && !context.IsSubtype(frame.Parameters, frame.Results))
        {
            throw Invalid("type mismatch: an if without else must give what it takes");
        }

        Close();
    }

    private void Delegate(uint label)
    {
        if (frames[frameCount - 1].Opener != Opcode.Try)
        {
            throw Invalid("delegate without try");
        }

        TakeResults();

        // The label counts from outside of the try.
        if (label + 1UL >= (ulong)frameCount)
        {
            throw Invalid($"unknown label {label}");
        }

        Close();
    }

    private void Close()
    {
        ref var frame = ref frames[--frameCount];
        recorder?.Closed(frame.Opener == FunctionBlock ? -1 : frame.Start, position);
        if (frameCount == 0)
        {
            // The results are the function's; nothing takes them, and nothing may follow.
            Push(frame.Results);
            return;
        }

        ref readonly var outer = ref frames[frameCount - 1];
        frameHeight = outer.Height;
        unreachable = outer.Unreachable;
        Push(frame.Results);
    }

    private ref readonly Frame Label(uint label)
    {
        if (label >= (uint)frameCount)
        {
            throw Invalid($"unknown label {label}");
        }

        return ref frames[frameCount - 1 - (int)label];
    }

    /// <summary>Takes what a conditional branch would take along, and gives it back as the label has it.</summary>
    private void PassAlong(ReadOnlySpan<ValueType> types)
    {
        Pop(types);
        Push(types);
    }

    private void BranchTable(in Instruction instruction)
    {
        Pop(ValueType.I32);
        var arity = Label(instruction.Index).LabelTypes.Length;
        FunctionType? checkedType = null;
        var checkedLoop = false;
        foreach (var target in instruction.Labels)
        {
            ref readonly var label = ref Label(target);
            if (label.Function is not null && label.Function == checkedType && (label.Opener == Opcode.Loop) == checkedLoop)
            {
                continue;
            }

            var types = label.LabelTypes;
            if (types.Length != arity)
            {
                throw Invalid($"type mismatch: label {target} takes {types.Length} values, the default takes {arity}");
            }

            Peek(types);
            (checkedType, checkedLoop) = (label.Function, label.Opener == Opcode.Loop);
        }

        Pop(Label(instruction.Index).LabelTypes);
        BecomeUnreachable();
    }

    private void CheckClause(CatchClause clause)
    {
        ReadOnlySpan<ValueType> thrown = clause.Kind is CatchKind.Catch or CatchKind.CatchRef ? Tag(clause.Tag).Parameters.AsSpan() : default;
        var taken = Label(clause.Label).LabelTypes;
        var withReference = clause.Kind is CatchKind.CatchRef or CatchKind.CatchAllRef;
        var fits = withReference
            ? taken.Length == thrown.Length + 1 && context.IsSubtype(thrown, taken[..^1]) && context.IsSubtype(CaughtReference, taken[^1])
            : context.IsSubtype(thrown, taken);
        if (!fits)
        {
            throw Invalid($"type mismatch: label {clause.Label} does not take what the catch clause gives");
        }
    }

    /// <summary>What catch_ref and catch_all_ref give: the exception that was caught, never null.</summary>
    private static readonly ValueType CaughtReference = ValueType.Ref(HeapType.Exn, nullable: false);

    private FunctionType Tag(uint tag) => tag < (uint)context.Tags.Length ? context.TypeOfTag(tag) : throw Invalid($"unknown tag {tag}");

    private uint Function(uint function) => function < (uint)context.FunctionCount ? function : throw Invalid($"unknown function {function}");

    private ValueType Local(uint local) => local < (uint)localCount ? locals[local] : throw Invalid($"unknown local {local}");

    private void Initialize(uint local)
    {
        if (tracksLocals && !initialized[local])
        {
            initialized[local] = true;
            initializations[initializationCount++] = (int)local;
        }
    }

    private GlobalType Global(uint global) => global < (uint)context.Globals.Length ? context.Globals[(int)global] : throw Invalid($"unknown global {global}");

    private void Call(FunctionType callee)
    {
        Pop(callee.Parameters.AsSpan());
        Push(callee.Results.AsSpan());
    }

    private void TailCall(FunctionType callee)
    {
        if (!context.IsSubtype(callee.Results.AsSpan(), type.Results.AsSpan()))
        {
            throw Invalid("type mismatch: a tail call must give what the function gives");
        }

        Pop(callee.Parameters.AsSpan());
        BecomeUnreachable();
    }

    private void CallIndirect(in Instruction instruction)
    {
        var table = Table(instruction.Index2);
        if (!context.IsSubtype(table.Element, ValueType.FuncRef))
        {
            throw Invalid($"type mismatch: table {instruction.Index2} holds {table.Element}, not functions");
        }

        var callee = context.Resolve(instruction.Index) ?? throw Invalid($"unknown type {instruction.Index}: no function type");
        Pop(table.Limits.AddressType);
        if (instruction.Opcode == Opcode.CallIndirect)
        {
            Call(callee);
        }
        else
        {
            TailCall(callee);
        }
    }

    private void CallReference(in Instruction instruction)
    {
        var callee = context.Resolve(instruction.Index) ?? throw Invalid($"unknown type {instruction.Index}: no function type");
        Pop(ValueType.Ref(HeapType.Index(instruction.Index), nullable: true));
        if (instruction.Opcode == Opcode.CallRef)
        {
            Call(callee);
        }
        else
        {
            TailCall(callee);
        }
    }

    private void Select()
    {
        Pop(ValueType.I32);
        var second = Pop();
        var first = Pop();
        if (first.IsReference || second.IsReference)
        {
            throw Invalid("type mismatch: a select of references names its type");
        }

        if (first != second && first != ValueType.Bottom && second != ValueType.Bottom)
        {
            throw Invalid($"type mismatch: select between {first} and {second}");
        }

        Push(first == ValueType.Bottom ? second : first);
    }

    private void SelectTyped(TypesPayload selected)
    {
        if (selected.Types.Length != 1)
        {
            throw Invalid("invalid result arity: a typed select gives one value");
        }

        var value = selected.Types[0];
        if (!context.IsValid(value))
        {
            throw Invalid($"unknown type {value}");
        }

        Pop(ValueType.I32);
        Pop(value);
        Pop(value);
        Push(value);
    }
}

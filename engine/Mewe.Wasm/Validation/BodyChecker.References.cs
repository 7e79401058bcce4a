namespace Mewe.Wasm.Validation;

/// <summary>References, structures, arrays, tables, bulk memory and constant expressions (specification, 3.4).</summary>
internal sealed partial class BodyChecker
{
    private static readonly ValueType EqRef = ValueType.Ref(HeapType.Eq, nullable: true), I31Ref = ValueType.Ref(HeapType.I31, nullable: true),
        ArrayRef = ValueType.Ref(HeapType.Array, nullable: true), AnyRef = ValueType.Ref(HeapType.Any, nullable: true);

    private void CheckReferences(in Instruction instruction)
    {
        switch (instruction.Opcode)
        {
            case Opcode.RefNull:
                Push(ValueType.Ref(Heap(instruction), nullable: true));
                break;
            case Opcode.RefIsNull:
                PopReference();
                Push(ValueType.I32);
                break;
            case Opcode.RefFunc:
                var function = Function(instruction.Index);
                if (!context.IsDeclared(function))
                {
                    throw Invalid($"undeclared function reference {function}");
                }

                Push(ValueType.Ref(HeapType.Index(context.TypeIndexOfFunction(function)), nullable: false));
                break;
            case Opcode.RefEq:
                Pop(EqRef);
                Pop(EqRef);
                Push(ValueType.I32);
                break;
            case Opcode.RefAsNonNull:
                Push(ValueType.Ref(PopReference().Heap, nullable: false));
                break;
            case Opcode.BrOnNull:
                var tested = PopReference();
                PassAlong(Label(instruction.Index).LabelTypes);
                Push(ValueType.Ref(tested.Heap, nullable: false));
                break;
            case Opcode.BrOnNonNull:
                BranchOnNonNull(instruction.Index);
                break;
            case Opcode.BrOnCast or Opcode.BrOnCastFail:
                BranchOnCast(instruction);
                break;
            case Opcode.RefTest or Opcode.RefTestNull or Opcode.RefCast or Opcode.RefCastNull:
                Cast(instruction);
                break;
            case Opcode.RefI31:
                Pop(ValueType.I32);
                Push(ValueType.Ref(HeapType.I31, nullable: false));
                break;
            case Opcode.I31GetS or Opcode.I31GetU:
                Pop(I31Ref);
                Push(ValueType.I32);
                break;
            case Opcode.AnyConvertExtern:
                Convert(HeapType.Extern, HeapType.Any);
                break;
            case Opcode.ExternConvertAny:
                Convert(HeapType.Any, HeapType.Extern);
                break;
            case Opcode.StructNew or Opcode.StructNewDefault or Opcode.StructGet or Opcode.StructGetS or Opcode.StructGetU or Opcode.StructSet:
                CheckStructure(instruction);
                break;
            case Opcode.ArrayLen:
                Pop(ArrayRef);
                Push(ValueType.I32);
                break;
            case >= Opcode.ArrayNew and <= Opcode.ArrayInitElem:
                CheckArray(instruction);
                break;
            case Opcode.MemoryInit:
                var address = Memory(instruction.Index2).Limits.AddressType;
                DataSegment(instruction.Index);
                Pop(ValueType.I32);
                Pop(ValueType.I32);
                Pop(address);
                break;
            case Opcode.MemoryCopy:
                Copy(Memory(instruction.Index).Limits, Memory(instruction.Index2).Limits);
                break;
            default:
                CheckTables(instruction);
                break;
        }
    }

    private void CheckTables(in Instruction instruction)
    {
        switch (instruction.Opcode)
        {
            case Opcode.TableGet:
                Pop(Table(instruction.Index).Limits.AddressType);
                Push(Table(instruction.Index).Element);
                break;
            case Opcode.TableSet:
                Pop(Table(instruction.Index).Element);
                Pop(Table(instruction.Index).Limits.AddressType);
                break;
            case Opcode.TableInit:
                var target = Table(instruction.Index2);
                var elements = Elements(instruction.Index);
                if (!context.IsSubtype(elements, target.Element))
                {
                    throw Invalid($"type mismatch: elements of {elements} for a table of {target.Element}");
                }

                Pop(ValueType.I32);
                Pop(ValueType.I32);
                Pop(target.Limits.AddressType);
                break;
            case Opcode.TableCopy:
                var (to, from) = (Table(instruction.Index), Table(instruction.Index2));
                if (!context.IsSubtype(from.Element, to.Element))
                {
                    throw Invalid($"type mismatch: a table of {from.Element} copied to a table of {to.Element}");
                }

                Copy(to.Limits, from.Limits);
                break;
            case Opcode.TableGrow:
                var grown = Table(instruction.Index);
                Pop(grown.Limits.AddressType);
                Pop(grown.Element);
                Push(grown.Limits.AddressType);
                break;
            case Opcode.TableSize:
                Push(Table(instruction.Index).Limits.AddressType);
                break;
            case Opcode.TableFill:
                var filled = Table(instruction.Index);
                Pop(filled.Limits.AddressType);
                Pop(filled.Element);
                Pop(filled.Limits.AddressType);
                break;
            default:
                throw new InvalidOperationException($"the validator has no case for {instruction.Info.Name}");
        }
    }

    /// <summary>Destination, source and count; the count is 64 bits wide only where both sides are.</summary>
    private void Copy(SizeLimits to, SizeLimits from)
    {
        Pop(to.Is64 && from.Is64 ? ValueType.I64 : ValueType.I32);
        Pop(from.AddressType);
        Pop(to.AddressType);
    }

    private HeapType Heap(in Instruction instruction)
    {
        var heap = ((HeapTypePayload)instruction.Payload!).Heap;
        return context.IsValid(heap) ? heap : throw Invalid($"unknown type {heap}");
    }

    private TableType Table(uint table) => table < (uint)context.Tables.Length ? context.Tables[(int)table] : throw Invalid($"unknown table {table}");

    private ValueType Elements(uint segment) =>
        segment < (uint)context.ElementTypes.Length ? context.ElementTypes[(int)segment] : throw Invalid($"unknown elem segment {segment}");

    private void DataSegment(uint segment)
    {
        if (context.DataCount is not { } count)
        {
            throw new WasmException(WasmErrorKind.Malformed, offset, "data count section required");
        }

        if (segment >= count)
        {
            throw Invalid($"unknown data segment {segment}");
        }
    }

    private void BranchOnNonNull(uint target)
    {
        var types = Label(target).LabelTypes;
        if (types.Length == 0 || !types[^1].IsReference)
        {
            throw Invalid($"type mismatch: label {target} takes no reference");
        }

        // What goes on to the label is not null, so the label may ask for that.
        Pop(ValueType.Ref(types[^1].Heap, nullable: true));
        PassAlong(types[..^1]);
    }

    private void BranchOnCast(in Instruction instruction)
    {
        var (from, to) = (CastPayload)instruction.Payload!;
        if (!context.IsValid(from) || !context.IsValid(to))
        {
            throw Invalid("unknown type");
        }

        if (!context.IsSubtype(to, from))
        {
            throw Invalid($"type mismatch: {to} is no subtype of {from}");
        }

        var types = Label(instruction.Index).LabelTypes;
        var rest = ValueType.Ref(from.Heap, from.IsNullable && !to.IsNullable);
        var (taken, left) = instruction.Opcode == Opcode.BrOnCast ? (to, rest) : (rest, to);
        if (types.Length == 0 || !context.IsSubtype(taken, types[^1]))
        {
            throw Invalid($"type mismatch: label {instruction.Index} does not take {taken}");
        }

        Pop(from);
        PassAlong(types[..^1]);
        Push(left);
    }

    private void Cast(in Instruction instruction)
    {
        var heap = Heap(instruction);
        Pop(ValueType.Ref(context.TopOf(heap), nullable: true));
        Push(instruction.Opcode is Opcode.RefTest or Opcode.RefTestNull
            ? ValueType.I32
            : ValueType.Ref(heap, instruction.Opcode == Opcode.RefCastNull));
    }

    private void Convert(HeapType from, HeapType to)
    {
        var value = Pop(ValueType.Ref(from, nullable: true));
        Push(ValueType.Ref(to, value.IsReference && value.IsNullable));
    }

    private void CheckStructure(in Instruction instruction)
    {
        var index = instruction.Index;
        var fields = index < (uint)context.Types.Length && context.Types[(int)index].Type is StructType structure
            ? structure.Fields
            : throw Invalid($"unknown type {index}: no structure type");
        switch (instruction.Opcode)
        {
            case Opcode.StructNew:
                for (var i = fields.Length - 1; i >= 0; i--)
                {
                    Pop(fields[i].Unpacked);
                }

                Push(ValueType.Ref(HeapType.Index(index), nullable: false));
                return;
            case Opcode.StructNewDefault:
                foreach (var each in fields)
                {
                    CheckDefault(each);
                }

                Push(ValueType.Ref(HeapType.Index(index), nullable: false));
                return;
        }

        var field = instruction.Index2 < (uint)fields.Length ? fields[(int)instruction.Index2] : throw Invalid($"unknown field {instruction.Index2}");
        if (instruction.Opcode == Opcode.StructSet)
        {
            CheckMutable(field, "structure field");
            Pop(field.Unpacked);
            Pop(ValueType.Ref(HeapType.Index(index), nullable: true));
            return;
        }

        CheckPacking(field, instruction.Opcode == Opcode.StructGet);
        Pop(ValueType.Ref(HeapType.Index(index), nullable: true));
        Push(field.Unpacked);
    }

    private FieldType ArrayElement(uint index) => index < (uint)context.Types.Length && context.Types[(int)index].Type is ArrayType array
        ? array.Element
        : throw Invalid($"unknown type {index}: no array type");

    private void CheckArray(in Instruction instruction)
    {
        var element = ArrayElement(instruction.Index);
        var heap = HeapType.Index(instruction.Index);
        var reference = ValueType.Ref(heap, nullable: true);
        switch (instruction.Opcode)
        {
            case Opcode.ArrayNew:
                Pop(ValueType.I32);
                Pop(element.Unpacked);
                Push(ValueType.Ref(heap, nullable: false));
                break;
            case Opcode.ArrayNewDefault:
                CheckDefault(element);
                Pop(ValueType.I32);
                Push(ValueType.Ref(heap, nullable: false));
                break;
            case Opcode.ArrayNewFixed:
                CheckFixedLength(instruction.Index2);
                for (var i = 0u; i < instruction.Index2; i++)
                {
                    Pop(element.Unpacked);
                }

                Push(ValueType.Ref(heap, nullable: false));
                break;
            case Opcode.ArrayNewData or Opcode.ArrayNewElem:
                CheckSegment(instruction, element);
                Pop(ValueType.I32);
                Pop(ValueType.I32);
                Push(ValueType.Ref(heap, nullable: false));
                break;
            case Opcode.ArrayGet or Opcode.ArrayGetS or Opcode.ArrayGetU:
                CheckPacking(element, instruction.Opcode == Opcode.ArrayGet);
                Pop(ValueType.I32);
                Pop(reference);
                Push(element.Unpacked);
                break;
            case Opcode.ArraySet:
                CheckMutable(element, "array");
                Pop(element.Unpacked);
                Pop(ValueType.I32);
                Pop(reference);
                break;
            case Opcode.ArrayFill:
                CheckMutable(element, "array");
                Pop(ValueType.I32);
                Pop(element.Unpacked);
                Pop(ValueType.I32);
                Pop(reference);
                break;
            case Opcode.ArrayCopy:
                CopyArray(instruction, element);
                break;
            default:
                CheckMutable(element, "array");
                CheckSegment(instruction, element);
                Pop(ValueType.I32);
                Pop(ValueType.I32);
                Pop(ValueType.I32);
                Pop(reference);
                break;
        }
    }

    private void CopyArray(in Instruction instruction, FieldType to)
    {
        CheckMutable(to, "array");
        var from = ArrayElement(instruction.Index2);
        if (!context.IsSubtype(from.Storage, to.Storage))
        {
            throw Invalid("array types do not match");
        }

        Pop(ValueType.I32);
        Pop(ValueType.I32);
        Pop(ValueType.Ref(HeapType.Index(instruction.Index2), nullable: true));
        Pop(ValueType.I32);
        Pop(ValueType.Ref(HeapType.Index(instruction.Index), nullable: true));
    }

    /// <summary>array.new_data, array.new_elem, array.init_data and array.init_elem: the segment must hold what the array does.</summary>
    private void CheckSegment(in Instruction instruction, FieldType element)
    {
        if (instruction.Opcode is Opcode.ArrayNewData or Opcode.ArrayInitData)
        {
            DataSegment(instruction.Index2);
            if (element.Storage.IsReference)
            {
                throw Invalid("array type is not numeric or vector");
            }
        }
        else if (!context.IsSubtype(Elements(instruction.Index2), element.Storage))
        {
            throw Invalid($"type mismatch: elements of {Elements(instruction.Index2)} for an array of {element.Storage}");
        }
    }

    // Engines agree on 10,000 operands; without a bound a few bytes of unreachable code would cost a second.
    private void CheckFixedLength(uint length)
    {
        if (length > Limits.MaxFields)
        {
            throw new WasmException(WasmErrorKind.LimitExceeded, offset, $"array.new_fixed of {length} operands, the limit is {Limits.MaxFields}");
        }
    }

    private void CheckMutable(FieldType field, string what)
    {
        if (!field.Mutable)
        {
            throw Invalid($"immutable {what}");
        }
    }

    private void CheckPacking(FieldType field, bool plain)
    {
        if (field.Storage.IsPacked == plain)
        {
            throw Invalid(plain ? "field is packed: get_s or get_u expected" : "field is unpacked: get without a sign expected");
        }
    }

    private void CheckDefault(FieldType field)
    {
        if (!field.Storage.IsDefaultable)
        {
            throw Invalid($"field type {field.Storage} is not defaultable");
        }
    }

    private void CheckConstantInstruction(in Instruction instruction)
    {
        switch (instruction.Opcode)
        {
            case Opcode.I32Const or Opcode.I64Const or Opcode.F32Const or Opcode.F64Const or Opcode.V128Const or Opcode.RefNull or Opcode.RefFunc
                or Opcode.RefI31 or Opcode.I32Add or Opcode.I32Sub or Opcode.I32Mul or Opcode.I64Add or Opcode.I64Sub or Opcode.I64Mul
                or Opcode.StructNew or Opcode.StructNewDefault or Opcode.ArrayNew or Opcode.ArrayNewDefault or Opcode.ArrayNewFixed
                or Opcode.AnyConvertExtern or Opcode.ExternConvertAny or Opcode.End:
                break;
            case Opcode.GlobalGet:
                if (instruction.Index >= (uint)constantGlobals)
                {
                    throw Invalid($"unknown global {instruction.Index}: a constant expression sees only globals before it");
                }

                if (Global(instruction.Index).Mutable)
                {
                    throw Invalid($"constant expression required: global {instruction.Index} is mutable");
                }

                break;
            default:
                throw Invalid($"constant expression required: {instruction.Info.Name} is not constant");
        }
    }
}

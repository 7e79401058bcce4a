using System.Globalization;
using System.Text;
using Mewe.Wasm.Names;

namespace Mewe.Wasm.Text;

/// <summary>Types and instructions in the text format, driven by <see cref="OpcodeTable"/>.</summary>
internal sealed class WatCode(WasmModule module, WatNames names)
{
    /// <summary>Indentation stops here, so that deep nesting does not make the text grow with its square.</summary>
    private const int DeepestIndent = 32;

    public FunctionType? FunctionType(uint type) => type < (uint)module.Types.Length ? module.Types[(int)type].Type as FunctionType : null;

    public string Type(ValueType type) => type.IsReference && type.Heap.IsIndex
        ? $"(ref {(type.IsNullable ? "null " : "")}{names.Reference(NameKind.Type, type.Heap.TypeIndex)})"
        : type.ToString();

    /// <summary>The long form, which casts need.</summary>
    private string Reference(HeapType heap, bool nullable) => $"(ref {(nullable ? "null " : "")}{Heap(heap)})";

    private string Heap(HeapType heap) => heap.IsIndex ? names.Reference(NameKind.Type, heap.TypeIndex) : heap.ToString();

    public string SubTypeText(SubType type, uint index)
    {
        var composite = type.Type switch
        {
            FunctionType function => $"(func{Signature(function, null)})",
            StructType structure => $"(struct{string.Concat(structure.Fields.Select((field, i) => $" (field {FieldName(index, (uint)i)}{Field(field)})"))})",
            ArrayType array => $"(array {Field(array.Element)})",
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
        };
        if (type.IsPlain)
        {
            return composite;
        }

        var supertypes = string.Concat(type.Supertypes.Select(super => " " + names.Reference(NameKind.Type, super)));
        return $"(sub{(type.Final ? " final" : "")}{supertypes} {composite})";
    }

    private string FieldName(uint type, uint field) => names.Field(type, field) is { } name ? name + " " : "";

    private string Field(FieldType field) => field.Mutable ? $"(mut {Type(field.Storage)})" : Type(field.Storage);

    /// <summary>" (type N) (param ...) (result ...)", parameters by name where the scope has names.</summary>
    public string TypeUse(uint type, WatScope? scope) =>
        $" (type {names.Reference(NameKind.Type, type)}){(FunctionType(type) is { } function ? Signature(function, scope) : "")}";

    private string Signature(FunctionType type, WatScope? scope)
    {
        var text = new StringBuilder();
        var open = false;
        for (var i = 0; i < type.Parameters.Length; i++)
        {
            if (scope is not null && scope.Locals.TryGetValue((uint)i, out var name))
            {
                text.Append(open ? ")" : "").Append($" (param {name} {Type(type.Parameters[i])})");
                open = false;
            }
            else
            {
                text.Append(open ? " " : " (param ").Append(Type(type.Parameters[i]));
                open = true;
            }
        }

        text.Append(open ? ")" : "");
        if (!type.Results.IsEmpty)
        {
            text.Append(" (result ").AppendJoin(' ', type.Results.Select(Type)).Append(')');
        }

        return text.ToString();
    }

    /// <summary>A constant expression on one line, without its end.</summary>
    public string Constant(ConstantExpression expression)
    {
        var scope = WatScope.Empty();
        return string.Join(' ', expression.Code.SkipLast(1).Select(instruction => Text(instruction, scope)));
    }

    /// <summary>One instruction a line.</summary>
    public void WriteInstructions(TextWriter output, ReadOnlySpan<Instruction> instructions, string margin, WatScope scope, bool indent)
    {
        foreach (ref readonly var instruction in instructions)
        {
            var depth = scope.Depth;
            var comment = "";
            switch (instruction.Opcode)
            {
                case Opcode.End:
                    scope.Close();
                    depth--;
                    break;
                case Opcode.Else or Opcode.Catch or Opcode.CatchAll:
                    depth--;
                    break;
                case Opcode.Delegate:
                    // Its label counts from outside of the try.
                    scope.Close();
                    depth--;
                    break;
            }

            var text = Text(instruction, scope);
            if (instruction.OpensBlock)
            {
                var (name, number) = scope.Open();
                text = name is null ? text : text.Insert(instruction.Info.Name.Length, " " + name);
                comment = string.Create(CultureInfo.InvariantCulture, $" ;; @{number}");
            }

            output.Write(margin);
            for (var i = indent ? Math.Min(depth, DeepestIndent) : 0; i > 0; i--)
            {
                output.Write("  ");
            }

            output.Write(text);
            output.Write(comment);
            output.Write('\n');
        }
    }

    private string Text(in Instruction instruction, WatScope scope)
    {
        var info = instruction.Info;
        var (name, index, index2) = (info.Name, instruction.Index, instruction.Index2);
        switch (info.Immediate)
        {
            case ImmediateKind.None or ImmediateKind.ZeroByte:
                return name;
            case ImmediateKind.BlockType:
                return name + Block(instruction.BlockType);
            case ImmediateKind.Label:
                return $"{name} {scope.Label(index)}";
            case ImmediateKind.LabelTable:
                return $"{name} {string.Concat(instruction.Labels.Select(label => scope.Label(label) + " "))}{scope.Label(index)}";
            case ImmediateKind.Local:
                return $"{name} {scope.Local(index)}";
            case ImmediateKind.Global:
                return $"{name} {names.Reference(NameKind.Global, index)}";
            case ImmediateKind.Function:
                return $"{name} {names.Reference(NameKind.Function, index)}";
            case ImmediateKind.Table:
                return $"{name} {names.Reference(NameKind.Table, index)}";
            case ImmediateKind.Type:
                return $"{name} {names.Reference(NameKind.Type, index)}";
            case ImmediateKind.TypeTable:
                return $"{name}{Optional(NameKind.Table, index2)}{TypeUse(index, null)}";
            case ImmediateKind.Tag:
                return $"{name} {names.Reference(NameKind.Tag, index)}";
            case ImmediateKind.SelectTypes:
                return $"{name} (result{string.Concat(((TypesPayload)instruction.Payload!).Types.Select(type => " " + Type(type)))})";
            case ImmediateKind.Memory or ImmediateKind.MemoryLane:
                return name + Access(instruction, info);
            case ImmediateKind.MemoryIndex:
                return name + Optional(NameKind.Memory, index);
            case ImmediateKind.I32:
                return string.Create(CultureInfo.InvariantCulture, $"{name} {instruction.I32}");
            case ImmediateKind.I64:
                return string.Create(CultureInfo.InvariantCulture, $"{name} {instruction.I64}");
            case ImmediateKind.F32:
                return $"{name} {WatLiteral.F32((uint)instruction.Bits)}";
            case ImmediateKind.F64:
                return $"{name} {WatLiteral.F64(instruction.Bits)}";
            case ImmediateKind.V128:
                var v = (V128Payload)instruction.Payload!;
                return $"{name} i32x4 0x{(uint)v.Low:x8} 0x{v.Low >> 32:x8} 0x{(uint)v.High:x8} 0x{v.High >> 32:x8}";
            case ImmediateKind.Shuffle:
                return name + Lanes((V128Payload)instruction.Payload!);
            case ImmediateKind.Lane:
                return string.Create(CultureInfo.InvariantCulture, $"{name} {instruction.LaneIndex}");
            case ImmediateKind.TryTable:
                var table = (TryTablePayload)instruction.Payload!;
                return $"{name}{Block(table.Type)}{string.Concat(table.Clauses.Select(clause => Clause(clause, scope)))}";
            default:
                return Segments(instruction, info.Immediate) is { } segments ? name + segments : References(instruction, scope);
        }
    }

    /// <summary>The text format names the memory or table first, the binary format the segment.</summary>
    private string? Segments(in Instruction instruction, ImmediateKind immediate)
    {
        var (index, index2) = (instruction.Index, instruction.Index2);
        return immediate switch
        {
            ImmediateKind.Data => $" {names.Reference(NameKind.Data, index)}",
            ImmediateKind.Element => $" {names.Reference(NameKind.Element, index)}",
            ImmediateKind.DataMemory => $"{Optional(NameKind.Memory, index2)} {names.Reference(NameKind.Data, index)}",
            ImmediateKind.ElementTable => $"{Optional(NameKind.Table, index2)} {names.Reference(NameKind.Element, index)}",
            ImmediateKind.MemoryMemory => index == 0 && index2 == 0 ? "" : $" {names.Reference(NameKind.Memory, index)} {names.Reference(NameKind.Memory, index2)}",
            ImmediateKind.TableTable => index == 0 && index2 == 0 ? "" : $" {names.Reference(NameKind.Table, index)} {names.Reference(NameKind.Table, index2)}",
            _ => null,
        };
    }

    private string References(in Instruction instruction, WatScope scope)
    {
        var name = instruction.Info.Name;
        var type = names.Reference(NameKind.Type, instruction.Index);
        switch (instruction.Info.Immediate)
        {
            case ImmediateKind.HeapType:
                var heap = ((HeapTypePayload)instruction.Payload!).Heap;
                return instruction.Opcode switch
                {
                    Opcode.RefTest or Opcode.RefTestNull => $"ref.test {Reference(heap, instruction.Opcode == Opcode.RefTestNull)}",
                    Opcode.RefCast or Opcode.RefCastNull => $"ref.cast {Reference(heap, instruction.Opcode == Opcode.RefCastNull)}",
                    _ => $"{name} {Heap(heap)}",
                };
            case ImmediateKind.BranchOnCast:
                var (from, to) = (CastPayload)instruction.Payload!;
                return $"{name} {scope.Label(instruction.Index)} {Reference(from.Heap, from.IsNullable)} {Reference(to.Heap, to.IsNullable)}";
            case ImmediateKind.TypeField:
                return $"{name} {type} {names.Field(instruction.Index, instruction.Index2) ?? instruction.Index2.ToString(CultureInfo.InvariantCulture)}";
            case ImmediateKind.TypeCount:
                return string.Create(CultureInfo.InvariantCulture, $"{name} {type} {instruction.Index2}");
            case ImmediateKind.TypeData:
                return $"{name} {type} {names.Reference(NameKind.Data, instruction.Index2)}";
            case ImmediateKind.TypeElement:
                return $"{name} {type} {names.Reference(NameKind.Element, instruction.Index2)}";
            case ImmediateKind.TypeType:
                return $"{name} {type} {names.Reference(NameKind.Type, instruction.Index2)}";
            default:
                throw new InvalidOperationException($"the printer has no case for {name}");
        }
    }

    private string Optional(NameKind kind, uint index) => index == 0 ? "" : " " + names.Reference(kind, index);

    private string Block(BlockType block) => block.IsIndex ? TypeUse(block.TypeIndex, null) : block.Result is { } result ? $" (result {Type(result)})" : "";

    private string Access(in Instruction instruction, OpcodeInfo info)
    {
        var text = new StringBuilder(Optional(NameKind.Memory, instruction.Index));
        if (instruction.Bits != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" offset={instruction.Bits}");
        }

        if (1UL << (int)instruction.Index2 != (ulong)info.AccessBytes)
        {
            text.Append(CultureInfo.InvariantCulture, $" align={1UL << (int)instruction.Index2}");
        }

        if (info.Immediate == ImmediateKind.MemoryLane)
        {
            text.Append(CultureInfo.InvariantCulture, $" {instruction.LaneIndex}");
        }

        return text.ToString();
    }

    private static string Lanes(V128Payload lanes)
    {
        var text = new StringBuilder();
        for (var i = 0; i < 16; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $" {(byte)((i < 8 ? lanes.Low : lanes.High) >> (i % 8 * 8))}");
        }

        return text.ToString();
    }

    private string Clause(CatchClause clause, WatScope scope)
    {
        var label = scope.Label(clause.Label);
        return clause.Kind switch
        {
            CatchKind.Catch => $" (catch {names.Reference(NameKind.Tag, clause.Tag)} {label})",
            CatchKind.CatchRef => $" (catch_ref {names.Reference(NameKind.Tag, clause.Tag)} {label})",
            CatchKind.CatchAll => $" (catch_all {label})",
            _ => $" (catch_all_ref {label})",
        };
    }
}

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
        var text = new StringBuilder();
        foreach (ref readonly var instruction in expression.Code.AsSpan()[..^1])
        {
            Append(text.Length == 0 ? text : text.Append(' '), instruction, scope, null);
        }

        return text.ToString();
    }

    /// <summary>One instruction a line.</summary>
    public void WriteInstructions(TextWriter output, ReadOnlySpan<Instruction> instructions, string margin, WatScope scope, bool indent)
    {
        var line = new StringBuilder();
        foreach (ref readonly var instruction in instructions)
        {
            // The label of a delegate counts from outside of its try.
            if (instruction.Opcode is Opcode.End or Opcode.Delegate)
            {
                scope.Close();
            }

            var depth = instruction.Opcode is Opcode.Else or Opcode.Catch or Opcode.CatchAll ? scope.Depth - 1 : scope.Depth;
            line.Clear().Append(margin).Append(' ', indent ? 2 * Math.Clamp(depth, 0, DeepestIndent) : 0);
            if (instruction.OpensBlock)
            {
                // The clauses of a try_table name labels outside of it.
                var (name, number) = scope.Next();
                Append(line, instruction, scope, name);
                scope.Open();
                line.Append(CultureInfo.InvariantCulture, $" ;; @{number}");
            }
            else
            {
                Append(line, instruction, scope, null);
            }

            output.Write(line.Append('\n'));
        }
    }

    /// <param name="label">The identifier of the block that the instruction opens.</param>
    private void Append(StringBuilder text, in Instruction instruction, WatScope scope, string? label)
    {
        var info = instruction.Info;
        var (index, index2) = (instruction.Index, instruction.Index2);
        switch (instruction.Opcode)
        {
            // Two opcodes, but one name: the type says which.
            case Opcode.RefTest or Opcode.RefTestNull:
                text.Append("ref.test ").Append(Reference(((HeapTypePayload)instruction.Payload!).Heap, instruction.Opcode == Opcode.RefTestNull));
                return;
            case Opcode.RefCast or Opcode.RefCastNull:
                text.Append("ref.cast ").Append(Reference(((HeapTypePayload)instruction.Payload!).Heap, instruction.Opcode == Opcode.RefCastNull));
                return;
        }

        text.Append(info.Name);
        if (label is not null)
        {
            text.Append(' ').Append(label);
        }

        switch (info.Immediate)
        {
            case ImmediateKind.None or ImmediateKind.ZeroByte:
                break;
            case ImmediateKind.BlockType:
                text.Append(Block(instruction.BlockType));
                break;
            case ImmediateKind.Label:
                scope.AppendLabel(text.Append(' '), index);
                break;
            case ImmediateKind.LabelTable:
                foreach (var target in instruction.Labels)
                {
                    scope.AppendLabel(text.Append(' '), target);
                }

                scope.AppendLabel(text.Append(' '), index);
                break;
            case ImmediateKind.Local:
                scope.AppendLocal(text.Append(' '), index);
                break;
            case ImmediateKind.TypeTable:
                text.Append(Optional(NameKind.Table, index2)).Append(TypeUse(index, null));
                break;
            case ImmediateKind.SelectTypes:
                text.Append(" (result");
                foreach (var type in ((TypesPayload)instruction.Payload!).Types)
                {
                    text.Append(' ').Append(Type(type));
                }

                text.Append(')');
                break;
            case ImmediateKind.Memory or ImmediateKind.MemoryLane:
                AppendAccess(text, instruction, info);
                break;
            case ImmediateKind.MemoryIndex:
                text.Append(Optional(NameKind.Memory, index));
                break;
            case ImmediateKind.I32:
                text.Append(CultureInfo.InvariantCulture, $" {instruction.I32}");
                break;
            case ImmediateKind.I64:
                text.Append(CultureInfo.InvariantCulture, $" {instruction.I64}");
                break;
            case ImmediateKind.F32:
                text.Append(' ').Append(WatLiteral.F32((uint)instruction.Bits));
                break;
            case ImmediateKind.F64:
                text.Append(' ').Append(WatLiteral.F64(instruction.Bits));
                break;
            case ImmediateKind.V128:
                var v = (V128Payload)instruction.Payload!;
                text.Append(CultureInfo.InvariantCulture, $" i32x4 0x{(uint)v.Low:x8} 0x{v.Low >> 32:x8} 0x{(uint)v.High:x8} 0x{v.High >> 32:x8}");
                break;
            case ImmediateKind.Shuffle:
                AppendLanes(text, (V128Payload)instruction.Payload!);
                break;
            case ImmediateKind.Lane:
                text.Append(CultureInfo.InvariantCulture, $" {instruction.LaneIndex}");
                break;
            case ImmediateKind.TryTable:
                var table = (TryTablePayload)instruction.Payload!;
                text.Append(Block(table.Type));
                foreach (var clause in table.Clauses)
                {
                    AppendClause(text, clause, scope);
                }

                break;
            case ImmediateKind.BranchOnCast:
                var (from, to) = (CastPayload)instruction.Payload!;
                scope.AppendLabel(text.Append(' '), index);
                text.Append(' ').Append(Reference(from.Heap, from.IsNullable)).Append(' ').Append(Reference(to.Heap, to.IsNullable));
                break;
            default:
                AppendIndices(text, instruction, info.Immediate);
                break;
        }
    }

    private void AppendIndices(StringBuilder text, in Instruction instruction, ImmediateKind immediate)
    {
        var (index, index2) = (instruction.Index, instruction.Index2);
        text.Append(immediate switch
        {
            ImmediateKind.Global => Named(NameKind.Global, index),
            ImmediateKind.Function => Named(NameKind.Function, index),
            ImmediateKind.Table => Named(NameKind.Table, index),
            ImmediateKind.Type => Named(NameKind.Type, index),
            ImmediateKind.Tag => Named(NameKind.Tag, index),
            ImmediateKind.Data => Named(NameKind.Data, index),
            ImmediateKind.Element => Named(NameKind.Element, index),
            ImmediateKind.HeapType => " " + Heap(((HeapTypePayload)instruction.Payload!).Heap),

            // The text format names the memory or table first, the binary format the segment.
            ImmediateKind.DataMemory => Optional(NameKind.Memory, index2) + Named(NameKind.Data, index),
            ImmediateKind.ElementTable => Optional(NameKind.Table, index2) + Named(NameKind.Element, index),
            ImmediateKind.MemoryMemory => index == 0 && index2 == 0 ? "" : Named(NameKind.Memory, index) + Named(NameKind.Memory, index2),
            ImmediateKind.TableTable => index == 0 && index2 == 0 ? "" : Named(NameKind.Table, index) + Named(NameKind.Table, index2),
            ImmediateKind.TypeField => $"{Named(NameKind.Type, index)} {names.Field(index, index2) ?? index2.ToString(CultureInfo.InvariantCulture)}",
            ImmediateKind.TypeCount => $"{Named(NameKind.Type, index)} {index2.ToString(CultureInfo.InvariantCulture)}",
            ImmediateKind.TypeData => Named(NameKind.Type, index) + Named(NameKind.Data, index2),
            ImmediateKind.TypeElement => Named(NameKind.Type, index) + Named(NameKind.Element, index2),
            ImmediateKind.TypeType => Named(NameKind.Type, index) + Named(NameKind.Type, index2),
            _ => throw new InvalidOperationException($"the printer has no case for {instruction.Info.Name}"),
        });
    }

    private string Named(NameKind kind, uint index) => " " + names.Reference(kind, index);

    private string Optional(NameKind kind, uint index) => index == 0 ? "" : Named(kind, index);

    private string Block(BlockType block) => block.IsIndex ? TypeUse(block.TypeIndex, null) : block.Result is { } result ? $" (result {Type(result)})" : "";

    private void AppendAccess(StringBuilder text, in Instruction instruction, OpcodeInfo info)
    {
        text.Append(Optional(NameKind.Memory, instruction.Index));
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
    }

    private static void AppendLanes(StringBuilder text, V128Payload lanes)
    {
        for (var i = 0; i < 16; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $" {(byte)((i < 8 ? lanes.Low : lanes.High) >> (i % 8 * 8))}");
        }
    }

    private void AppendClause(StringBuilder text, CatchClause clause, WatScope scope)
    {
        text.Append(clause.Kind switch
        {
            CatchKind.Catch => $" (catch{Named(NameKind.Tag, clause.Tag)} ",
            CatchKind.CatchRef => $" (catch_ref{Named(NameKind.Tag, clause.Tag)} ",
            CatchKind.CatchAll => " (catch_all ",
            _ => " (catch_all_ref ",
        });
        scope.AppendLabel(text, clause.Label);
        text.Append(')');
    }
}

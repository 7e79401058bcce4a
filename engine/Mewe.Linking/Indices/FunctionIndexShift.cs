using System.Collections.Immutable;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking;

/// <summary>
/// Function indices from <paramref name="First"/> on move up by <paramref name="By"/>: what a new function import does to a module, because imports come
/// before everything else in the index space (specification, 2.5.1).
/// </summary>
public readonly record struct FunctionIndexShift(uint First, uint By)
{
    /// <summary>Nothing moves.</summary>
    public static readonly FunctionIndexShift None = new(uint.MaxValue, 0);

    public bool IsNone => By == 0;

    /// <summary>The index after the shift. Placeholders of outlined functions (<see cref="Diversify.VariantCode.OutlinedBase"/>) stay.</summary>
    public uint Apply(uint index) => index >= First && index < Diversify.VariantCode.OutlinedBase ? index + By : index;

    /// <summary>The index before the shift, or null for an index that the shift made room for.</summary>
    public uint? Undo(uint index) => index < First ? index : index < First + By ? null : index - By;

    public static bool RefersToFunction(Opcode opcode) => OpcodeTable.Get(opcode).Immediate == ImmediateKind.Function;

    public Instruction Apply(in Instruction instruction) =>
        RefersToFunction(instruction.Opcode) ? instruction.WithIndex(Apply(instruction.Index)) : instruction;

    /// <summary>The same body with shifted indices. Only the bytes of the indices that changed are written anew; a body without any is given back.</summary>
    /// <exception cref="WasmException">Malformed.</exception>
    public FunctionBody Apply(FunctionBody body)
    {
        var shift = this;
        return IsNone ? body : Replace(body, instruction => shift.Apply(instruction));
    }

    /// <summary>The same body with other function indices. Only the bytes of instructions whose index changed are written anew; a body without any is given back.</summary>
    /// <param name="replaced">Gives each instruction with the index that it is to have.</param>
    /// <exception cref="WasmException">Malformed.</exception>
    internal static FunctionBody Replace(FunctionBody body, Func<Instruction, Instruction> replaced)
    {
        var code = body.Decode(out var offsets);
        BinaryEncoder? edited = null;
        var copied = 0;
        for (var i = 0; i < code.Instructions.Length; i++)
        {
            var instruction = replaced(code.Instructions[i]);
            if (instruction.Index == code.Instructions[i].Index)
            {
                continue;
            }

            edited ??= new BinaryEncoder(body.Content.Length + 64);
            var at = (int)(offsets[i] - body.Offset);
            edited.Bytes(body.Content.Span[copied..at]);
            InstructionCodec.Write(edited, instruction);

            // A function's last instruction is its end, so there is always a next one.
            copied = (int)(offsets[i + 1] - body.Offset);
        }

        if (edited is null)
        {
            return body;
        }

        edited.Bytes(body.Content.Span[copied..]);
        return FunctionBody.FromContent(edited.ToArray());
    }

    public ConstantExpression Apply(ConstantExpression expression)
    {
        var shift = this;
        return expression.Code.Any(instruction => RefersToFunction(instruction.Opcode))
            ? new ConstantExpression([.. expression.Code.Select(instruction => shift.Apply(instruction))])
            : expression;
    }

    public Export Apply(Export export) => export.Kind == ExternKind.Function ? export with { Index = Apply(export.Index) } : export;

    public ElementSegment Apply(ElementSegment element)
    {
        var shift = this;
        return element with
        {
            Offset = element.Offset is { } offset ? Apply(offset) : null,
            Functions = element.Functions.IsDefault ? default : [.. element.Functions.Select(function => shift.Apply(function))],
            Expressions = element.Expressions.IsDefault ? default : [.. element.Expressions.Select(expression => shift.Apply(expression))],
        };
    }

    /// <summary>Shifts everything in the module but its imports and custom sections. Sections in which nothing moves stay untouched.</summary>
    public void ApplyTo(WasmModule module)
    {
        if (IsNone)
        {
            return;
        }

        var shift = this;
        Replace(module.Bodies, shift.Apply, ReferenceEquals);
        Replace(module.Exports, shift.Apply, (a, b) => a == b);
        Replace(module.Globals, global => global with { Initializer = shift.Apply(global.Initializer) }, (a, b) => a == b);
        Replace(module.Tables, table => table.Initializer is { } initial ? table with { Initializer = shift.Apply(initial) } : table, (a, b) => a == b);
        Replace(module.Elements, shift.Apply, EntityEquality.Same);
        Replace(module.Data, data => data.Offset is { } offset ? data with { Offset = shift.Apply(offset) } : data, (a, b) => a == b);
        if (module.Start is { } start && Apply(start) != start)
        {
            module.Start = Apply(start);
        }
    }

    private static void Replace<T>(Section<T> section, Func<T, T> shifted, Func<T, T, bool> same)
    {
        for (var i = 0; i < section.Count; i++)
        {
            var entry = shifted(section[i]);
            if (!same(entry, section[i]))
            {
                section[i] = entry;
            }
        }
    }
}

using System.Collections.Frozen;
using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Linking.Dispatch;
using Mewe.Wasm;

namespace Mewe.Linking;

/// <summary>What a multivariant module says about itself, with the variants taken out of it.</summary>
/// <param name="Functions">In the index space of the original module, as they were given to the linker.</param>
public sealed record MultivariantContents(MeweSection Section, ImmutableArray<FunctionVariants> Functions);

/// <summary>
/// Takes the variants out of a multivariant module, so that they can be shown or tested again: function indices are those of the original module, and calls
/// to outlined functions and the blind word have their placeholders back.
/// </summary>
public static class MultivariantReader
{
    /// <summary>Reads, or says why not. The module's <c>mewe</c> section is not trusted: indices that make no sense are an error.</summary>
    /// <param name="error">Null exactly when the contents are returned.</param>
    public static MultivariantContents? TryRead(WasmModule multivariant, out WasmError? error)
    {
        if (MeweSection.TryRead(multivariant, out error) is not { } section)
        {
            return null;
        }

        try
        {
            return new MultivariantContents(section, new Extraction(multivariant, section.Map).Run());
        }
        catch (WasmException exception)
        {
            error = exception.Error;
            return null;
        }
    }

    private sealed class Extraction(WasmModule module, MultivariantMap map)
    {
        private readonly uint imported = (uint)module.ImportedFunctionCount;
        private readonly uint count = (uint)module.FunctionCount;

        // Of the functions that are bound: from each of their choices to the function.
        private readonly FrozenDictionary<uint, uint> boundChoices = map.BoundChoices();

        // Functions from here on were appended by the linker.
        private uint appended;

        public ImmutableArray<FunctionVariants> Run()
        {
            if (map.AddedImport is { } added && added + 1 != imported)
            {
                throw Wrong($"the added import is said to be function {added}, and the last imported function is {imported - 1L}");
            }

            if (map.Blind is { } blind && (blind >= module.AllGlobals().Length || module.AllGlobals()[(int)blind] is not { Mutable: true } type || type.Value != ValueType.I64))
            {
                throw Wrong($"global {blind} cannot be the blind word: that is a mutable i64");
            }

            appended = FirstAppended();
            uint? last = null;
            var functions = ImmutableArray.CreateBuilder<FunctionVariants>(map.Functions.Length);
            foreach (var function in map.Functions)
            {
                if (function.Index < imported || function.Index >= appended || function.Index <= last)
                {
                    throw Wrong($"function {function.Index} cannot be a dispatcher: it is not one of the original's functions, or is named out of order");
                }

                if (function.Original is null != (function.Variants.IsEmpty || function.Dispatch.Mode == DispatchMode.Direct))
                {
                    throw Wrong($"function {function.Index} has an appended original without a dispatcher, or a dispatcher without one");
                }

                last = function.Index;
                functions.Add(new FunctionVariants(map.Shift.Undo(function.Index)!.Value, [.. function.Variants.Select(Extract)])
                {
                    Reason = function.Reason,
                    Inlines = [.. function.Inlines.Select(Inlinable)],
                    Dispatch = !function.Variants.IsEmpty && (map.Policy == DispatchPolicy.Auto || function.Dispatch.Form != default || function.Dispatch.Bound)
                        ? function.Dispatch
                        : null,
                });
            }

            return functions.MoveToImmutable();
        }

        private uint Inlinable(uint index) => index >= imported && index < appended && map.Shift.Undo(index) is { } before
            ? before : throw Wrong($"function {index} cannot be inlined: it is not one of the original's functions");

        /// <summary>The section must account for every function from some index to the last one, each of them once.</summary>
        private uint FirstAppended()
        {
            var indices = map.Generated.Select(generated => generated.Index)
                .Concat(map.Wrappers.Select(wrapper => wrapper.Index))
                .Concat(map.Functions.Where(function => function.Original is not null).Select(function => function.Original!.Value))
                .Concat(map.Functions.SelectMany(function => function.Variants).SelectMany(variant => variant.Outlined.Prepend(variant.Index)))
                .Order().ToArray();
            if ((ulong)indices.Length + map.EmptyFunctions > count - imported)
            {
                throw Wrong($"{(ulong)indices.Length + map.EmptyFunctions} functions are said to be appended, and the module defines {count - imported}");
            }

            var first = count - map.EmptyFunctions - (uint)indices.Length;
            for (var i = 0; i < indices.Length; i++)
            {
                if (indices[i] != first + (uint)i)
                {
                    throw Wrong($"function {first + (uint)i} is not accounted for");
                }
            }

            return first;
        }

        private LinkedVariant Extract(MultivariantVariant variant)
        {
            var outlined = variant.Outlined.Select(index => new OutlinedFunction(module.TypeOfFunction(index), Code(index, variant, InlinedSites.None))).ToImmutableArray();
            return new LinkedVariant(new VariantCode(Code(variant.Index, variant, variant.Inlined), outlined), variant.Steps, variant.Evidence);
        }

        private FunctionCode Code(uint index, MultivariantVariant variant, InlinedSites inlined)
        {
            var code = inlined.Undo(module.Bodies[(int)(index - imported)].Decode());
            return new FunctionCode(code.Locals, [.. code.Instructions.Select(Restore)]);

            Instruction Restore(Instruction instruction)
            {
                if (instruction.Opcode is Opcode.GlobalGet or Opcode.GlobalSet && instruction.Index == map.Blind)
                {
                    return instruction.WithIndex(VariantCode.BlindGlobal);
                }

                if (!FunctionIndexShift.RefersToFunction(instruction.Opcode))
                {
                    return instruction;
                }

                var number = variant.Outlined.IndexOf(instruction.Index);
                if (number >= 0)
                {
                    return instruction.WithIndex(VariantCode.OutlinedBase + (uint)number);
                }

                if (BoundCalls.IsDirectCall(instruction.Opcode) && boundChoices.TryGetValue(instruction.Index, out var callee))
                {
                    return instruction.WithIndex(map.Shift.Undo(callee)!.Value);
                }

                return instruction.Index < appended && map.Shift.Undo(instruction.Index) is { } before
                    ? instruction.WithIndex(before)
                    : throw Wrong($"variant {variant.Index} refers to function {instruction.Index}, which the original does not have");
            }
        }

        private static WasmException Wrong(string message) => new(WasmErrorKind.Invalid, 0, message);
    }
}

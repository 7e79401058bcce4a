using Mewe.Diversify;
using Mewe.Wasm;

namespace Mewe.Linking;

/// <summary>
/// A variant may name nothing but what its original could name: not the types, globals and segments that the linker appended. (Functions are checked where
/// the variants are taken out. The one exception is the blind word: testers and provers give it any value.) A variant that reads the generator's state, say, could behave well whenever it is tested.
/// </summary>
internal static class VariantScope
{
    public static void Check(WasmModule original, MultivariantContents contents, List<StructureDifference> differences)
    {
        var types = (uint)original.Types.Length;
        var globals = (uint)original.AllGlobals().Length;
        var elements = (uint)original.Elements.Count;
        foreach (var (function, described) in contents.Functions.Zip(contents.Section.Map.Functions))
        {
            foreach (var (variant, place) in function.Variants.Zip(described.Variants))
            {
                foreach (var code in variant.Code.Outlined.Select(outlined => outlined.Code).Prepend(variant.Code.Code))
                {
                    if (FirstForeign(code) is { } foreign)
                    {
                        differences.Add(new StructureDifference($"function {place.Index}", $"this variant names something that the original does not have: {foreign}"));
                    }
                }
            }
        }

        string? FirstForeign(FunctionCode code)
        {
            if (code.Locals.Any(group => IsForeignType(group.Type)))
            {
                return "the type of a local";
            }

            foreach (var instruction in code.Instructions)
            {
                if (IsForeign(instruction))
                {
                    return instruction.ToString();
                }
            }

            return null;
        }

        bool IsForeign(Instruction instruction) => instruction.Info.Immediate switch
        {
            ImmediateKind.Global => instruction.Index >= globals && !VariantCode.NamesBlindWord(instruction),
            ImmediateKind.Type or ImmediateKind.TypeTable or ImmediateKind.TypeField or ImmediateKind.TypeCount or ImmediateKind.TypeData => instruction.Index >= types,
            ImmediateKind.TypeType => instruction.Index >= types || instruction.Index2 >= types,
            ImmediateKind.TypeElement => instruction.Index >= types || instruction.Index2 >= elements,
            ImmediateKind.Element or ImmediateKind.ElementTable => instruction.Index >= elements,
            ImmediateKind.BlockType or ImmediateKind.TryTable => IsForeignBlock(instruction.BlockType),
            ImmediateKind.HeapType => instruction.Payload is HeapTypePayload { Heap: var heap } && IsForeignHeap(heap),
            ImmediateKind.BranchOnCast => instruction.Payload is CastPayload cast && (IsForeignType(cast.From) || IsForeignType(cast.To)),
            ImmediateKind.SelectTypes => instruction.Payload is TypesPayload { Types: var selected } && selected.Any(IsForeignType),
            _ => false,
        };

        bool IsForeignBlock(BlockType block) => block.IsIndex ? block.TypeIndex >= types : block.Result is { } result && IsForeignType(result);

        bool IsForeignType(ValueType type) => type.IsReference && IsForeignHeap(type.Heap);

        bool IsForeignHeap(HeapType heap) => heap.IsIndex && heap.TypeIndex >= types;
    }
}

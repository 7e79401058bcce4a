using System.Collections.Frozen;
using Mewe.Linking.Custom;
using Mewe.Linking.Dispatch;
using Mewe.Linking.Randomness;
using Mewe.Wasm;

namespace Mewe.Linking;

/// <summary>Compares the original's entries one by one with those of the multivariant module. What the map claims only decides what is expected where.</summary>
internal sealed class EntryComparison(WasmModule original, WasmModule multivariant, MultivariantMap map, List<StructureDifference> differences)
{
    private readonly FunctionIndexShift shift = map.Shift;
    private readonly HashSet<EntryWrapper> wrappers = [.. map.Wrappers];
    private readonly FrozenDictionary<uint, uint> boundChoices = map.BoundChoices();

    public void Run()
    {
        Prefix("type group", original.TypeGroups, multivariant.TypeGroups, EntityEquality.Same);
        CompareImports();
        Prefix("type of defined function", original.FunctionTypes, multivariant.FunctionTypes, (a, b) => a == b);
        Exactly("table", original.Tables, multivariant.Tables, (a, b) => a.Type == b.Type && SameConstant(a.Initializer, b.Initializer));
        Exactly("memory", original.Memories, multivariant.Memories, (a, b) => a == b);
        Exactly("tag", original.Tags, multivariant.Tags, (a, b) => a == b);
        Prefix("global", original.Globals, multivariant.Globals, (a, b) => a.Type == b.Type && SameConstant(a.Initializer, b.Initializer));
        CompareExports();
        CompareStart();
        Prefix("element segment", original.Elements, multivariant.Elements, SameSegment);
        for (var i = original.Elements.Count; i < multivariant.Elements.Count; i++)
        {
            Expect(multivariant.Elements[i].Mode == SegmentMode.Declarative, $"element segment {i}", "an added segment must be declarative");
        }

        Exactly("data segment", original.Data, multivariant.Data,
            (a, b) => a.Form == b.Form && a.Memory == b.Memory && SameConstant(a.Offset, b.Offset) && a.Bytes.Span.SequenceEqual(b.Bytes.Span));
        Expect(original.DataCount == multivariant.DataCount, "section DataCount", "it differs");
        CompareBodies();
        CheckEmptyFunctions();
        CompareCustomSections();
    }

    private void Expect(bool holds, string where, string message)
    {
        if (!holds)
        {
            differences.Add(new StructureDifference(where, message));
        }
    }

    private void Prefix<T>(string what, Section<T> before, Section<T> after, Func<T, T, bool> same)
    {
        if (after.Count < before.Count)
        {
            differences.Add(new StructureDifference($"{what} {after.Count}", "it is missing"));
        }

        for (var i = 0; i < Math.Min(before.Count, after.Count); i++)
        {
            Expect(same(before[i], after[i]), $"{what} {i}", "it differs from the original's");
        }
    }

    private void Exactly<T>(string what, Section<T> before, Section<T> after, Func<T, T, bool> same)
    {
        Prefix(what, before, after, same);
        Expect(after.Count <= before.Count, $"{what} {before.Count}", "the original does not have it");
    }

    private void CompareImports()
    {
        Prefix("import", original.Imports, multivariant.Imports, (a, b) => a == b);
        if (map.AddedImport is not { } added)
        {
            Expect(multivariant.Imports.Count <= original.Imports.Count, $"import {original.Imports.Count}", "the original does not have it");
            return;
        }

        Expect(added == (uint)original.ImportedFunctionCount && multivariant.Imports.Count == original.Imports.Count + 1, "section Import",
            "exactly one import may be added, behind the others");
        var import = multivariant.Imports[^1];
        Expect(map.Randomness switch
        {
            RandomnessMode.Wasi => import is { Module: RandomnessPlan.WasiModule, Name: RandomnessPlan.RandomGet },
            RandomnessMode.Import => import is { Module: RandomnessPlan.HostModule, Name: RandomnessPlan.HostChoose },
            _ => false,
        }, "section Import", $"\"{import.Module}\" \"{import.Name}\" is not the import that this kind of randomness needs");
    }

    private void CompareExports()
    {
        Prefix("export", original.Exports, multivariant.Exports, (a, b) => a.Name == b.Name && a.Kind == b.Kind
            && (b.Index == Moved(a) || (a.Kind == ExternKind.Function && IsWrapper(b.Index, Moved(a), isStart: false))));
        for (var i = original.Exports.Count; i < multivariant.Exports.Count; i++)
        {
            var export = multivariant.Exports[i];
            var seeds = map.Randomness == RandomnessMode.Export && export is { Kind: ExternKind.Function, Name: RandomnessPlan.SeedExport }
                && map.Generated.Contains(new GeneratedFunction(GeneratedRole.SeedExport, export.Index));
            Expect(seeds && i == original.Exports.Count, $"export \"{export.Name}\"", "the original does not have it");
        }
    }

    private uint Moved(Export export) => export.Kind == ExternKind.Function ? shift.Apply(export.Index) : export.Index;

    private bool IsWrapper(uint index, uint function, bool isStart) => wrappers.Contains(new EntryWrapper(function, index, isStart));

    private void CompareStart()
    {
        var same = (original.Start, multivariant.Start) switch
        {
            (null, null) => true,
            ({ } before, { } after) => after == shift.Apply(before) || IsWrapper(after, shift.Apply(before), isStart: true),
            _ => false,
        };
        Expect(same, "section Start", "it differs from the original's");
    }

    private bool SameSegment(ElementSegment before, ElementSegment after) =>
        before.Form == after.Form && before.Mode == after.Mode && before.Table == after.Table && before.Type == after.Type
        && SameConstant(before.Offset, after.Offset) && before.Count == after.Count && before.Expressions.IsDefault == after.Expressions.IsDefault
        && (before.Expressions.IsDefault
            ? before.Functions.Zip(after.Functions).All(pair => shift.Apply(pair.First) == pair.Second)
            : before.Expressions.Zip(after.Expressions).All(pair => SameConstant(pair.First, pair.Second)));

    private bool SameConstant(ConstantExpression? before, ConstantExpression? after) =>
        before is null ? after is null : after is not null && SameInstructions(before.Code.AsSpan(), after.Code.AsSpan());

    private bool SameInstructions(ReadOnlySpan<Instruction> before, ReadOnlySpan<Instruction> after)
    {
        if (before.Length != after.Length)
        {
            return false;
        }

        for (var i = 0; i < before.Length; i++)
        {
            var expected = FunctionIndexShift.RefersToFunction(before[i].Opcode) ? before[i].WithIndex(shift.Apply(before[i].Index)) : before[i];
            if (expected != after[i])
            {
                return false;
            }
        }

        return true;
    }

    private void CompareBodies()
    {
        var diversified = map.Functions.Where(function => !function.Variants.IsEmpty).GroupBy(function => function.Index).ToDictionary(group => group.Key, group => group.First());
        var importedBefore = (uint)original.ImportedFunctionCount;
        var importedAfter = (uint)multivariant.ImportedFunctionCount;
        for (var i = 0; i < original.Bodies.Count; i++)
        {
            var index = shift.Apply(importedBefore + (uint)i);
            var function = diversified.GetValueOrDefault(index);
            var (at, what) = function?.Original is { } appended ? (appended, "the appended original differs from the original's body")
                : (index, "it has no dispatcher, and its body differs from the original's");
            if (at < importedAfter || at - importedAfter >= (uint)multivariant.Bodies.Count)
            {
                differences.Add(new StructureDifference($"function {at}", "it is missing"));
                continue;
            }

            Expect(SameBody(original.Bodies[i], multivariant.Bodies[(int)(at - importedAfter)], function), $"function {at}", what);
        }
    }

    private void CheckEmptyFunctions()
    {
        ReadOnlySpan<byte> noLocalsEnd = [0, (byte)Opcode.End];
        for (var i = (int)Math.Max(original.Bodies.Count, multivariant.Bodies.Count - (long)map.EmptyFunctions); i < multivariant.Bodies.Count; i++)
        {
            Expect(multivariant.Bodies[i].Content.Span.SequenceEqual(noLocalsEnd), $"function {multivariant.ImportedFunctionCount + i}", "it is not an empty function");
        }
    }

    /// <param name="function">The function, if it is diversified: its direct calls may name a choice of a function that is bound in place of the function itself, or have become a body.</param>
    private bool SameBody(FunctionBody before, FunctionBody after, MultivariantFunction? function)
    {
        if (before.Content.Span.SequenceEqual(after.Content.Span))
        {
            // Equal bytes mean equal indices; after a shift that is right only where none of them moves.
            return shift.IsNone || before.Decode().Instructions.All(instruction =>
                !FunctionIndexShift.RefersToFunction(instruction.Opcode) || shift.Apply(instruction.Index) == instruction.Index);
        }

        if (shift.IsNone && (function is null || (boundChoices.Count == 0 && function.Inlined.IsNone)))
        {
            return false;
        }

        var (expected, found) = (before.Decode(), after.Decode());
        if (function is not null)
        {
            found = function.Inlined.Undo(found);
            found = new FunctionCode(found.Locals, [.. found.Instructions.Select(Unbound)]);
        }

        return expected.Locals.AsSpan().SequenceEqual(found.Locals.AsSpan()) && SameInstructions(expected.Instructions.AsSpan(), found.Instructions.AsSpan());
    }

    private Instruction Unbound(Instruction instruction) =>
        BoundCalls.IsDirectCall(instruction.Opcode) && boundChoices.TryGetValue(instruction.Index, out var callee) ? instruction.WithIndex(callee) : instruction;

    private void CompareCustomSections()
    {
        if (map.Functions.All(function => function.Original is null))
        {
            return;
        }

        var kept = original.CustomSections.Where(IsKept).ToList();
        var found = multivariant.CustomSections.Where(section => section.Name != MeweSection.Name && IsKept(section)).ToList();
        Expect(kept.Count == found.Count, "custom sections", $"the original has {kept.Count} that must be kept, here are {found.Count}");
        foreach (var (before, after) in kept.Zip(found))
        {
            Expect(before.Name == after.Name && before.Bytes.Span.SequenceEqual(after.Bytes.Span), $"custom section \"{before.Name}\"", "it differs from the original's");
        }

        bool IsKept(CustomSection section) => CustomSections.FateOf(section.Name, !shift.IsNone) is CustomSectionFate.Kept or CustomSectionFate.KeptWithNote;
    }
}

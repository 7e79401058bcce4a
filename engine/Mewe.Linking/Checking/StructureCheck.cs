using System.Collections.Immutable;
using Mewe.Linking.Custom;
using Mewe.Linking.Randomness;
using Mewe.Wasm;

namespace Mewe.Linking;

/// <summary>Something in a multivariant module that does not follow from the original and the variants.</summary>
/// <param name="Where">The section, entry or function, in indices of the multivariant module.</param>
public sealed record StructureDifference(string Where, string Message)
{
    public override string ToString() => $"{Where}: {Message}";
}

/// <summary>
/// Checks from the two files alone that a multivariant module is its original plus variants: that everything outside dispatchers and variants is unchanged,
/// and that dispatchers, wrappers and generator are exactly what the linker writes. It says nothing about what the variants compute: for that
/// <see cref="MultivariantReader"/> takes them out to be tested.
/// </summary>
/// <remarks>
/// Two checks, neither of which trusts the <c>mewe</c> section. The first compares entry by entry, with its own idea of what may differ; it gives messages
/// and would notice a linker that changes what it must not. The second links the original and the extracted variants again and compares all bytes, so
/// nothing can hide in what the first one does not look at.
/// </remarks>
public static class StructureCheck
{
    /// <summary>All differences; none where the module is what it claims to be.</summary>
    public static ImmutableArray<StructureDifference> Compare(WasmModule original, WasmModule multivariant)
    {
        if (MeweSection.TryRead(multivariant, out var error) is not { } section)
        {
            return [new StructureDifference("section mewe", error!.Message)];
        }

        var differences = new List<StructureDifference>();
        if (!Convert.FromHexString(section.SourceSha256).AsSpan().SequenceEqual(BuildConstants.SourceHash(original)))
        {
            differences.Add(new StructureDifference("section mewe", "it was made from another module: the SHA-256 of the original differs"));
        }

        try
        {
            new EntryComparison(original, multivariant, section.Map, differences).Run();
            if (MultivariantReader.TryRead(multivariant, out error) is not { } contents)
            {
                differences.Add(new StructureDifference("section mewe", error!.Message));
                return [.. differences];
            }

            VariantScope.Check(original, contents, differences);
            Relinked.Compare(original, multivariant, contents, differences);
        }
        catch (WasmException exception)
        {
            differences.Add(new StructureDifference("module", exception.Message));
        }

        return [.. differences];
    }

    /// <summary>Links again what was taken out, and compares the bytes.</summary>
    private static class Relinked
    {
        public static void Compare(WasmModule original, WasmModule multivariant, MultivariantContents contents, List<StructureDifference> differences)
        {
            var section = contents.Section;
            var options = new LinkOptions
            {
                Policy = section.Map.Policy,
                ForcedChoice = section.Map.ForcedChoice,
                Randomness = section.Map.Randomness is RandomnessMode.None ? RandomnessMode.Auto : section.Map.Randomness,
                Seed = section.Seed,
                ToolVersion = section.ToolVersion,
                RecordedOptions = section.Options,
                Generator = section.Map.Generator,
                Plan = section.Plan,
                AddNames = HasNames(multivariant) && !HasNames(original),
            };
            if (MultivariantLinker.TryLink(original, contents.Functions, options, out var linkError) is not { } again)
            {
                differences.Add(new StructureDifference("module", $"it cannot be linked again from its parts: {linkError!.Message}"));
                return;
            }

            var bytes = multivariant.Source.IsEmpty ? Wasm.Binary.ModuleWriter.Write(multivariant) : multivariant.Source.ToArray();
            if (!bytes.AsSpan().SequenceEqual(again.Module))
            {
                Locate(Wasm.Binary.ModuleReader.Read(again.Module), Wasm.Binary.ModuleReader.Read(bytes), section.Map, differences);
            }
        }

        private static bool HasNames(WasmModule module) => module.CustomSections.Any(section => section.Name == CustomSections.Name);

        private static void Locate(WasmModule expected, WasmModule found, MultivariantMap map, List<StructureDifference> differences)
        {
            var before = differences.Count;
            for (var i = 0; i < Math.Max(expected.Layout.Count, found.Layout.Count); i++)
            {
                var wanted = i < expected.Layout.Count ? expected.Layout[i] : null;
                var place = i < found.Layout.Count ? found.Layout[i] : null;
                if (wanted is null || place is null || wanted.Id != place.Id || wanted.Custom?.Name != place.Custom?.Name)
                {
                    differences.Add(new StructureDifference("module", $"section {i} is {Describe(place)}, linking again gives {Describe(wanted)}"));
                    return;
                }

                if (wanted.Raw.Span.SequenceEqual(place.Raw.Span))
                {
                    continue;
                }

                if (place.Id == SectionId.Code && expected.Bodies.Count == found.Bodies.Count)
                {
                    CompareBodies(expected, found, map, differences);
                }
                else
                {
                    var at = wanted.Raw.Span.CommonPrefixLength(place.Raw.Span);
                    differences.Add(new StructureDifference(Describe(place), $"linking again gives other bytes, first at byte {place.Offset + at} of the module"));
                }
            }

            if (differences.Count == before)
            {
                differences.Add(new StructureDifference("module", "linking again gives other bytes"));
            }
        }

        private static void CompareBodies(WasmModule expected, WasmModule found, MultivariantMap map, List<StructureDifference> differences)
        {
            var before = differences.Count;
            var imported = (uint)found.ImportedFunctionCount;
            var roles = Roles(map);
            var firstEmpty = (long)found.FunctionCount - map.EmptyFunctions;
            for (var i = 0; i < expected.Bodies.Count; i++)
            {
                if (!expected.Bodies[i].Entry.Span.SequenceEqual(found.Bodies[i].Entry.Span))
                {
                    var index = imported + (uint)i;
                    differences.Add(new StructureDifference($"function {index}", $"linking again gives another body for this {roles.GetValueOrDefault(index, index >= firstEmpty ? "empty function" : "function")}"));
                }
            }

            if (differences.Count == before)
            {
                differences.Add(new StructureDifference("section Code", "linking again encodes it otherwise"));
            }
        }

        private static Dictionary<uint, string> Roles(MultivariantMap map)
        {
            var roles = new Dictionary<uint, string>();
            foreach (var function in map.Functions.Where(function => function.Original is not null))
            {
                roles.TryAdd(function.Index, "dispatcher");
                roles.TryAdd(function.Original!.Value, "appended original");
                foreach (var variant in function.Variants)
                {
                    roles.TryAdd(variant.Index, "variant");
                    foreach (var outlined in variant.Outlined)
                    {
                        roles.TryAdd(outlined, "outlined function");
                    }
                }
            }

            foreach (var wrapper in map.Wrappers)
            {
                roles.TryAdd(wrapper.Index, "wrapper");
            }

            foreach (var generated in map.Generated)
            {
                roles.TryAdd(generated.Index, $"generated function ({generated.Role})");
            }

            return roles;
        }

        private static string Describe(SectionPlace? place) => place switch
        {
            null => "missing",
            { Custom: { } custom } => $"custom section \"{custom.Name}\"",
            _ => $"section {place.Id}",
        };
    }
}

using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mewe.Linking;
using Mewe.Wasm;
using Mewe.Wasm.Validation;

namespace Mewe.Grains;

/// <summary>
/// What <c>mewe inspect</c> says of a module. As JSON it is a documented interface (README): all indices are those of the file at hand.
/// </summary>
/// <param name="Sha256">Of the file, lower-case hexadecimal.</param>
/// <param name="Features">Proposals beyond WebAssembly 1.0 that the module uses, kebab-case.</param>
/// <param name="Source">Where a multivariant module came from; null for any other.</param>
/// <param name="Functions">
/// The functions of the module; of a multivariant one those that its source has, so a dispatcher counts as the function that it stands for. What the linker
/// appended is under <see cref="InspectedFunction.Variants"/>, <see cref="InspectedFunction.Original"/> and <see cref="Generated"/>.
/// </param>
/// <param name="Generated">Functions that the linker wrote itself; empty for a module that is not multivariant.</param>
/// <param name="EmptyFunctions">How many empty functions there are behind all others, which nobody calls: see <see cref="MultivariantMap.EmptyFunctions"/>.</param>
public sealed record ModuleInspection(
    string Sha256, long Bytes, ImmutableArray<string> Features, ImmutableArray<InspectedSection> Sections, InspectedSource? Source,
    ImmutableArray<InspectedFunction> Functions, ImmutableArray<InspectedGenerated> Generated, uint EmptyFunctions)
{
    /// <exception cref="WasmException">A body is malformed, or the provenance of a multivariant module is.</exception>
    public static ModuleInspection Of(WasmModule module)
    {
        var names = new FunctionNames(module);
        var section = MeweSection.IsIn(module) ? MeweSection.TryRead(module, out var error) ?? throw new WasmException(error!) : null;
        var sections = module.Layout.Select(place => new InspectedSection(SectionName(place), place.Offset, place.Raw.Length)).ToImmutableArray();
        var functions = section is null ? Plain(module, names) : Multivariant(module, names, section);
        var generated = section is null ? [] : section.Map.Generated.Select(g => new InspectedGenerated(g.Index, names.Of(g.Index), KebabCase(g.Role.ToString())))
            .Concat(section.Map.Wrappers.Select(w => new InspectedGenerated(w.Index, names.Of(w.Index), "entry-wrapper"))).ToImmutableArray();
        return new ModuleInspection(
            Convert.ToHexStringLower(SHA256.HashData(module.Source.Span)), module.Source.Length,
            [.. ModuleFeatures.Of(module).Where(feature => feature != Feature.Mvp).Select(feature => KebabCase(feature.ToString()))],
            sections,
            section is null ? null : new InspectedSource(section.SourceSha256, section.Seed, section.Options),
            functions, generated, section?.Map.EmptyFunctions ?? 0);
    }

    /// <summary>UTF-8 JSON, indented, camelCase.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, InspectionJsonContext.Default.ModuleInspection);

    private static ImmutableArray<InspectedFunction> Plain(WasmModule module, FunctionNames names)
    {
        var exports = ExportsByFunction(module);
        var imported = module.ImportedFunctionCount;
        return [.. Enumerable.Range(0, module.FunctionCount).Select(index => new InspectedFunction(
            (uint)index, names.Of((uint)index), index < imported, [.. exports[(uint)index]], index < imported ? 0 : InstructionCount(module, (uint)index),
            null, null, null, []))];
    }

    private static ImmutableArray<InspectedFunction> Multivariant(WasmModule module, FunctionNames names, MeweSection section)
    {
        var map = section.Map;
        var appended = map.Functions.SelectMany(function => function.Variants.SelectMany(variant => variant.Outlined.Append(variant.Index)).Append(function.Original ?? uint.MaxValue))
            .Concat(map.Generated.Select(generated => generated.Index))
            .Concat(map.Wrappers.Select(wrapper => wrapper.Index))
            .ToHashSet();
        var diversified = map.Functions.ToDictionary(function => function.Index);
        var exports = ExportsByFunction(module);
        var wrapped = map.Wrappers.Where(wrapper => !wrapper.IsStart).ToLookup(wrapper => wrapper.Function, wrapper => wrapper.Index);
        var imported = (uint)module.ImportedFunctionCount;
        var functions = ImmutableArray.CreateBuilder<InspectedFunction>();
        for (uint index = 0; index < module.FunctionCount - map.EmptyFunctions; index++)
        {
            if (appended.Contains(index))
            {
                continue;
            }

            var function = diversified.GetValueOrDefault(index);
            functions.Add(new InspectedFunction(
                index, names.Of(index), index < imported, [.. exports[index].Concat(wrapped[index].SelectMany(wrapper => exports[wrapper]))],
                index < imported ? 0 : InstructionCount(module, function?.Original ?? index),
                function is null || function.Variants.IsEmpty ? null : DispatchWords.Of(function.Dispatch, function.Inlines),
                function?.Reason,
                function?.Original,
                function is null ? [] : [.. function.Variants.Select(variant => new InspectedVariant(
                    variant.Index, names.Of(variant.Index),
                    InstructionCount(module, variant.Index) + variant.Outlined.Sum(outlined => InstructionCount(module, outlined)),
                    variant.Transforms, variant.Evidence.Kind.Word()))]));
        }

        return functions.ToImmutable();
    }

    private static ILookup<uint, string> ExportsByFunction(WasmModule module) =>
        module.Exports.Where(export => export.Kind == ExternKind.Function).ToLookup(export => export.Index, export => export.Name);

    private static int InstructionCount(WasmModule module, uint function)
    {
        var place = (int)function - module.ImportedFunctionCount;
        return place >= 0 && place < module.Bodies.Count
            ? module.Bodies[place].Decode().Instructions.Length
            : throw new WasmException(WasmErrorKind.Malformed, 0, $"the provenance names function {function}, which is not there");
    }

    private static string SectionName(SectionPlace place) => place.Custom is { } custom ? $"custom:{custom.Name}" : KebabCase(place.Id.ToString());

    private static string KebabCase(string name) => JsonNamingPolicy.KebabCaseLower.ConvertName(name);
}

/// <param name="Name">As in the specification; custom sections as <c>custom:NAME</c>.</param>
/// <param name="Offset">Of the section's first byte.</param>
/// <param name="Bytes">With its header.</param>
public sealed record InspectedSection(string Name, long Offset, int Bytes);

/// <param name="Sha256">Of the original module.</param>
/// <param name="Options">As recorded: one line.</param>
public sealed record InspectedSource(string Sha256, ulong Seed, string Options);

/// <param name="Instructions">Of the body, every end counted; of a dispatcher those of the function that it stands for. 0 for an import.</param>
/// <param name="Policy">When its dispatcher chooses anew; null where it has none.</param>
/// <param name="Reason">Why it has fewer variants than asked for; null where it has as many, or the module is not multivariant.</param>
/// <param name="Original">Index of the appended original, which is a choice beside the variants; null where there is no dispatcher.</param>
public sealed record InspectedFunction(uint Index, string Name, bool Imported, ImmutableArray<string> Exports, int Instructions, string? Policy, string? Reason,
    uint? Original, ImmutableArray<InspectedVariant> Variants);

/// <param name="Instructions">With those of functions outlined from it.</param>
/// <param name="Evidence"><c>tested</c> or <c>proved</c>.</param>
public sealed record InspectedVariant(uint Index, string Name, int Instructions, ImmutableArray<string> Transforms, string Evidence);

/// <param name="Role">What the linker wrote it for.</param>
public sealed record InspectedGenerated(uint Index, string Name, string Role);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(ModuleInspection))]
internal sealed partial class InspectionJsonContext : JsonSerializerContext;

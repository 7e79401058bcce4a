namespace Mewe.Linking.Custom;

/// <summary>What becomes of a custom section when the code section changes.</summary>
internal enum CustomSectionFate
{
    /// <summary>It says nothing about function indices or code offsets: kept byte for byte.</summary>
    Kept,

    /// <summary>Kept byte for byte, with a note: it points to a description of the original's code, or nobody knows what it holds.</summary>
    KeptWithNote,

    /// <summary>It names functions, and the linker knows how to write it anew.</summary>
    Rewritten,

    /// <summary>It holds code offsets or function indices that are wrong now, and no one would notice: left out, with a note.</summary>
    Dropped,
}

/// <summary>The custom sections of the tool conventions, and what they hold.</summary>
internal static class CustomSections
{
    public const string Name = "name";

    /// <param name="indicesMove">Whether function indices are shifted.</param>
    public static CustomSectionFate FateOf(string name, bool indicesMove) => name switch
    {
        Name or BranchHints.SectionName => CustomSectionFate.Rewritten,
        "producers" or "target_features" or "dylink" or "dylink.0" or "build_id" => CustomSectionFate.Kept,
        "sourceMappingURL" or "external_debug_info" => CustomSectionFate.KeptWithNote,
        "linking" or "compilationHints" => CustomSectionFate.Dropped,
        _ when name.StartsWith("component-type", StringComparison.Ordinal) => CustomSectionFate.Kept,
        _ when StartsWithAny(name, "reloc.", ".debug_", "metadata.code.") => CustomSectionFate.Dropped,
        _ => indicesMove ? CustomSectionFate.KeptWithNote : CustomSectionFate.Kept,
    };

    /// <summary>A line for the user about a section that was not simply kept, or null.</summary>
    public static string? Note(string name, CustomSectionFate fate) => fate switch
    {
        CustomSectionFate.Dropped => $"the custom section \"{name}\" was left out: it describes the code by offsets or indices, which are others now",
        CustomSectionFate.KeptWithNote when name is "sourceMappingURL" or "external_debug_info" =>
            $"the custom section \"{name}\" was kept, but what it points to describes the original's code",
        CustomSectionFate.KeptWithNote =>
            $"the custom section \"{name}\" was kept as it is; should it hold function indices, they are off by one now, because an import was added",
        _ => null,
    };

    private static bool StartsWithAny(string name, params ReadOnlySpan<string> prefixes)
    {
        foreach (var prefix in prefixes)
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}

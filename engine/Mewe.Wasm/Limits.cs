namespace Mewe.Wasm;

/// <summary>Every bound on what is accepted, in one place. They follow the limits that browsers agreed on (JavaScript API, implementation limits).</summary>
public static class Limits
{
    public const int MaxModuleBytes = 1 << 30;
    public const int MaxTypes = 1_000_000;
    public const int MaxFunctions = 1_000_000;
    public const int MaxImports = 1_000_000;
    public const int MaxExports = 1_000_000;
    public const int MaxGlobals = 1_000_000;
    public const int MaxTags = 1_000_000;
    public const int MaxTables = 100_000;
    public const int MaxMemories = 100;
    public const int MaxSegments = 100_000;
    public const int MaxElementsPerSegment = 10_000_000;
    public const int MaxParameters = 1_000;
    public const int MaxResults = 1_000;
    public const int MaxFields = 10_000;
    public const int MaxSubtypingDepth = 63;
    public const int MaxLocals = 50_000;
    public const int MaxBodyBytes = 7_654_321;
    public const int MaxNestingDepth = 50_000;
    public const int MaxBranchTableTargets = 65_520;
    public const int MaxNameBytes = 100_000;
    public const int MaxCustomSections = 100_000;
}

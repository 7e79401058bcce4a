using Mewe.Wasm;

namespace Mewe.Linking.Randomness;

/// <summary>Where the random bits of one module come from, decided before anything is written.</summary>
/// <param name="Mode">Never <see cref="RandomnessMode.Auto"/>.</param>
/// <param name="ExistingImport">For WASI: the random_get that the module imports already.</param>
/// <param name="AddedImport">The import to add, null where none is needed.</param>
internal sealed record RandomnessPlan(RandomnessMode Mode, uint? ExistingImport, (string Module, string Name, FunctionType Type)? AddedImport)
{
    public const string WasiModule = "wasi_snapshot_preview1", RandomGet = "random_get";
    public const string HostModule = "mewe", HostChoose = "choose";
    public const string SeedExport = "mewe_seed";

    public static readonly RandomnessPlan None = new(RandomnessMode.None, null, null);

    private static readonly FunctionType RandomGetType = FunctionType.Of([ValueType.I32, ValueType.I32], [ValueType.I32]);
    private static readonly FunctionType ChooseType = FunctionType.Of([ValueType.I32], [ValueType.I32]);

    /// <exception cref="LinkException">What was asked for cannot be had.</exception>
    public static RandomnessPlan Decide(WasmModule original, RandomnessMode asked) => asked switch
    {
        RandomnessMode.Auto => ImportsWasi(original) && WhyNoWasi(original) is null ? Wasi(original) : Export(original),
        RandomnessMode.Wasi => WhyNoWasi(original) is { } why
            ? throw new LinkException(LinkErrorKind.RandomnessUnavailable, $"randomness from WASI cannot be had: {why}; use --randomness export")
            : Wasi(original),
        RandomnessMode.Export => Export(original),
        RandomnessMode.Import => new RandomnessPlan(RandomnessMode.Import, null, (HostModule, HostChoose, ChooseType)),
        _ => throw new ArgumentOutOfRangeException(nameof(asked), asked, null),
    };

    private static bool ImportsWasi(WasmModule module) => module.Imports.Any(import => import.Module == WasiModule && import.Type is FunctionExtern);

    private static RandomnessPlan Wasi(WasmModule module) =>
        FindRandomGet(module) is { } existing
            ? new RandomnessPlan(RandomnessMode.Wasi, existing, null)
            : new RandomnessPlan(RandomnessMode.Wasi, null, (WasiModule, RandomGet, RandomGetType));

    private static RandomnessPlan Export(WasmModule module) => module.Exports.Any(export => export.Name == SeedExport)
        ? throw new LinkException(LinkErrorKind.NameTaken,
            $"the module exports \"{SeedExport}\" already, so the generator cannot be seeded through it; use --randomness import, or wasi in a WASI module")
        : new RandomnessPlan(RandomnessMode.Export, null, null);

    /// <summary>
    /// WASI writes into the memory that the module exports as "memory", so that must be memory 0. It must not be shared: while its bytes are borrowed
    /// another thread could see them.
    /// </summary>
    private static string? WhyNoWasi(WasmModule module)
    {
        var memories = module.AllMemories();
        return memories.IsEmpty ? "the module has no memory"
            : memories[0].Limits.Shared ? "memory 0 is shared between threads"
            : memories[0].Limits.Is64 ? "memory 0 has 64-bit addresses"
            : !module.Exports.Any(export => export is { Kind: ExternKind.Memory, Name: "memory", Index: 0 }) ? "memory 0 is not exported as \"memory\""
            : HasOddRandomGet(module) ? "the module imports random_get with another type than WASI gives it"
            : null;
    }

    private static bool HasOddRandomGet(WasmModule module) => FindRandomGet(module) is { } existing && !module.TypeOfFunction(existing).Equals(RandomGetType);

    private static uint? FindRandomGet(WasmModule module)
    {
        uint function = 0;
        foreach (var import in module.Imports.Where(import => import.Type is FunctionExtern))
        {
            if (import is { Module: WasiModule, Name: RandomGet })
            {
                return function;
            }

            function++;
        }

        return null;
    }
}

using System.Collections.Immutable;
using Mewe.Linking;

namespace Mewe.Grains;

/// <summary>Says plainly what a policy and a source of randomness protect against, and what they do not. README says the same.</summary>
public static class Protection
{
    public static ImmutableArray<string> Of(MultivariantMap map) => [OfPolicy(map), OfRandomness(map)];

    private static string OfPolicy(MultivariantMap map) => map.Policy switch
    {
        DispatchPolicy.Auto => OfPlan(map),
        DispatchPolicy.Call => "call: every call of a function takes a fresh choice, so an attacker can predict neither the path of a request nor repeat one." + OfInlined(map),
        DispatchPolicy.Entry => "entry: every request takes a fresh path; within one request each function keeps its variant, so what an attacker learns early in a request holds to its end." + OfInlined(map),
        DispatchPolicy.Instance => "instance: instances differ from each other; within one instance every request takes the same path, so what an attacker learns holds for as long as the instance lives." + OfInlined(map),
        _ => "forced: every choice is fixed; for tests only, no protection.",
    };

    private static string OfInlined(MultivariantMap map) => map.Functions.SelectMany(function => function.Inlines).Distinct().Count() is > 0 and var count
        ? $" {count} functions are inlined where they are called most: there their bodies change with those of their callers." : "";

    private static string OfPlan(MultivariantMap map)
    {
        var dispatches = map.Functions.Where(function => !function.Variants.IsEmpty).Select(function => function.Dispatch).ToList();
        var bound = dispatches.Count(dispatch => dispatch.Bound);
        int Of(DispatchMode mode) => dispatches.Count(dispatch => dispatch.Mode == mode && !dispatch.Bound);
        return $"auto: {Of(DispatchMode.Call)} functions take a fresh choice on every call; {bound} follow the choice of their callers, {Of(DispatchMode.Periodic)} keep one for a number of calls, "
            + $"and {Of(DispatchMode.Direct)} run their original, since choices there are too dear.";
    }

    private static string OfRandomness(MultivariantMap map) => map.Randomness switch
    {
        RandomnessMode.Wasi when map.Generator == GeneratorKind.ChaCha8 => "wasi: keyed once per instance from the host's random_get; observed choices tell nothing about others (ChaCha8).",
        RandomnessMode.Export when map.Generator == GeneratorKind.ChaCha8 => "export: choices are the same in every instance until the embedder calls mewe_seed(i64, i64, i64, i64) with a secret key; after that observed choices tell nothing about others (ChaCha8).",
        RandomnessMode.Wasi => "wasi: seeded once per instance from the host's random_get; who sees enough choices of an instance can compute its later ones, for the generator is fast and not cryptographic.",
        RandomnessMode.Export => "export: choices are the same in every instance until the embedder calls mewe_seed(i64) with a secret; who sees enough choices can compute later ones.",
        RandomnessMode.Import => "import: every choice asks the host (mewe.choose) and is as good as its answer; it costs a call to the host each time.",
        _ => "none: no function has variants, so nothing is chosen.",
    };
}

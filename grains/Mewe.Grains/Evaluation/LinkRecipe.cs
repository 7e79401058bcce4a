using System.Collections.Immutable;
using Mewe.Linking;

namespace Mewe.Grains;

/// <summary>One way to link the variants of an endpoint. The evaluation links, traces and times the same variants in each of them.</summary>
/// <param name="Name">How it is called on the command line and in reports.</param>
/// <param name="Description">What it does, in a few words for a person.</param>
public sealed record LinkRecipe(string Name, string Description, DispatchPolicy Policy, RandomnessMode Randomness)
{
    /// <summary>Whether its executions are traced. Where the host chooses, the choices are distributed as with the same policy inside of the module, and only the cost is of interest.</summary>
    public bool IsTraced { get; init; } = true;

    /// <summary>How MEWE did it: every choice is a call to the host.</summary>
    public const string MeweStyle = "mewe-style";

    /// <summary>All recipes, in the order in which reports show them.</summary>
    public static ImmutableArray<LinkRecipe> All { get; } =
    [
        new("auto", "as many fresh choices as 10 % more time allow", DispatchPolicy.Auto, RandomnessMode.Auto),
        new("call", "a fresh choice on every call", DispatchPolicy.Call, RandomnessMode.Auto),
        new("entry", "a fresh choice for every request", DispatchPolicy.Entry, RandomnessMode.Auto),
        new("instance", "one choice for each function and instance", DispatchPolicy.Instance, RandomnessMode.Auto),
        new(MeweStyle, "the host is asked on every call, as MEWE does", DispatchPolicy.Call, RandomnessMode.Import) { IsTraced = false },
    ];

    /// <summary>The recipe of that name, or null.</summary>
    public static LinkRecipe? Find(string name) => All.FirstOrDefault(recipe => recipe.Name == name);
}

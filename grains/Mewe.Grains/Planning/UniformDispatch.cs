using System.Collections.Immutable;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>
/// What a workload decides under the policies that say of all functions alike when to choose: which calls are inlined (<see cref="CallInlining"/>), which dispatchers hold their bodies
/// (<see cref="InlinedForms"/>), and which functions are bound (<see cref="KeptChoices"/>).
/// </summary>
internal sealed class UniformDispatch
{
    private readonly CallInlining calls;
    private readonly ImmutableHashSet<uint> inlined;
    private readonly IReadOnlySet<uint> bound;

    /// <param name="repeats">Whether code may be repeated: not where the size of the module is limited, for variants are worth more than what repeating them saves.</param>
    public UniformDispatch(DispatchPolicy policy, WasmModule module, WorkloadFile workload, IReadOnlyList<FunctionLengths> functions, WorkloadProfile profile, bool repeats)
    {
        calls = repeats ? CallInlining.Choose(module, functions, profile.Whole) : CallInlining.None(module);
        inlined = repeats ? InlinedForms.Choose(module, functions, profile.Whole, calls) : [];
        bound = KeptChoices.Bound(policy, module, workload, Dispatching.Dispatched(module, functions.Select(function => (function.Function, function.Lengths.Length - 1))), profile);
    }

    /// <summary>Functions that are inlined where this one calls them; null for none.</summary>
    public ImmutableArray<uint>? InlinedInto(uint function) => calls.Into(function);

    public DispatchForm? Form(uint function) => inlined.Contains(function) ? DispatchForm.Inlined : null;

    public bool? Bound(uint function) => bound.Contains(function) ? true : null;
}

using Mewe.Wasm;

namespace Mewe.Linking.Dispatch;

/// <summary>
/// Gives a multivariant module the inlining that its original gets from V8.
/// </summary>
/// <remarks>
/// V8's optimising compiler inlines by a budget that depends on the whole module: where at most a quarter of the functions have bodies shorter than 50 bytes, it takes the toolchain to have
/// inlined already, and allows a tenth of what it allows from a half on; in between it interpolates (BudgetScaleFactor in src/wasm/inlining-tree.h, kSmallFunctionThreshold in
/// src/wasm/module-decoder-impl.h). Variants are mostly longer than that, so a module of which 45 % was short has 20 % when it is multivariant, and everything in it, what nobody diversified
/// included, is compiled with less inlining than before. Empty functions behind all others, four bytes each, give back the share that the original had. No other engine asks for it.
/// </remarks>
internal static class InliningBudget
{
    private const int ShortBody = 50;

    /// <summary>Whether it matters: where nearly every call is a jump that nobody can foresee, more inlining only makes more code.</summary>
    public static bool Matters(DispatchPolicy policy) => policy is DispatchPolicy.Auto or DispatchPolicy.Entry or DispatchPolicy.Instance or DispatchPolicy.Steered;

    /// <summary>How many empty functions the linked module needs for the original's share of short ones: none where that is no more than a quarter, and never more than a half.</summary>
    public static int EmptyFunctions(WasmModule original, WasmModule linked)
    {
        var (part, whole) = ((long)Short(original), (long)original.Bodies.Count);
        if (part * 4 <= whole)
        {
            return 0;
        }

        if (part * 2 > whole)
        {
            (part, whole) = (1, 2);
        }

        // The least x with (short + x) / (count + x) >= part / whole.
        var missing = (part * linked.Bodies.Count) - (whole * Short(linked));
        var needed = Math.Max(0, (missing + whole - part - 1) / (whole - part));
        return (int)Math.Min(needed, Limits.MaxFunctions - linked.FunctionCount);
    }

    private static int Short(WasmModule module) => module.Bodies.Count(body => body.Content.Length < ShortBody);
}

using Mewe.Linking;

namespace Mewe.Grains;

/// <summary>What the calls of a function get, in a few words.</summary>
internal static class DispatchWords
{
    /// <param name="inlines">Functions that are inlined where this one calls them.</param>
    public static string Of(FunctionDispatch dispatch, IReadOnlyList<uint> inlines) => inlines.Count == 0 ? Of(dispatch) : $"{Of(dispatch)}; inlines {string.Join(", ", inlines)}";

    private static string Of(FunctionDispatch dispatch)
    {
        var mode = dispatch.Mode == DispatchMode.Periodic ? $"every {dispatch.Period} calls" : dispatch.Mode.ToString().ToLowerInvariant();
        mode = dispatch.Form switch { DispatchForm.Inlined => mode + ", inlined", DispatchForm.BinarySearch => mode + ", by comparisons", _ => mode };
        return dispatch.Bound ? $"bound, {mode}" : mode;
    }
}

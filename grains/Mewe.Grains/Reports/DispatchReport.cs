using System.Globalization;
using Mewe.Linking;

namespace Mewe.Grains;

/// <summary>What the calls of a function get, and why.</summary>
/// <param name="Mode"><c>call</c>, <c>periodic</c>, <c>entry</c>, <c>instance</c> or <c>direct</c>.</param>
/// <param name="Bound">Whether direct calls from diversified functions are bound to variants.</param>
/// <param name="Calls">Per request, by profile or estimate.</param>
/// <param name="Why">In a line.</param>
public sealed record DispatchReport(string Mode, uint? Period, bool Bound, double? Calls, string Why)
{
    /// <summary>Null where the policy decides for all functions alike.</summary>
    public static DispatchReport? Of(PlannedFunction planned)
    {
        if (planned.Dispatch is null || planned.LinkedDispatch is not { } dispatch)
        {
            return null;
        }

        var mode = dispatch.Mode.ToString().ToLowerInvariant();
        var calls = string.Create(CultureInfo.InvariantCulture, $"{planned.Calls:0.##} calls a request");
        var around = dispatch.Mode switch
        {
            DispatchMode.Call => "a fresh choice",
            DispatchMode.Periodic => $"a fresh choice for every {dispatch.Period} calls",
            DispatchMode.Direct => "the original",
            _ => $"a choice per {mode}",
        };
        var why = dispatch.Bound ? $"{calls}: fresh choices are too dear, so its variants are chosen with those of its callers; other calls get {around}"
            : planned.Calls is null or 0 ? "it did not run in the workload, so a fresh choice on every call costs nothing"
            : dispatch.Mode == DispatchMode.Call ? $"{calls}: a fresh choice for each is affordable"
            : dispatch.Mode == DispatchMode.Direct ? $"{calls}: choices are too dear, so each runs {around}"
            : $"{calls}: {around}, since one for each is too dear";
        return new DispatchReport(mode, planned.Period, dispatch.Bound, planned.Calls, why);
    }
}

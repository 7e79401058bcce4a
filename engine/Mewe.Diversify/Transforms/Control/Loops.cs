using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>Loops that transforms may copy.</summary>
internal static class Loops
{
    /// <summary>Reachable loops without parameters whose body is not longer than so many instructions.</summary>
    public static IEnumerable<Site> Sites(FunctionView view, int longest)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode == Opcode.Loop && view.IsReachable(i) && view.OperandCount(i) == 0 && view.MatchingEnd(i) - i <= longest)
            {
                yield return new Site(i);
            }
        }
    }
}

using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>Moves some of the webs of a local (definitions and the uses they reach) into fresh locals.</summary>
/// <remarks>
/// Known ways to be wrong. 7: the web of the value at entry, a parameter's or the zero, always stays, so a fresh local is never read before it is written;
/// types without a default are refused. Unreachable accesses stay.
/// </remarks>
public sealed class LocalSplitting : IWholeTransform
{
    private const int MostFresh = 6;

    public string Name => "local-splitting";

    public bool Applies(FunctionView view) => view.LocalCount > 0 && !LocalFlow.HasHandlers(view);

    public WholeBody? Rewrite(FunctionView view, RewriteContext context)
    {
        for (var attempt = 0; attempt < 4 && context.HasRoomForLocals(MostFresh); attempt++)
        {
            if (PickLocal(view, context) is { } local && LocalWebs.Of(view, local, context) is { } webs && Split(view, local, webs, context) is { } body)
            {
                return body;
            }
        }

        return null;
    }

    /// <summary>A random local with at least two writes, or one beside a use of its first value.</summary>
    private static uint? PickLocal(FunctionView view, RewriteContext context)
    {
        var writes = new int[view.LocalCount];
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode is Opcode.LocalSet or Opcode.LocalTee && view.IsReachable(i))
            {
                writes[view[i].Index]++;
            }
        }

        List<uint> candidates = [];
        for (uint local = 0; local < view.LocalCount; local++)
        {
            if (writes[local] >= (local < view.ParameterCount ? 1 : 2) && view.LocalType(local).IsDefaultable)
            {
                candidates.Add(local);
            }
        }

        return candidates.Count == 0 ? null : context.Random.Pick(candidates);
    }

    private static WholeBody? Split(FunctionView view, uint local, LocalWebs webs, RewriteContext context)
    {
        List<int> others = [];
        var entryUsed = local < view.ParameterCount;
        for (var i = 0; i < view.Count; i++)
        {
            if (webs.Of(i) is >= 0 and var web)
            {
                entryUsed |= web == webs.Entry;
                if (web != webs.Entry && !others.Contains(web))
                {
                    others.Add(web);
                }
            }
        }

        // A single web in a local of its own has nothing to be split from.
        if (others.Count < (entryUsed ? 1 : 2))
        {
            return null;
        }

        var types = LocalUses.Declared(view);
        var wanted = 1 + context.Random.Below(Math.Min(others.Count, MostFresh));
        var moved = new Dictionary<int, uint>();
        for (var k = 0; k < wanted; k++)
        {
            if (moved.TryAdd(context.Random.Pick(others), (uint)(view.ParameterCount + types.Count)))
            {
                types.Add(view.LocalType(local));
            }
        }

        var code = view.Code.ToArray();
        for (var i = 0; i < code.Length; i++)
        {
            if (moved.TryGetValue(webs.Of(i), out var fresh))
            {
                code[i] = code[i].WithIndex(fresh);
            }
        }

        return new WholeBody(types, code);
    }
}

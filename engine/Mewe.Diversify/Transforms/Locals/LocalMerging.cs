using System.Numerics;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>Lets locals of one type share a place where no one is live while another is written, as a register allocator does; emptied locals are dropped.</summary>
/// <remarks>
/// Known ways to be wrong. 7: the value at entry counts as written there: a local whose first value may be read shares no place with a parameter, nor with another
/// such local. Writes that nobody reads count as writes all the same.
/// </remarks>
public sealed class LocalMerging : IWholeTransform
{
    public string Name => "local-merging";

    public bool Applies(FunctionView view) => view.LocalCount - view.ParameterCount >= 1 && view.LocalCount >= 2 && !LocalFlow.HasHandlers(view);

    public WholeBody? Rewrite(FunctionView view, RewriteContext context)
    {
        var locals = Candidates(view, context);
        if (locals.Length < 2 || LocalFlow.Of(view, locals, context) is not { } flow)
        {
            return null;
        }

        var conflicts = Conflicts(view, locals, flow);
        var target = new int[locals.Length];
        for (var k = 0; k < target.Length; k++)
        {
            target[k] = k;
        }

        var merged = 0;
        for (var k = 0; k < locals.Length; k++)
        {
            // Parameters stay; others go to a random earlier place that has room.
            if (locals[k] < view.ParameterCount || context.Random.OneIn(3))
            {
                continue;
            }

            var first = context.Random.Below(locals.Length);
            for (var n = 0; n < locals.Length; n++)
            {
                var to = (first + n) % locals.Length;
                if (to != k && target[to] == to && target[k] == k && !target.Contains(k, except: k) && (conflicts[to] >> k & 1) == 0)
                {
                    conflicts[to] |= conflicts[k];
                    for (var other = 0; other < locals.Length; other++)
                    {
                        if ((conflicts[k] >> other & 1) != 0)
                        {
                            conflicts[other] |= 1UL << to;
                        }
                    }

                    target[k] = to;
                    merged++;
                    break;
                }
            }
        }

        return merged == 0 ? null : Renamed(view, locals, target);
    }

    /// <summary>Up to 64 locals of one type that has at least two, in random order.</summary>
    private static uint[] Candidates(FunctionView view, RewriteContext context)
    {
        var type = view.Locals[context.Random.Between(view.ParameterCount, view.LocalCount - 1)];
        if (!type.IsDefaultable)
        {
            return [];
        }

        List<uint> same = [];
        for (uint local = 0; local < view.LocalCount; local++)
        {
            if (view.LocalType(local) == type)
            {
                same.Add(local);
            }
        }

        var order = same.ToArray();
        context.Random.Shuffle<uint>(order);
        return order.Length > 64 ? order[..64] : order;
    }

    /// <summary>Bit j of entry i: the locals i and j must not share a place. Symmetric.</summary>
    private static ulong[] Conflicts(FunctionView view, uint[] locals, LocalFlow flow)
    {
        var place = new Dictionary<uint, int>();
        ulong parameters = 0;
        for (var k = 0; k < locals.Length; k++)
        {
            place[locals[k]] = k;
            parameters |= locals[k] < view.ParameterCount ? 1UL << k : 0;
        }

        var conflicts = new ulong[locals.Length];
        void Add(int written, ulong live)
        {
            live &= ~(1UL << written);
            conflicts[written] |= live;
            for (; live != 0; live &= live - 1)
            {
                conflicts[BitOperations.TrailingZeroCount(live)] |= 1UL << written;
            }
        }

        for (var k = 0; k < locals.Length; k++)
        {
            // All parameters, and every local whose zero may be read, are written at entry.
            if ((parameters >> k & 1) != 0 || (flow.AtEntry >> k & 1) != 0)
            {
                Add(k, flow.AtEntry);
            }

            if ((parameters >> k & 1) != 0)
            {
                Add(k, parameters);
            }
        }

        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode is Opcode.LocalSet or Opcode.LocalTee && view.IsReachable(i) && place.TryGetValue(view[i].Index, out var written))
            {
                Add(written, flow.LiveAfter(i));
            }
        }

        return conflicts;
    }

    private static WholeBody Renamed(FunctionView view, uint[] locals, int[] target)
    {
        var renamed = new uint[view.LocalCount];
        var dropped = new bool[view.LocalCount];
        for (var k = 0; k < locals.Length; k++)
        {
            dropped[locals[k]] = target[k] != k;
        }

        List<ValueType> types = [];
        for (uint local = 0; local < view.LocalCount; local++)
        {
            renamed[local] = (uint)Math.Min(local, view.ParameterCount + types.Count);
            if (local >= view.ParameterCount && !dropped[local])
            {
                types.Add(view.LocalType(local));
            }
        }

        for (var k = 0; k < locals.Length; k++)
        {
            if (target[k] != k)
            {
                renamed[locals[k]] = renamed[locals[target[k]]];
            }
        }

        var code = view.Code.ToArray();
        for (var i = 0; i < code.Length; i++)
        {
            if (code[i].Info.Immediate == ImmediateKind.Local)
            {
                code[i] = code[i].WithIndex(renamed[code[i].Index]);
            }
        }

        return new WholeBody(types, code);
    }
}

file static class Places
{
    /// <summary>True where a value stands somewhere else than at one position.</summary>
    public static bool Contains(this int[] values, int value, int except)
    {
        for (var k = 0; k < values.Length; k++)
        {
            if (k != except && values[k] == value)
            {
                return true;
            }
        }

        return false;
    }
}

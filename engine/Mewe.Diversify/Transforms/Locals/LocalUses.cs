using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>Where a local stands in the code, and how often it is taken to run.</summary>
internal static class LocalUses
{
    /// <summary>True for local.get, local.set and local.tee of a local.</summary>
    public static bool IsOf(in Instruction instruction, uint local) =>
        instruction.Opcode is Opcode.LocalGet or Opcode.LocalSet or Opcode.LocalTee && instruction.Index == local;

    /// <summary>The weight of all accesses to each local, by loop depth, in the unit of <see cref="CostModel"/>; 0 where a local is not used in reachable code.</summary>
    public static long[] Weights(FunctionView view)
    {
        var weights = new long[view.LocalCount];
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Info.Immediate == ImmediateKind.Local && view.IsReachable(i))
            {
                weights[view[i].Index] += CostModel.Weight(view.LoopDepth(i));
            }
        }

        return weights;
    }

    /// <summary>A local of a kind that is used: of three random ones the one that runs least, so that cold locals are preferred without excluding others. Null where there is none.</summary>
    public static uint? Pick(FunctionView view, RewriteContext context, Func<uint, bool> wanted)
    {
        var weights = Weights(view);
        uint? best = null;
        List<uint> candidates = [];
        for (uint local = 0; local < view.LocalCount; local++)
        {
            if (weights[local] > 0 && wanted(local))
            {
                candidates.Add(local);
            }
        }

        for (var k = 0; k < 3 && candidates.Count > 0; k++)
        {
            var local = context.Random.Pick(candidates);
            if (best is null || weights[local] < weights[best.Value])
            {
                best = local;
            }
        }

        return best;
    }

    /// <summary>The types of the locals beyond the parameters.</summary>
    public static List<ValueType> Declared(FunctionView view) => [.. view.Locals[view.ParameterCount..]];
}

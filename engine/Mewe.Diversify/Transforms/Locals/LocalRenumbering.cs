using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>Gives the locals beyond the parameters other numbers, by a random permutation over all types.</summary>
/// <remarks>Known ways to be wrong. 7: the permutation carries types along, so each local keeps its own zero; parameters keep their places.</remarks>
public sealed class LocalRenumbering : IWholeTransform
{
    public string Name => "local-renumbering";

    public bool Applies(FunctionView view) => view.LocalCount - view.ParameterCount >= 2;

    public WholeBody? Rewrite(FunctionView view, RewriteContext context)
    {
        var first = view.ParameterCount;
        var order = new int[view.LocalCount - first];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        if (!context.Spend(view.Count))
        {
            return null;
        }

        context.Random.Shuffle<int>(order);
        var places = new uint[order.Length];
        var types = new ValueType[order.Length];
        for (var place = 0; place < order.Length; place++)
        {
            places[order[place]] = (uint)(first + place);
            types[place] = view.Locals[first + order[place]];
        }

        var code = new Instruction[view.Count];
        for (var i = 0; i < code.Length; i++)
        {
            ref readonly var instruction = ref view[i];
            code[i] = instruction.Info.Immediate == ImmediateKind.Local && instruction.Index >= first
                ? instruction.WithIndex(places[instruction.Index - first]) : instruction;
        }

        return new WholeBody(types, code);
    }
}

using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>
/// Keeps an integer local under a mask that is drawn at run time: as <see cref="MaskedLocal"/>, with a value of the blind word in the place of the number. What registers and stack slots hold differs on
/// every run.
/// </summary>
/// <remarks>The mask must be the same at every access: nothing may have given the blind word's local another value.</remarks>
public sealed class BlindedLocal : IWholeTransform
{
    public string Name => "blinded-local";

    public bool NeedsBlindWord => true;

    public bool Applies(FunctionView view) => BlindValue.IsFixed(view);

    public WholeBody? Rewrite(FunctionView view, RewriteContext context)
    {
        if (!context.HasRoomForLocals() || !context.Spend(view.Count)
            || LocalUses.Pick(view, context, candidate => candidate != view.Input.BlindLocal && view.LocalType(candidate).IsInteger) is not { } local
            || BlindValue.Draw(view, view.LocalType(local), default, context.Random) is not { } mask)
        {
            return null;
        }

        var types = LocalUses.Declared(view);
        var kept = local;
        if (context.Random.OneIn(2))
        {
            kept = (uint)view.LocalCount;
            types.Add(view.LocalType(local));
        }

        var code = new List<Instruction>();
        TermEmitter.WriteClosed(mask, code);
        return new WholeBody(types, MaskedLocal.Mask(view, local, kept, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(code), xor: context.Random.OneIn(2)));
    }
}

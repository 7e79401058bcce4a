using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>Copies a parameter to a fresh local at entry and uses that instead, everywhere.</summary>
/// <remarks>Known ways to be wrong. 7: the copy is made before anything else, and every access, also a writing one and one in unreachable code, is renamed; the type is the same.</remarks>
public sealed class ParameterCopy : IWholeTransform
{
    public string Name => "parameter-copy";

    public bool Applies(FunctionView view) => view.ParameterCount > 0;

    public WholeBody? Rewrite(FunctionView view, RewriteContext context)
    {
        if (!context.HasRoomForLocals() || !context.Spend(view.Count)
            || LocalUses.Pick(view, context, local => local < view.ParameterCount && view.LocalType(local).IsDefaultable) is not { } parameter)
        {
            return null;
        }

        var types = LocalUses.Declared(view);
        var copy = (uint)view.LocalCount;
        types.Add(view.LocalType(parameter));
        var code = new List<Instruction>(view.Count + 2) { Instruction.LocalGet(parameter), Instruction.LocalSet(copy) };
        foreach (ref readonly var instruction in view.Code)
        {
            code.Add(LocalUses.IsOf(instruction, parameter) ? instruction.WithIndex(copy) : instruction);
        }

        return new WholeBody(types, code);
    }
}

using System.Collections.Immutable;
using Mewe.Wasm;
using Mewe.Wasm.Validation;

namespace Mewe.Diversify;

/// <summary>Validates candidates before anybody sees them. One per function; not for several threads.</summary>
internal sealed class CandidateCheck(FunctionInput function)
{
    private readonly List<FunctionType> outlinedTypes = [];
    private ModuleContext? extended;

    /// <summary>What is wrong with a candidate, or null.</summary>
    public string? Error(VariantCode candidate)
    {
        if (candidate.Outlined.IsEmpty && !candidate.IsBlinded)
        {
            return FunctionValidator.Validate(function.Module.Context, function.Type, candidate.Code)?.ToString();
        }

        var context = ContextWith(candidate.Outlined);
        if (FunctionValidator.Validate(context, function.Type, Resolve(candidate.Code, candidate.Outlined)) is { } error)
        {
            return error.ToString();
        }

        foreach (var outlined in candidate.Outlined)
        {
            if (FunctionValidator.Validate(context, outlined.Type, Resolve(outlined.Code, candidate.Outlined)) is { } inner)
            {
                return $"in an outlined function: {inner}";
            }
        }

        return null;
    }

    /// <summary>The module's context with the global that the blind word stands for, and one more function for each type that an outlined function has had so far.</summary>
    private ModuleContext ContextWith(ImmutableArray<OutlinedFunction> outlined)
    {
        var known = outlinedTypes.Count;
        foreach (var item in outlined)
        {
            if (!outlinedTypes.Contains(item.Type))
            {
                outlinedTypes.Add(item.Type);
            }
        }

        if (extended is null || known != outlinedTypes.Count)
        {
            var module = function.Module.Module.Clone();
            var nothing = new FunctionBody(new FunctionCode([], [Instruction.Of(Opcode.Unreachable), Instruction.Of(Opcode.End)]));
            foreach (var type in outlinedTypes)
            {
                module.AddFunction(module.IndexOfType(type), nothing);
            }

            module.Globals.Add(new Global(new GlobalType(ValueType.I64, true), ConstantExpression.Of(Instruction.I64Const(0))));
            extended = ModuleContext.Create(module);
        }

        return extended;
    }

    private FunctionCode Resolve(FunctionCode code, ImmutableArray<OutlinedFunction> outlined)
    {
        var first = (uint)function.Module.FunctionTypes.Length;
        var instructions = code.Instructions.ToBuilder();
        for (var i = 0; i < instructions.Count; i++)
        {
            if (VariantCode.NamesBlindWord(instructions[i]))
            {
                instructions[i] = instructions[i].WithIndex((uint)function.Module.Globals.Length);
            }
            else if (instructions[i].Opcode is Opcode.Call or Opcode.ReturnCall && instructions[i].Index >= VariantCode.OutlinedBase)
            {
                var type = outlined[(int)(instructions[i].Index - VariantCode.OutlinedBase)].Type;
                instructions[i] = instructions[i].WithIndex(first + (uint)outlinedTypes.IndexOf(type));
            }
        }

        return new FunctionCode(code.Locals, instructions.DrainToImmutable());
    }
}

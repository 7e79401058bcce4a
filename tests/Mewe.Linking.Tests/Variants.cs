using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Wasm;

namespace Mewe.Linking.Tests;

/// <summary>Variants for tests of the linker, which does not care how they were made.</summary>
internal static class Variants
{
    public static readonly Evidence Evidence = new(EvidenceKind.Tested, 256, 4, 3) { Inconclusive = 1 };

    public static LinkedVariant Of(VariantCode code, params ReadOnlySpan<string> transforms) => new(code, [.. transforms], Evidence);

    /// <summary>Variants that do the same: more and more nops in front, and in every other one a call of an outlined function that does nothing.</summary>
    public static FunctionVariants Padded(WasmModule module, uint function, int count)
    {
        var body = module.Bodies[(int)function - module.ImportedFunctionCount].Decode();
        var nothing = new OutlinedFunction(FunctionType.Of([], []), new FunctionCode([], [Instruction.Of(Opcode.Nop), Instruction.Of(Opcode.End)]));
        return new FunctionVariants(function, [.. Enumerable.Range(1, count).Select(i => i % 2 == 1
            ? Of(new VariantCode(new FunctionCode(body.Locals, [.. Enumerable.Repeat(Instruction.Of(Opcode.Nop), i), .. body.Instructions])), "pad")
            : Of(new VariantCode(new FunctionCode(body.Locals, [.. Enumerable.Repeat(Instruction.Call(VariantCode.OutlinedBase), i), .. body.Instructions]), [nothing]),
                "pad", "outline"))]);
    }

    /// <summary>Padded variants of every defined function.</summary>
    public static ImmutableArray<FunctionVariants> PaddedAll(WasmModule module, int count) =>
        [.. Enumerable.Range(module.ImportedFunctionCount, module.FunctionTypes.Count).Select(function => Padded(module, (uint)function, count))];

    /// <summary>Variants of a function () -> i32 that tell which of them ran: choice n gives n.</summary>
    public static FunctionVariants Numbered(uint function, int count) =>
        new(function, [.. Enumerable.Range(1, count).Select(i => Of(new VariantCode(new FunctionCode([], [Instruction.I32Const(i), Instruction.Of(Opcode.End)])), $"number {i}"))]);

    /// <summary>Every way to dispatch that a plan may give a function.</summary>
    public static readonly ImmutableArray<FunctionDispatch> Dispatches =
    [
        .. from bound in new[] { false, true }
           from form in Enum.GetValues<DispatchForm>()
           from mode in new[] { DispatchMode.Call, DispatchMode.Periodic, DispatchMode.Direct, DispatchMode.Entry, DispatchMode.Instance }
           select new FunctionDispatch(mode) { Form = form, Bound = bound, Period = mode == DispatchMode.Periodic ? 3u : 0 },
    ];

    /// <summary>The functions, with everything that they call inlined where it can be.</summary>
    public static ImmutableArray<FunctionVariants> Inlining(WasmModule module, ImmutableArray<FunctionVariants> functions) => [.. functions.Select(function => function with
    {
        Inlines = [.. module.Bodies[(int)function.Function - module.ImportedFunctionCount].Decode().Instructions
            .Where(instruction => instruction.Opcode == Opcode.Call && instruction.Index >= (uint)module.ImportedFunctionCount).Select(instruction => instruction.Index).Distinct()],
    })];

    /// <summary>Gives the functions all ways to dispatch in turn, beginning with one of them; bodies with several results are called, for they cannot be inlined.</summary>
    public static ImmutableArray<FunctionVariants> Mixed(WasmModule module, ImmutableArray<FunctionVariants> functions, int first) =>
        [.. functions.Select((function, i) => function with { Dispatch = Fitting(Dispatches[(first + (7 * i)) % Dispatches.Length], module.TypeOfFunction(function.Function)) })];

    private static FunctionDispatch Fitting(FunctionDispatch dispatch, FunctionType type) =>
        dispatch.Form == DispatchForm.Inlined && type.Results.Length > 1 ? dispatch with { Form = DispatchForm.BranchTable } : dispatch;
}

using System.Collections.Immutable;
using Mewe.Linking.Dispatch;
using Mewe.Wasm;

namespace Mewe.Linking;

/// <summary>A multivariant module and what is where in it.</summary>
public sealed record LinkResult(byte[] Module, MultivariantMap Map)
{
    /// <summary>What the user should know: custom sections that were left out or no longer fit.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];
}

/// <summary>
/// Links variants into one module. A function's index becomes its dispatcher; its original body and its variants are appended behind all other functions.
/// So calls, tables, exports and the start function reach the dispatcher without being rewritten, recursion goes through it, and whatever nobody asked to
/// diversify stays byte for byte as it was. The result is a function of the arguments alone.
/// </summary>
/// <remarks>
/// Types, globals, functions and (for some entry wrappers) one declarative element segment are appended at the end of their index spaces. Only an added
/// import moves indices: see <see cref="FunctionIndexShift"/>.
/// </remarks>
public static class MultivariantLinker
{
    /// <summary>The most choices that a dispatcher may have, the original included.</summary>
    public const int MaxChoices = 1024;

    /// <summary>Bodies of a function that are inlined in the place of its calls (<see cref="FunctionVariants.Inlines"/>): so many of the shortest.</summary>
    public const int MostInlinedBodies = InlinedCalls.MostBodies;

    /// <summary>Bodies that may be inlined one in the other.</summary>
    public const int DeepestInlining = LinkedBodies.DeepestNesting;

    /// <summary>Under <see cref="DispatchPolicy.Steered"/>: the exported i32 global that holds the choice of a function, by its index in the original module.</summary>
    public static string SteeringExport(uint function) => $"mewe_choice_{function}";

    /// <summary>Links, or says why not.</summary>
    /// <param name="original">A valid module; it is not changed.</param>
    /// <param name="functions">In any order; a function without variants gets no dispatcher, but its reason is recorded.</param>
    /// <param name="error">Null exactly when a result is returned.</param>
    public static LinkResult? TryLink(WasmModule original, IReadOnlyList<FunctionVariants> functions, LinkOptions options, out LinkError? error)
    {
        try
        {
            error = null;
            return Link(original, functions, options);
        }
        catch (LinkException exception)
        {
            error = exception.Error;
        }
        catch (WasmException exception)
        {
            error = new LinkError(LinkErrorKind.BadModule, exception.Message);
        }

        return null;
    }

    /// <summary>As <see cref="TryLink"/>.</summary>
    /// <exception cref="LinkException">It cannot be linked.</exception>
    /// <exception cref="WasmException">The original's bytes are wrong.</exception>
    public static LinkResult Link(WasmModule original, IReadOnlyList<FunctionVariants> functions, LinkOptions options)
    {
        if (MeweSection.IsIn(original))
        {
            throw new LinkException(LinkErrorKind.AlreadyMultivariant, "the module is multivariant already: give the module that it was made from");
        }

        var ordered = functions.OrderBy(function => function.Function).ToImmutableArray();
        Check(original, ordered);
        return new Linkage(original, ordered, options).Link();
    }

    private static void Check(WasmModule original, ImmutableArray<FunctionVariants> functions)
    {
        var imported = (uint)original.ImportedFunctionCount;
        var count = (uint)original.FunctionCount;
        for (var i = 0; i < functions.Length; i++)
        {
            var function = functions[i];
            if (function.Function < imported || function.Function >= count)
            {
                throw Unfit(function, "it is not a function that the module defines");
            }

            if (i > 0 && functions[i - 1].Function == function.Function)
            {
                throw Unfit(function, "it is there twice");
            }

            if (function.Dispatch is { } dispatch && WhyNot(dispatch) is { } why)
            {
                throw Unfit(function, why);
            }

            if (function.Dispatch is { Form: DispatchForm.Inlined } && !InlinedBodies.Fits(original.TypeOfFunction(function.Function)))
            {
                throw Unfit(function, "bodies with several results cannot stand in a dispatcher");
            }

            if (function.Inlines.FirstOrDefault(callee => callee < imported || callee >= count, imported) is var foreign && foreign != imported)
            {
                throw Unfit(function, $"function {foreign} cannot be inlined: the module does not define it");
            }

            if (function.Variants.Length >= MaxChoices)
            {
                throw new LinkException(LinkErrorKind.LimitExceeded,
                    $"function {function.Function} has {function.Variants.Length} variants, the limit is {MaxChoices - 1}");
            }
        }

        var total = count + functions.Sum(function => function.Variants.Sum(variant => 1L + variant.Code.Outlined.Length) + 2);
        if (total + 16 > Limits.MaxFunctions)
        {
            throw new LinkException(LinkErrorKind.LimitExceeded, $"the multivariant module would have {total} functions, the limit is {Limits.MaxFunctions}");
        }
    }

    /// <summary>Why no function can be dispatched so; null where one can.</summary>
    public static string? WhyNot(FunctionDispatch dispatch) =>
        !Enum.IsDefined(dispatch.Mode) || !Enum.IsDefined(dispatch.Form) ? "there is no such dispatch"
        : dispatch.Mode is DispatchMode.Forced or DispatchMode.Steered ? "forced and steered dispatch are policies for whole modules"
        : dispatch.Mode == DispatchMode.Periodic ? (dispatch.Period is >= 1 and <= FunctionDispatch.MaxPeriod ? null : $"a period is 1 to {FunctionDispatch.MaxPeriod}, not {dispatch.Period}")
        : dispatch.Period != 0 ? "only a periodic dispatch has a period"
        : null;

    /// <summary>Whether functions of this type can be dispatched with <see cref="DispatchForm.Inlined"/>, and calls of them be inlined: those of at most one result.</summary>
    public static bool CanInline(FunctionType type) => InlinedBodies.Fits(type);

    internal static LinkException Unfit(FunctionVariants function, string why) =>
        new(LinkErrorKind.UnfitVariant, $"cannot link the variants of function {function.Function}: {why}");
}

using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms;

/// <summary>
/// A rewriting of function bodies that is equivalent by construction; its file says why. Implementations keep no state and may be used by many threads.
/// Implement <see cref="ISiteTransform"/> or <see cref="IWholeTransform"/>.
/// </summary>
public interface ITransform
{
    /// <summary>Kebab-case; stands in the provenance of every variant.</summary>
    string Name { get; }

    /// <summary>True for a transform that is for blinded candidates only: it finds the blind word in a local (<see cref="FunctionInput.BlindLocal"/>).</summary>
    bool NeedsBlindWord => false;

    /// <summary>A cheap answer to "can there be a site at all?"; may be true in vain, never false in vain.</summary>
    bool Applies(FunctionView view);
}

/// <summary>A place where a site transform can act.</summary>
/// <param name="At">The instruction that identifies it (for an expression, its root).</param>
/// <param name="Choice">Which of several things to do there; the transform's own business.</param>
public readonly record struct Site(int At, int Choice = 0);

/// <summary>Replaces the instructions [Start, End) by others that do the same in every context.</summary>
/// <param name="Start">First instruction that is replaced.</param>
/// <param name="End">Exclusive; equal to <paramref name="Start"/> to insert.</param>
public readonly record struct Edit(int Start, int End, ReadOnlyMemory<Instruction> Replacement);

/// <summary>
/// Replaces contiguous ranges. Each edit must be right whatever other transforms do elsewhere: it may rely on values and effects, and the driver may
/// apply several edits that do not overlap, all made from the same view, in one pass.
/// </summary>
public interface ISiteTransform : ITransform
{
    /// <summary>The places, lazily and in order of the code. Only in reachable code.</summary>
    IEnumerable<Site> Sites(FunctionView view);

    /// <summary>Most edits of a step; fewer where an edit is much work.</summary>
    int MaxEdits => 128;

    /// <summary>The edit for a site of this view, or null where it turns out not to be possible. Random decisions come from the context alone.</summary>
    Edit? Rewrite(FunctionView view, Site site, RewriteContext context);
}

/// <summary>A whole body in the place of another. Parameters keep their indices.</summary>
/// <param name="Locals">Types of the locals beyond the parameters, including those added through the context during this step.</param>
public sealed record WholeBody(IReadOnlyList<ValueType> Locals, IReadOnlyList<Instruction> Instructions);

/// <summary>Rewrites a body as a whole (renumbering of locals, block layout ...).</summary>
public interface IWholeTransform : ITransform
{
    /// <summary>The new body, or null where there is nothing to do. <paramref name="context"/>.AddLocal must not be used: give all locals in the result.</summary>
    WholeBody? Rewrite(FunctionView view, RewriteContext context);
}

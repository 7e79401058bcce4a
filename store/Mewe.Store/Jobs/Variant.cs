namespace Mewe.Store;

/// <summary>A variant that work on a function found, for queries.</summary>
/// <param name="Ordinal">Among the variants of its function, from 0.</param>
/// <param name="Code">The SHA-256 of its body.</param>
/// <param name="CodeBytes">The length of its body.</param>
/// <param name="Transforms">The steps that made it, as text.</param>
/// <param name="Reason">Why it is not proved, where it is not.</param>
/// <param name="TestsPassed">Inputs on which it gave what the original gives.</param>
public sealed record NewVariant(int Ordinal, BlobHash Code, int CodeBytes, string Transforms, VariantEvidence Evidence, string? Reason, long TestsPassed)
{
    public int Ordinal { get; } = Ordinal >= 0 ? Ordinal : throw new ArgumentOutOfRangeException(nameof(Ordinal), Ordinal, "negative");

    public string Transforms { get; } = StoredText.Of(Transforms);

    public string? Reason { get; } = Reason is null ? null : StoredText.Of(Reason);
}

/// <summary>A variant as it stands.</summary>
/// <param name="Linked">Whether it is in the module that the job made.</param>
public sealed record VariantRecord(int Function, NewVariant Variant, bool Linked);

/// <summary>That a variant was linked, and how sure it is by then: variants that were chosen may be proved late.</summary>
public sealed record LinkedVariant(int Function, int Ordinal, VariantEvidence Evidence, string? Reason)
{
    public string? Reason { get; } = Reason is null ? null : StoredText.Of(Reason);
}

/// <summary>Which variants of a job to list, in order of function and ordinal.</summary>
/// <param name="After">The last of the page before; null for the first page.</param>
public sealed record VariantQuery(int Limit = JobLimits.Page, (int Function, int Ordinal)? After = null)
{
    public int? Function { get; init; }

    public VariantEvidence? Evidence { get; init; }

    public bool? Linked { get; init; }

    public int Limit { get; } = JobLimits.CheckPage(Limit);
}

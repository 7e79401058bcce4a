namespace Mewe.Conformance.Tests.Oracle;

/// <summary>Counts what became of the modules of a run. For several threads.</summary>
public sealed class FormCounts
{
    private int modules;
    private int changed;
    private int unreadable;

    /// <summary>Modules with other bytes than the original.</summary>
    public int Changed => changed;

    /// <summary>Modules that Mewe could not read, and that were run as they are.</summary>
    public int Unreadable => unreadable;

    /// <summary>The form that <paramref name="make"/> gives, or the original where it gives none.</summary>
    public ModuleForm Count(Func<ReadOnlyMemory<byte>, byte[]?> make) => original =>
    {
        Interlocked.Increment(ref modules);
        if (make(original) is not { } made)
        {
            Interlocked.Increment(ref unreadable);
            return original;
        }

        if (!original.Span.SequenceEqual(made))
        {
            Interlocked.Increment(ref changed);
        }

        return made;
    };

    public override string ToString() => $"{modules} modules, {changed} with other bytes than the original, {unreadable} that could not be read";
}

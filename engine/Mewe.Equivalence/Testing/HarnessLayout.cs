namespace Mewe.Equivalence.Testing;

/// <summary>
/// What stands in a harness's memory behind the undo log: run records, traces and coverage where they are kept, and last the inputs, so that everything before does not depend on how many there
/// are. It depends on the function.
/// </summary>
/// <param name="parameters">Parameters of the function.</param>
/// <param name="globals">Globals that the harness carries.</param>
/// <param name="profile">What is kept of each run; null where nothing is.</param>
internal sealed class HarnessLayout(int parameters, int globals, HarnessProfile? profile)
{
    private readonly int profiled = profile?.Inputs ?? 0;

    public const int RunRecords = HarnessState.EndOfLog;

    /// <summary>Bytes of an input's record, without what follows all of them.</summary>
    public int RecordBytes => HarnessState.ArgumentsAt + HarnessState.SlotBytes * (parameters + globals);

    /// <summary>Where the traces of all runs start.</summary>
    public int Traces => RunRecords + HarnessState.RunRecordBytes * profiled;

    public int Coverage => Traces + HarnessState.TraceBytes * profiled;

    public int CoveragePerInput => profile?.BranchOutcomes ?? 0;

    /// <summary>Where the inputs start.</summary>
    public int Inputs => (Coverage + CoveragePerInput * profiled + 15) & ~15;

    /// <summary>Where in an input's record the value of a global stands.</summary>
    public int GlobalAt(int slot) => HarnessState.ArgumentsAt + HarnessState.SlotBytes * (parameters + slot);
}

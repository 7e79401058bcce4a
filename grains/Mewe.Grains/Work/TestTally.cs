using Mewe.Equivalence;

namespace Mewe.Grains;

/// <summary>Sums over the batches of a function.</summary>
internal sealed class TestTally
{
    public int Tested { get; private set; }

    public int Inputs { get; private set; }

    public int BranchesTotal { get; private set; }

    public int BranchesCovered { get; private set; }

    public double Coverage { get; private set; }

    public int Inconclusive { get; set; }

    /// <summary>Inputs on which another engine disagrees with the target about the original: the most of any engine.</summary>
    public int Disagreements { get; set; }

    public string? LastReason { get; set; }

    public string? Untestable { get; set; }

    public void Add(FunctionTestReport report)
    {
        Tested += report.Verdicts.Length;
        Inputs = report.Inputs;
        BranchesTotal = report.BranchesTotal;
        BranchesCovered = report.BranchesCovered;
        Coverage = report.BranchCoverage;
    }

    public void Write(MessageWriter writer)
    {
        writer.Number(Tested);
        writer.Number(Inputs);
        writer.Number(BranchesTotal);
        writer.Number(BranchesCovered);
        writer.Real(Coverage);
        writer.Number(Inconclusive);
        writer.Number(Disagreements);
        writer.OptionalText(LastReason);
        writer.OptionalText(Untestable);
    }

    public static TestTally Read(ref MessageReader reader) => new()
    {
        Tested = reader.Int(),
        Inputs = reader.Int(),
        BranchesTotal = reader.Int(),
        BranchesCovered = reader.Int(),
        Coverage = reader.Real(),
        Inconclusive = reader.Int(),
        Disagreements = reader.Int(),
        LastReason = reader.OptionalText(),
        Untestable = reader.OptionalText(),
    };
}

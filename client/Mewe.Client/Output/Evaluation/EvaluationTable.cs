using Mewe.Grains;
using Spectre.Console;

namespace Mewe.Client.Output.Evaluation;

/// <summary>An evaluation as a table in a terminal.</summary>
internal static class EvaluationTable
{
    public static void Show(EvaluationReport report, string pagePath, CommandOutput output)
    {
        var first = report.Policies[0].Name;
        var table = new Table().Border(TableBorder.Simple);
        foreach (var (title, isNumber) in Columns(report))
        {
            var column = new TableColumn(Markup.Escape(title)).NoWrap();
            table.AddColumn(isNumber ? column.RightAligned() : column);
        }

        foreach (var endpoint in report.Endpoints)
        {
            var traces = endpoint.Forms.FirstOrDefault(form => form.Policy == first)?.Traces;
            table.AddRow([.. Cells(endpoint, traces, report).Select(cell => new Text(cell))]);
        }

        output.Results.Write(table);
        CommandOutput.Line($"E, R and trace with {first}; then a run of the original, and how many times as long it takes. {report.Nodes} nodes with {report.Runs} runs each, {report.Rounds} rounds, {report.Engine}");
        foreach (var note in report.Notes)
        {
            CommandOutput.Line($"note: {note}");
        }

        CommandOutput.Line(FormattableString.Invariant($"{pagePath}: the report ({report.WallSeconds:0} s)"));
    }

    private static IEnumerable<(string Title, bool IsNumber)> Columns(EvaluationReport report) =>
    [
        ("service", false), ("functions", true), ("dispatchers", true), ("variants", true), ("E", true), ("R", true), ("trace", true), ("original", true),
        .. report.Policies.Select(policy => (policy.Name, true)),
        .. report.Endpoints.Any(endpoint => endpoint.Paper is not null) ? [("paper: E", true), ("slowdown", true)] : Array.Empty<(string, bool)>(),
    ];

    private static IEnumerable<string> Cells(EndpointReport endpoint, TraceReport? traces, EvaluationReport report) =>
    [
        endpoint.Name, Figure.Count(endpoint.Functions), Figure.Count(endpoint.Dispatchers), Figure.Count(endpoint.Variants),
        traces is null ? "-" : Figure.Share(traces.Diversity.Entropy), traces is null ? "-" : Figure.Share(traces.Diversity.MedianUniqueRatio), traces is null ? "-" : Figure.Count(traces.MedianLength),
        endpoint.Original.Time is { } time ? Figure.Time(time.MedianNanoseconds) : "-",
        .. report.Policies.Select(policy => endpoint.Forms.FirstOrDefault(form => form.Policy == policy.Name)?.Time is { } t ? Figure.Ratio(t.Slowdown) : "-"),
        .. report.Endpoints.All(other => other.Paper is null) ? []
            : endpoint.Paper is { } paper ? [Figure.Share(paper.Entropy), Figure.Ratio(paper.Slowdown)] : (string[])["-", "-"],
    ];
}

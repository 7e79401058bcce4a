using System.Globalization;
using System.Net;
using System.Text;
using Mewe.Grains;

namespace Mewe.Client.Output.Evaluation;

/// <summary>The report of an evaluation as one HTML file that needs nothing else: no script, no network, pictures as SVG within it.</summary>
internal sealed class EvaluationPage(EvaluationReport report)
{
    private readonly Charts charts = new(report);
    private readonly StringBuilder page = new();

    /// <summary>UTF-8.</summary>
    public byte[] Write()
    {
        Add($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
            <link rel="icon" href="data:,">
            <title>Mewe: an evaluation of {report.Endpoints.Length} {(report.Endpoints.Length == 1 ? "service" : "services")}</title>
            <style>
            {Style()}</style>
            </head>
            <body><main>
            <h1>How different, and at what cost</h1>
            <p class="sub">{Services()}, each made multivariant with up to {report.Variants} variants per function: {report.Nodes} nodes with {report.Runs} runs each,
            times of all forms taken in turns in one process on {Text(report.Engine)}.</p>

            """);
        Findings();
        Overview();
        Section("Slowdown", $"The median of paired ratios, on a logarithmic axis; further left is better. {PaperIsElsewhere}", charts.Legend(HasPaper) + charts.Slowdowns());
        Distributions();
        Section("Diversity", $"With <code>{report.Policies[0].Name}</code>. E is the Shannon entropy of the traces of all nodes by its largest possible value: 1 where no two of the "
            + $"{report.Nodes * report.Runs:N0} traces are the same. R is the share of traces on a node that are unlike all others there: the median of the nodes.", DiversityLegend() + charts.Diversity());
        Section("Size", "Every variant is code, and the module carries all of them.",
            $"<p class=\"legend\"><span><i class=\"key square original\"></i>original</span><span><i class=\"key square c0\"></i>{report.Policies[0].Name}</span></p>\n" + charts.Sizes());
        Details();
        Method();
        Add($"<footer>Mewe {report.ToolVersion}</footer>\n</main></body></html>\n");
        return Encoding.UTF8.GetBytes(page.ToString());
    }

    private bool HasPaper => report.Endpoints.Any(endpoint => endpoint.Paper is not null);

    private string PaperIsElsewhere => HasPaper ? "The paper's figures were taken on other hardware, another engine, and with fewer functions diversified." : "";

    private static string Style()
    {
        using var stream = typeof(EvaluationPage).Assembly.GetManifestResourceStream("evaluation.css")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private string Services() => report.Endpoints.Length == 1 ? "One service" : $"{report.Endpoints.Length} services";

    private void Findings()
    {
        Add($"<ul class=\"findings\">\n");
        foreach (var policy in report.Policies)
        {
            var slowdowns = Forms(policy.Name).Where(form => form.Time is not null).Select(form => form.Time!.Slowdown).Order().ToList();
            if (slowdowns.Count > 0)
            {
                Add($"<li><b>{Range(slowdowns, Figure.Ratio)}×</b><span>the original's time with <code>{policy.Name}</code>: {Text(policy.Description)}</span></li>\n");
            }
        }

        var diversities = Forms(report.Policies[0].Name).Where(form => form.Traces is not null).Select(form => form.Traces!.Diversity).ToList();
        if (diversities.Count > 0)
        {
            Add($"<li><b>{Figure.Share(diversities.Min(diversity => diversity.Entropy))}</b><span>is the least entropy E, and {Figure.Share(diversities.Min(diversity => diversity.MedianUniqueRatio))} the least unique-trace ratio R, with <code>{report.Policies[0].Name}</code></span></li>\n");
        }

        Add($"</ul>\n");
    }

    private IEnumerable<FormReport> Forms(string policy) => report.Endpoints.SelectMany(endpoint => endpoint.Forms).Where(form => form.Policy == policy);

    private static string Range(List<double> sorted, Func<double, string> figure) =>
        figure(sorted[0]) == figure(sorted[^1]) ? figure(sorted[0]) : $"{figure(sorted[0])} – {figure(sorted[^1])}";

    private void Overview()
    {
        Add($"<div class=\"scroll\"><table>\n<tr><th>service</th><th>functions</th><th>dispatchers</th><th>variants</th><th>static paths</th><th>E</th><th>R</th><th>trace</th><th>choices</th><th>original</th>");
        foreach (var policy in report.Policies)
        {
            Add($"<th>{policy.Name}</th>");
        }

        Add($"</tr>\n");
        foreach (var endpoint in report.Endpoints)
        {
            var traces = endpoint.Forms.FirstOrDefault(form => form.Policy == report.Policies[0].Name)?.Traces;
            Row("ours", endpoint.Name, Figure.Count(endpoint.Functions), Figure.Count(endpoint.Dispatchers), Figure.Count(endpoint.Variants),
                $"{Figure.Digits(endpoint.OriginalPaths)} → {Figure.Digits(endpoint.MultivariantPaths)}",
                Or(traces, t => Figure.Share(t.Diversity.Entropy)), Or(traces, t => Figure.Share(t.Diversity.MedianUniqueRatio)), Or(traces, t => Figure.Count(t.MedianLength)),
                Or(traces, t => Figure.Count(t.MedianChoices)), Or(endpoint.Original.Time, t => Figure.Time(t.MedianNanoseconds)),
                [.. report.Policies.Select(policy => Or(endpoint.Forms.FirstOrDefault(form => form.Policy == policy.Name)?.Time, t => $"{Figure.Ratio(t.Slowdown)}×"))]);
            if (endpoint.Paper is { } paper)
            {
                Row("paper", "in the paper", Figure.Count(paper.Functions), Figure.Count(paper.Dispatchers), Figure.Count(paper.Variants),
                    $"{Figure.Paths(paper.StaticPathsOriginal)} → {Figure.Paths(paper.StaticPathsMultivariant)}",
                    paper.Entropy.ToString("0.00", CultureInfo.InvariantCulture), "", Figure.Count(paper.MedianTraceLength), Figure.Count(paper.ChoicesPerRun), Figure.Time(paper.OriginalMicroseconds * 1e3),
                    [.. report.Policies.Select(policy => policy.Name == LinkRecipe.MeweStyle ? $"{Figure.Ratio(paper.Slowdown)}×" : "")]);
            }
        }

        Add($"</table></div>\n<p class=\"note\">Trace: function entries in a run, the median. Choices: calls of functions with variants in a run, the median. E, R, trace and choices with <code>{report.Policies[0].Name}</code>. From <i>original</i> on: time of a run, and how many times as long it takes.</p>\n");
        foreach (var note in report.Notes)
        {
            Add($"<p class=\"note\">Note: {Text(note)}</p>\n");
        }
    }

    private static string Or<T>(T? value, Func<T, string> text)
        where T : class => value is null ? "–" : text(value);

    private void Row(string style, string name, string functions, string dispatchers, string variants, string paths, string entropy, string unique, string length, string choices, string time,
        IReadOnlyList<string> slowdowns)
    {
        Add($"<tr class=\"{style}\">");
        foreach (var cell in (string[])[name, functions, dispatchers, variants, paths, entropy, unique, length, choices, time, .. slowdowns])
        {
            Add($"<td>{Text(cell)}</td>");
        }

        Add($"</tr>\n");
    }

    private void Distributions()
    {
        var pictures = string.Concat(report.Endpoints.Select(endpoint => charts.Ratios(endpoint) is { Length: > 0 } picture ? $"<h3>{Text(endpoint.Name)}</h3>\n<figure>{picture}</figure>\n" : ""));
        if (pictures.Length > 0)
        {
            Add($"<h2>Rounds</h2>\n<p class=\"note\">Each speck is one of {report.Rounds} rounds: the time of a form by the original's in the same round. The box spans the quartiles, the bar is the median, the line goes from 5 % to 95 %; what is beyond the axis stands at its end.</p>\n{charts.Legend(paper: false)}{pictures}");
        }
    }

    private string DiversityLegend() => "<p class=\"legend\"><span><i class=\"key square entropy\"></i>E</span><span><i class=\"key square unique\"></i>R</span>"
        + (HasPaper ? "<span><i class=\"key outline\"></i>E of MEWE, in the paper</span>" : "") + "</p>\n";

    private void Section(string title, string caption, string picture)
    {
        if (picture.Contains("<svg", StringComparison.Ordinal))
        {
            Add($"<h2>{title}</h2>\n<p class=\"note\">{caption}</p>\n<figure>{picture}</figure>\n");
        }
    }

    private void Details()
    {
        Add($"<h2>In detail</h2>\n");
        foreach (var endpoint in report.Endpoints)
        {
            Add($"<details><summary>{Text(endpoint.Name)}</summary>\n<p class=\"note\">{Text(endpoint.File)}, a {endpoint.Form}. {endpoint.Dispatchers} of {endpoint.Functions} functions have variants: {endpoint.Variants:N0}, {endpoint.Proved:N0} of them proved equal for all inputs, all of them tested.{MachineCode(endpoint.Preservation)}");
            Add($" Static paths: {Grouped(endpoint.OriginalPaths)} in the original, {Grouped(endpoint.MultivariantPaths)} in the multivariant module.</p>\n<div class=\"scroll\"><table>\n<tr><th>form</th><th>bytes</th><th>time of a run</th><th>ratio</th><th>95 % interval</th><th>5 % – 95 % of rounds</th><th>slower in</th><th>p</th><th>E</th><th>R median</th><th>R least</th><th>distinct traces</th><th>trace length</th><th>choices</th></tr>\n");
            foreach (var form in endpoint.Forms.Prepend(endpoint.Original))
            {
                Add($"<tr><td>{form.Policy}</td><td>{form.Bytes:N0}</td>");
                Add(form.Time is { } time
                    ? $"<td>{Figure.Time(time.MedianNanoseconds)}</td><td>{Figure.Ratio(time.Slowdown)}×</td><td>{Figure.Ratio(time.MedianInterval[0])} – {Figure.Ratio(time.MedianInterval[1])}</td><td>{Figure.Ratio(time.RatioQuantiles[1])} – {Figure.Ratio(time.RatioQuantiles[5])}</td><td>{(time.Test is { } test ? string.Create(CultureInfo.InvariantCulture, $"{test.Superiority * 100:0} %") : "")}</td><td>{(time.Test is { } mw ? Text(Figure.Probability(mw.PValue)) : "")}</td>"
                    : $"<td colspan=\"6\">–</td>");
                Add(form.Traces is { } traces
                    ? $"<td>{Figure.Share(traces.Diversity.Entropy)}</td><td>{Figure.Share(traces.Diversity.MedianUniqueRatio)}</td><td>{Figure.Share(traces.Diversity.MinimumUniqueRatio)}</td><td>{traces.Diversity.Distinct:N0} of {traces.Diversity.Traces:N0}</td><td>{Figure.Count(traces.MedianLength)}</td><td>{Figure.Count(traces.MedianChoices)}</td></tr>\n"
                    : $"<td colspan=\"6\">–</td></tr>\n");
            }

            Add($"</table></div></details>\n");
        }
    }

    private static string MachineCode(PreservationTotals preservation) =>
        preservation.Known == 0 ? "" : $" {preservation.Own:N0} of {preservation.Known:N0} have machine code of their own in the engine's optimizing tier ({preservation.Share * 100:0.0} %).";

    /// <summary>A number in full, broken where it is long.</summary>
    private static string Grouped(string digits) => digits.Length <= 24 ? System.Numerics.BigInteger.Parse(digits, CultureInfo.InvariantCulture).ToString("N0", CultureInfo.InvariantCulture)
        : $"{Figure.Digits(digits)} (<details style=\"display:inline;border:0;padding:0\"><summary style=\"display:inline;font-weight:400\">{digits.Length} digits</summary> <code style=\"word-break:break-all\">{digits}</code></details>)";

    private void Method()
    {
        Add($"""
            <h2>How it was measured</h2>
            <dl>
            <dt>engine</dt><dd>{Text(report.Engine)}, {report.Processors} processors</dd>
            <dt>seed</dt><dd>{report.Seed}: with it, variants, choices and traces are the same again; times are not</dd>
            <dt>took</dt><dd>{report.WallSeconds.ToString("0", CultureInfo.InvariantCulture)} s</dd>
            </dl>
            <p>Each service is diversified once; every variant is tested, and proved where it can be. The same variants are then linked with each policy. Every form gave the original's answers on the workload before it was measured.</p>
            <p><b>Traces.</b> A run is the first request of the workload, always the same, so that what differs between traces comes from the choices. A node is an instance with a seed of its own that answers
            {report.Runs} requests one after the other; of a command, every run is an instance of its own. A copy of the module hashes the sequence of functions and variants that each request enters, in 128 bits.
            Functions without variants belong to the trace. Policies but the first are traced on a quarter of the nodes, and the original
            in a few runs: where its E is above 0, the service itself behaves differently from run to run.</p>
            <p><b>Times.</b> In one process the original and all forms take turns, {report.Rounds} rounds that count. A turn repeats the run until it lasts long enough to be timed well; a reactor's requests come from WebAssembly. A ratio compares a form with the original in the same
            round; the interval holds the median with a confidence of 95 %, whatever the distribution. The test is that of Mann and Whitney, two-sided, on the times
            themselves; <i>slower in</i> says in how many of all pairs of a form's time and an original's time the form's is longer (50 % where there is no difference).</p>
            <p><b>Static paths.</b> From the entry (<code>run</code>, <code>_start</code>, or the exports that the workload calls) to functions that call nothing, in the call graph with cycles collapsed; each dispatcher multiplies the paths through it
            by its choices. A call through a table may reach every function of its type that the module puts into a table or refers to. Within a cycle only the function that is entered counts, so with recursion the number is a lower bound. Every function with variants counts as a dispatcher, as with <code>call</code>; <code>auto</code> binds some calls to variants.</p>
            <p><b>The paper</b> is “Multi-Variant Execution at the Edge” (MTD 2022), tables 1 to 4. <code>{LinkRecipe.MeweStyle}</code> is its way of choosing, a call to the host for every choice, with our variants and on this machine, where the host is in the same process.</p>

            """);
        if (report.Command.Length > 0)
        {
            Add($"<pre>{Text(report.Command)}</pre>\n");
        }
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private void Add(string text) => page.Append(text);
}

using System.Globalization;
using System.Text;
using Mewe.Grains;

namespace Mewe.Client.Output.Evaluation;

/// <summary>The pictures of an evaluation's report. Forms have the colours <c>c0</c>, <c>c1</c>, ... in the order of the report's policies.</summary>
internal sealed class Charts(EvaluationReport report)
{
    private const double Width = 960, Left = 120, Right = 930;

    /// <summary>Median slowdowns on a logarithmic axis, with the paper's beside ours.</summary>
    public string Slowdowns()
    {
        const double rowHeight = 34, top = 30;
        var endpoints = report.Endpoints.Where(endpoint => endpoint.Forms.Any(form => form.Time is not null)).ToList();
        if (endpoints.Count == 0)
        {
            return "";
        }

        var bottom = top + (rowHeight * endpoints.Count);
        var values = endpoints.SelectMany(endpoint => Timed(endpoint).Select(form => form.Time!.Slowdown).Concat(endpoint.Paper is { } paper ? [paper.Slowdown] : []));
        var scale = Scale.Logarithmic(Math.Min(0.9, values.Min() * 0.95), Math.Max(2, values.Max() * 1.15), Left, Right);
        var canvas = new SvgCanvas(Width, bottom + 34, "Slowdown of each service under each policy");
        Axis(canvas, scale, top, bottom, value => $"{Figure.Count(value)}×");
        canvas.Line(scale.At(1), top - 6, scale.At(1), bottom, "reference");
        canvas.Text(scale.At(1), top - 12, "the original", "middle", "small");
        for (var row = 0; row < endpoints.Count; row++)
        {
            var (endpoint, y) = (endpoints[row], top + (rowHeight * (row + 0.5)));
            canvas.Text(Left - 14, y + 4, endpoint.Name, "end", "name");
            canvas.Line(Left, y, Right, y, "row");
            if (endpoint.Paper is { } paper)
            {
                canvas.Diamond(scale.At(paper.Slowdown), y, 7, "paper", $"{endpoint.Name}, MEWE in the paper: {Figure.Ratio(paper.Slowdown)}×");
            }

            var forms = Timed(endpoint).ToList();
            for (var i = 0; i < forms.Count; i++)
            {
                // A little apart, so that equal ones are all seen.
                var form = forms[i];
                canvas.Dot(scale.At(form.Time!.Slowdown), y + ((i - ((forms.Count - 1) / 2.0)) * 4.5), 6, Color(form), $"{endpoint.Name}, {form.Policy}: {Figure.Ratio(form.Time.Slowdown)}×");
            }
        }

        return canvas.ToString();
    }

    /// <summary>The ratios of single rounds: specks, a box from the first to the third quartile, whiskers from 5 % to 95 %.</summary>
    public string Ratios(EndpointReport endpoint)
    {
        const double rowHeight = 26, top = 8;
        var forms = Timed(endpoint).ToList();
        if (forms.Count == 0)
        {
            return "";
        }

        var bottom = top + (rowHeight * forms.Count);
        var low = forms.Min(form => form.Time!.RatioQuantiles[1]);
        var high = forms.Max(form => form.Time!.RatioQuantiles[5]);
        var scale = Scale.Logarithmic(Math.Min(0.95, low * 0.98), Math.Max(1.1, high * 1.03), Left, Right);
        var canvas = new SvgCanvas(Width, bottom + 28, $"Paired ratios of {endpoint.Name}");
        Axis(canvas, scale, top, bottom, value => value.ToString("0.###", CultureInfo.InvariantCulture) + "×");
        canvas.Line(scale.At(1), top, scale.At(1), bottom, "reference");
        for (var row = 0; row < forms.Count; row++)
        {
            var (form, time, y) = (forms[row], forms[row].Time!, top + (rowHeight * (row + 0.5)));
            var q = time.RatioQuantiles;
            canvas.Text(Left - 14, y + 4, form.Policy, "end", "name");
            canvas.Specks(time.Ratios.Select((ratio, i) => (scale.At(ratio), y + Spread(i))), 1.6, $"specks {Color(form)}");
            canvas.Line(scale.At(q[1]), y, scale.At(q[5]), y, "whisker");
            canvas.Bar(scale.At(q[2]), y - 6, Math.Max(2, scale.At(q[4]) - scale.At(q[2])), 12, $"box {Color(form)}",
                $"{form.Policy}: median {Figure.Ratio(q[3])}×, quartiles {Figure.Ratio(q[2])}× and {Figure.Ratio(q[4])}×, 5 % {Figure.Ratio(q[1])}×, 95 % {Figure.Ratio(q[5])}×");
            canvas.Line(scale.At(q[3]), y - 8, scale.At(q[3]), y + 8, "median");
        }

        return canvas.ToString();

        // The same on every drawing, and no pattern to the eye: multiples of the golden ratio.
        static double Spread(int i) => ((i * 0.618034 % 1) - 0.5) * 18;
    }

    /// <summary>E and R of the first policy, and E of the paper.</summary>
    public string Diversity()
    {
        const double rowHeight = 46, top = 12;
        var endpoints = report.Endpoints.Where(endpoint => First(endpoint)?.Traces is not null).ToList();
        if (endpoints.Count == 0)
        {
            return "";
        }

        var bottom = top + (rowHeight * endpoints.Count);
        var scale = Scale.Linear(0, 1, Left, Right - 60);
        var canvas = new SvgCanvas(Width, bottom + 34, "Entropy and unique-trace ratio of each service");
        Axis(canvas, scale, top, bottom, value => value.ToString("0.0", CultureInfo.InvariantCulture));
        for (var row = 0; row < endpoints.Count; row++)
        {
            var (endpoint, y) = (endpoints[row], top + (rowHeight * row));
            var diversity = First(endpoint)!.Traces!.Diversity;
            canvas.Text(Left - 14, y + 26, endpoint.Name, "end", "name");
            Bar(y + 6, diversity.Entropy, "entropy", $"E = {Figure.Share(diversity.Entropy)}");
            Bar(y + 19, diversity.MedianUniqueRatio, "unique", $"R = {Figure.Share(diversity.MedianUniqueRatio)} (median of the nodes; least {Figure.Share(diversity.MinimumUniqueRatio)})");
            if (endpoint.Paper is { } paper)
            {
                Bar(y + 32, paper.Entropy, "paperbar", $"E = {paper.Entropy.ToString("0.00", CultureInfo.InvariantCulture)} in the paper");
            }

            void Bar(double at, double value, string style, string title)
            {
                canvas.Bar(Left, at, scale.At(value) - Left, 9, style, $"{endpoint.Name}: {title}");
                canvas.Text(scale.At(value) + 6, at + 8.5, title.Split(' ')[2], "start", "small");
            }
        }

        return canvas.ToString();
    }

    /// <summary>Bytes of the original and of the first policy's module.</summary>
    public string Sizes()
    {
        const double rowHeight = 38, top = 12;
        var endpoints = report.Endpoints.Where(endpoint => First(endpoint) is not null).ToList();
        if (endpoints.Count == 0)
        {
            return "";
        }

        var bottom = top + (rowHeight * endpoints.Count);
        var scale = Scale.Linear(0, endpoints.Max(endpoint => (double)First(endpoint)!.Bytes) / 1e3, Left, Right - 110);
        var canvas = new SvgCanvas(Width, bottom + 34, "Size of each service");
        Axis(canvas, scale, top, bottom, value => $"{Figure.Count(value)} kB");
        for (var row = 0; row < endpoints.Count; row++)
        {
            var (endpoint, y) = (endpoints[row], top + (rowHeight * row));
            var form = First(endpoint)!;
            canvas.Text(Left - 14, y + 22, endpoint.Name, "end", "name");
            Bar(y + 7, endpoint.Original.Bytes, "original", Figure.Bytes(endpoint.Original.Bytes));
            Bar(y + 20, form.Bytes, Color(form), $"{Figure.Bytes(form.Bytes)}, {Figure.Ratio((double)form.Bytes / endpoint.Original.Bytes)}×");

            void Bar(double at, int bytes, string style, string text)
            {
                canvas.Bar(Left, at, scale.At(bytes / 1e3) - Left, 11, style, $"{endpoint.Name}: {text}");
                canvas.Text(scale.At(bytes / 1e3) + 6, at + 9.5, text, "start", "small");
            }
        }

        return canvas.ToString();
    }

    /// <summary>What the colours mean.</summary>
    public string Legend(bool paper)
    {
        var text = new StringBuilder("<p class=\"legend\">");
        for (var i = 0; i < report.Policies.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"<span><i class=\"key c{i}\"></i>{report.Policies[i].Name}</span>");
        }

        return text.Append(paper ? "<span><i class=\"key diamond\"></i>MEWE, in the paper</span>" : "").Append("</p>\n").ToString();
    }

    private static IEnumerable<FormReport> Timed(EndpointReport endpoint) => endpoint.Forms.Where(form => form.Time is not null);

    /// <summary>The form that is linked with the first policy.</summary>
    private FormReport? First(EndpointReport endpoint) => endpoint.Forms.FirstOrDefault(form => form.Policy == report.Policies[0].Name);

    private string Color(FormReport form) => string.Create(CultureInfo.InvariantCulture, $"c{report.Policies.Select(policy => policy.Name).ToList().IndexOf(form.Policy)}");

    private static void Axis(SvgCanvas canvas, Scale scale, double top, double bottom, Func<double, string> text)
    {
        foreach (var tick in scale.Ticks)
        {
            canvas.Line(scale.At(tick), top, scale.At(tick), bottom, "grid");
            canvas.Text(scale.At(tick), bottom + 18, text(tick), "middle", "small");
        }
    }
}

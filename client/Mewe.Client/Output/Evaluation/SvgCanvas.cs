using System.Globalization;
using System.Net;
using System.Text;

namespace Mewe.Client.Output.Evaluation;

/// <summary>Draws a picture as an <c>svg</c> element of a page; colours come from classes of the page's style, so that they follow its light or dark scheme.</summary>
internal sealed class SvgCanvas(double width, double height, string label)
{
    private readonly StringBuilder content = new();

    public void Line(double x1, double y1, double x2, double y2, string style) => Element($"<line x1=\"{x1:0.##}\" y1=\"{y1:0.##}\" x2=\"{x2:0.##}\" y2=\"{y2:0.##}\" class=\"{style}\"/>");

    public void Bar(double x, double y, double barWidth, double barHeight, string style, string title) =>
        Element($"<rect x=\"{x:0.##}\" y=\"{y:0.##}\" width=\"{Math.Max(0, barWidth):0.##}\" height=\"{barHeight:0.##}\" rx=\"2\" class=\"{style}\"><title>{Escape(title)}</title></rect>");

    public void Dot(double x, double y, double radius, string style, string title) =>
        Element($"<circle cx=\"{x:0.##}\" cy=\"{y:0.##}\" r=\"{radius:0.##}\" class=\"{style}\"><title>{Escape(title)}</title></circle>");

    /// <summary>Many small dots without titles.</summary>
    public void Specks(IEnumerable<(double X, double Y)> places, double radius, string style)
    {
        content.Append(CultureInfo.InvariantCulture, $"<g class=\"{style}\">");
        foreach (var (x, y) in places)
        {
            Element($"<circle cx=\"{x:0.#}\" cy=\"{y:0.#}\" r=\"{radius:0.##}\"/>");
        }

        content.Append("</g>");
    }

    /// <summary>A square on its corner: what the paper reports.</summary>
    public void Diamond(double x, double y, double radius, string style, string title) =>
        Element($"<path d=\"M{x:0.##} {y - radius:0.##}L{x + radius:0.##} {y:0.##}L{x:0.##} {y + radius:0.##}L{x - radius:0.##} {y:0.##}Z\" class=\"{style}\"><title>{Escape(title)}</title></path>");

    /// <param name="anchor"><c>start</c>, <c>middle</c> or <c>end</c>.</param>
    public void Text(double x, double y, string text, string anchor, string style) =>
        Element($"<text x=\"{x:0.##}\" y=\"{y:0.##}\" text-anchor=\"{anchor}\" class=\"{style}\">{Escape(text)}</text>");

    public override string ToString() => FormattableString.Invariant(
        $"<svg viewBox=\"0 0 {width:0.##} {height:0.##}\" role=\"img\" aria-label=\"{Escape(label)}\">{content}</svg>\n");

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    private void Element(FormattableString element) => content.Append(element.ToString(CultureInfo.InvariantCulture));
}

/// <summary>From values to places on a line.</summary>
internal sealed class Scale
{
    private readonly double low, high, from, to;
    private readonly bool isLogarithmic;

    private Scale(double low, double high, double from, double to, bool isLogarithmic)
    {
        (this.low, this.high, this.from, this.to, this.isLogarithmic) = isLogarithmic
            ? (Math.Log(low), Math.Log(high), from, to, true)
            : (low, high, from, to, false);
        Ticks = isLogarithmic ? LogarithmicTicks(low, high) : LinearTicks(low, high);
    }

    /// <summary>Values to mark.</summary>
    public IReadOnlyList<double> Ticks { get; }

    public static Scale Linear(double low, double high, double from, double to) => new(low, high, from, to, isLogarithmic: false);

    /// <param name="low">Above 0.</param>
    public static Scale Logarithmic(double low, double high, double from, double to) => new(low, Math.Max(high, low * 1.02), from, to, isLogarithmic: true);

    /// <summary>Where a value is; values outside are at the end of the line.</summary>
    public double At(double value) => from + ((to - from) * Math.Clamp(((isLogarithmic ? Math.Log(value) : value) - low) / (high - low), 0, 1));

    private static List<double> LinearTicks(double low, double high)
    {
        var step = Math.Pow(10, Math.Floor(Math.Log10((high - low) / 2)));
        step *= (high - low) / step > 10 ? 5 : (high - low) / step > 5 ? 2 : 1;
        return [.. Multiples(low, high, step)];
    }

    private static List<double> LogarithmicTicks(double low, double high)
    {
        if (high / low < 4)
        {
            return LinearTicks(low, high);
        }

        double[] mantissas = high / low < 12 ? [1, 1.5, 2, 3, 5, 7] : high / low < 200 ? [1, 2, 5] : [1];
        var ticks = new List<double>();
        for (var decade = Math.Pow(10, Math.Floor(Math.Log10(low))); decade <= high; decade *= 10)
        {
            ticks.AddRange(mantissas.Select(mantissa => mantissa * decade).Where(tick => tick >= low * 0.999 && tick <= high * 1.001));
        }

        return ticks;
    }

    private static IEnumerable<double> Multiples(double low, double high, double step)
    {
        for (var multiple = Math.Ceiling((low / step) - 1e-9); multiple * step <= high * (1 + 1e-9); multiple++)
        {
            yield return (multiple * step) + 0.0; // no negative zero
        }
    }
}

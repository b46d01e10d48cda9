using System.Globalization;
using System.Net;
using System.Text;

namespace OpenAutoGlm.Cli.Load.Results;

/// <summary>
/// A sweep as an SVG: time to first token, time per further token, and rates, each over the load that was asked for.
/// Solid lines are medians, dashed ones 99th percentiles. Colours follow the reader's light or dark page, and print black
/// on white.
/// </summary>
static class LoadPicture
{
    const int Width = 960;
    const int PanelHeight = 250;
    const int Left = 80;
    const int Right = 740;
    const int Top = 40;
    const int Bottom = 195;

    const string Style = """
        <style>
          svg { color-scheme: light dark; background: #fff; }
          text { fill: #222; } .soft { fill: #666; } .grid { stroke: #e4e4e4; } .axis { stroke: #888; } .page { fill: #fff; }
          .t0 { stroke: #0b62a4; } .t1 { stroke: #c2500a; } .d0 { fill: #0b62a4; } .d1 { fill: #c2500a; } .ideal { stroke: #888; }
          .p99 { stroke-dasharray: 6 4; } .good { stroke-dasharray: 2 3; } polyline { fill: none; stroke-width: 2; }
          @media screen and (prefers-color-scheme: dark) {
            svg { background: #14171a; } .page { fill: #14171a; } text { fill: #e6e6e6; } .soft { fill: #a0a0a0; } .grid { stroke: #30363c; }
            .t0 { stroke: #5cb0f0; } .t1 { stroke: #f59a55; } .d0 { fill: #5cb0f0; } .d1 { fill: #f59a55; }
          }
        </style>
        """;

    /// <summary>One line of a panel.</summary>
    sealed record Series(string Name, string Classes, int Target, (double X, double Y)[] Points);

    public static string Svg(LoadReport report)
    {
        string axis = report.Results.Count > 0 ? report.Results[0].Point.Axis : "";
        bool asked = axis.StartsWith("requests per second", StringComparison.Ordinal);
        StringBuilder svg = new();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {(3 * PanelHeight) + 40}\" font-family=\"sans-serif\" font-size=\"13\">\n{Style}\n");
        svg.Append("<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n");
        Text(svg, Left, 22, report.Load, "font-size=\"14\" font-weight=\"bold\"");
        Panel(svg, report, 0, "time to first token, ms", axis, Lines(report, "p50", "", result => result.FirstToken?.P50 * 1e3), Lines(report, "p99", "p99", result => result.FirstToken?.P99 * 1e3));
        Panel(svg, report, 1, "time per further token, ms", axis, Lines(report, "p50", "", result => result.PerOutputToken?.P50 * 1e3), Lines(report, "p99", "p99", result => result.PerOutputToken?.P99 * 1e3));
        Panel(
            svg,
            report,
            2,
            "requests per second",
            axis,
            asked ? [new Series("asked for", "ideal", -1, [.. report.Results.Select(result => (result.Point.Value, result.Point.Value)).Distinct().Order()])] : [],
            Lines(report, "done", "", result => result.RequestsPerSecond),
            report.Objectives.Any ? Lines(report, "good", "good", result => result.GoodPerSecond) : []);
        return svg.Append("</svg>\n").ToString();
    }

    static Series[] Lines(LoadReport report, string name, string classes, Func<PointResult, double?> of) =>
    [
        .. report.Targets.Select((target, index) => new Series(
            report.Targets.Count > 1 ? $"{name}, {target.Target}" : name,
            $"{classes} t{index}".Trim(),
            index,
            [.. report.Results.Where(result => result.Target == target.Target && of(result) is not null).Select(result => (result.Point.Value, of(result)!.Value)).Order()])),
    ];

    static void Panel(StringBuilder svg, LoadReport report, int place, string title, string axis, params ReadOnlySpan<Series[]> groups)
    {
        List<Series> series = [];
        foreach (Series[] group in groups)
        {
            series.AddRange(group.Where(one => one.Points.Length > 0));
        }

        double most = series.SelectMany(one => one.Points).Select(point => point.Y).DefaultIfEmpty(1).Max();
        double step = Step(most > 0 ? most : 1);
        double top = Math.Max(step, Math.Ceiling(most / step) * step);
        double[] values = [.. report.Results.Select(result => result.Point.Value).Distinct().Order()];
        double far = values.Length > 0 ? values[^1] : 1;
        double X(double value) => Left + ((Right - Left) * (far > 0 ? value / far : 0));
        double Y(double value) => Bottom - ((Bottom - Top) * value / top);

        svg.Append(CultureInfo.InvariantCulture, $"<g transform=\"translate(0 {30 + (place * PanelHeight)})\">\n");
        Text(svg, Left, Top - 12, title, "font-weight=\"bold\"");
        for (double value = 0; value <= top * 1.001; value += step)
        {
            Line(svg, Left, Y(value), Right, Y(value), value == 0 ? "axis" : "grid");
            Text(svg, Left - 8, Y(value) + 4, Number(value), "class=\"soft\" text-anchor=\"end\"");
        }

        double last = double.NegativeInfinity;
        foreach (double value in values)
        {
            Line(svg, X(value), Bottom, X(value), Bottom + 4, "axis");
            if (X(value) - last > 34)
            {
                Text(svg, last = X(value), Bottom + 18, Number(value), "class=\"soft\" text-anchor=\"middle\"");
            }
        }

        Text(svg, Right, Bottom + 36, axis, "class=\"soft\" text-anchor=\"end\"");
        for (int i = 0; i < series.Count; i++)
        {
            Draw(svg, series[i], X, Y);
            Line(svg, Right + 20, Top + 4 + (i * 20), Right + 48, Top + 4 + (i * 20), series[i].Classes, "stroke-width=\"2\"");
            Text(svg, Right + 56, Top + 8 + (i * 20), series[i].Name, "");
        }

        svg.Append("</g>\n");
    }

    static void Draw(StringBuilder svg, Series series, Func<double, double> x, Func<double, double> y)
    {
        string points = string.Join(' ', series.Points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{x(point.X):0.0},{y(point.Y):0.0}")));
        svg.Append(CultureInfo.InvariantCulture, $"<polyline class=\"{series.Classes}\" points=\"{points}\"/>\n");
        foreach ((double px, double py) in series.Target < 0 ? [] : series.Points)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<circle class=\"d{series.Target}\" cx=\"{x(px):0.0}\" cy=\"{y(py):0.0}\" r=\"3.5\"><title>{WebUtility.HtmlEncode(series.Name)}: {Number(py)}</title></circle>\n");
        }
    }

    /// <summary>1, 2 or 5 times a power of ten, so that four to ten lines fit.</summary>
    static double Step(double most)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(most / 4)));
        return (most / 4 / power) switch { >= 5 => 5 * power, >= 2 => 2 * power, _ => power };
    }

    static string Number(double value) => value.ToString(Math.Abs(value) >= 100 ? "0" : "0.###", CultureInfo.InvariantCulture);

    static void Line(StringBuilder svg, double x1, double y1, double x2, double y2, string classes, string more = "") =>
        svg.Append(CultureInfo.InvariantCulture, $"<line class=\"{classes}\" x1=\"{x1:0.0}\" y1=\"{y1:0.0}\" x2=\"{x2:0.0}\" y2=\"{y2:0.0}\" {more}/>\n");

    static void Text(StringBuilder svg, double x, double y, string text, string attributes) =>
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:0.0}\" y=\"{y:0.0}\" {attributes}>{WebUtility.HtmlEncode(text)}</text>\n");
}

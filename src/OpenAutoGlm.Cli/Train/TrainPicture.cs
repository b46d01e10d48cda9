using System.Globalization;
using System.Net;
using System.Text;
using OpenAutoGlm.Optimization.Training;

namespace OpenAutoGlm.Cli.Train;

/// <summary>
/// A run as one HTML page without anything from elsewhere: loss, learning rate and gradient over the steps. Colours follow
/// the reader's light or dark page, and print black on white.
/// </summary>
static class TrainPicture
{
    const int Width = 960;
    const int PanelHeight = 250;
    const int Left = 80;
    const int Right = 780;
    const int Top = 40;
    const int Bottom = 195;
    const int MostPoints = 700;

    const string Style = """
        <style>
          :root { color-scheme: light dark; }
          body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; font: 15px/1.5 sans-serif; background: #fff; color: #222; }
          h1 { font-size: 1.3rem; } table { border-collapse: collapse; } td { padding: 0.1rem 1.2rem 0.1rem 0; } td:first-child { color: #666; }
          svg { width: 100%; height: auto; } pre { overflow-x: auto; padding: 0.8rem; border: 1px solid #e4e4e4; }
          text { fill: #222; } .soft { fill: #666; } .grid { stroke: #e4e4e4; } .axis { stroke: #888; }
          .t0 { stroke: #0b62a4; } .t1 { stroke: #c2500a; } .faint { stroke: #0b62a4; opacity: 0.3; } .d1 { fill: #c2500a; }
          polyline { fill: none; stroke-width: 2; } .faint { stroke-width: 1; }
          @media screen and (prefers-color-scheme: dark) {
            body { background: #14171a; color: #e6e6e6; } td:first-child { color: #a0a0a0; } pre { border-color: #30363c; }
            text { fill: #e6e6e6; } .soft { fill: #a0a0a0; } .grid { stroke: #30363c; }
            .t0 { stroke: #5cb0f0; } .t1 { stroke: #f59a55; } .faint { stroke: #5cb0f0; } .d1 { fill: #f59a55; }
          }
        </style>
        """;

    sealed record Series(string Name, string Classes, bool Dots, (double X, double Y)[] Points);

    /// <summary>The page.</summary>
    /// <param name="title">What was trained.</param>
    /// <param name="facts">Names and values for the table.</param>
    /// <param name="records">The steps.</param>
    /// <param name="recipe">The recipe as JSON.</param>
    public static string Html(string title, IEnumerable<(string Name, string Value)> facts, IReadOnlyList<TrainingRecord> records, string recipe)
    {
        StringBuilder page = new();
        page.Append(CultureInfo.InvariantCulture, $"<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{WebUtility.HtmlEncode(title)}</title>\n{Style}\n</head>\n<body>\n");
        page.Append(CultureInfo.InvariantCulture, $"<main>\n<h1>{WebUtility.HtmlEncode(title)}</h1>\n<table>\n");
        foreach ((string name, string value) in facts)
        {
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{WebUtility.HtmlEncode(name)}</td><td>{WebUtility.HtmlEncode(value)}</td></tr>\n");
        }

        page.Append("</table>\n").Append(Svg(records));
        page.Append(CultureInfo.InvariantCulture, $"<h2>Recipe</h2>\n<pre>{WebUtility.HtmlEncode(recipe)}</pre>\n</main>\n</body>\n</html>\n");
        return page.ToString();
    }

    static string Svg(IReadOnlyList<TrainingRecord> records)
    {
        StringBuilder svg = new();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {(3 * PanelHeight) + 10}\" font-family=\"sans-serif\" font-size=\"13\" role=\"img\" aria-label=\"Loss, learning rate and gradient over the steps of the run\">\n");
        Panel(
            svg,
            0,
            "loss, nats per token",
            fromZero: false,
            new Series("each step", "faint", false, Points(records, record => record.Loss)),
            new Series("smoothed", "t0", false, Thin(Smooth(records))),
            new Series("validation", "t1", true, [.. records.Where(record => record.ValidationLoss is not null).Select(record => ((double)record.Step, record.ValidationLoss!.Value))]));
        Panel(svg, 1, "learning rate", fromZero: true, new Series("learning rate", "t0", false, Points(records, record => record.LearningRate)));
        Panel(svg, 2, "length of the gradient, before clipping", fromZero: true, new Series("gradient", "t0", false, Points(records, record => record.GradientNorm)));
        return svg.Append("</svg>\n").ToString();
    }

    static (double X, double Y)[] Points(IReadOnlyList<TrainingRecord> records, Func<TrainingRecord, double> of) =>
        Thin([.. records.Select(record => ((double)record.Step, of(record))).Where(point => double.IsFinite(point.Item2))]);

    /// <summary>No more points than the page has pixels.</summary>
    static (double X, double Y)[] Thin((double X, double Y)[] points) =>
        points.Length <= MostPoints ? points : [.. Enumerable.Range(0, MostPoints).Select(i => points[(int)((long)i * (points.Length - 1) / (MostPoints - 1))])];

    /// <summary>An average that forgets over a fiftieth of the run.</summary>
    static (double X, double Y)[] Smooth(IReadOnlyList<TrainingRecord> records)
    {
        double stay = 1 - (1 / Math.Max(1, records.Count / 50.0));
        (double sum, double weight) = (0, 0);
        List<(double, double)> points = [];
        foreach (TrainingRecord record in records.Where(record => double.IsFinite(record.Loss)))
        {
            (sum, weight) = ((sum * stay) + record.Loss, (weight * stay) + 1);
            points.Add((record.Step, sum / weight));
        }

        return [.. points];
    }

    static void Panel(StringBuilder svg, int place, string title, bool fromZero, params Series[] all)
    {
        Series[] series = [.. all.Where(one => one.Points.Length > 0)];
        double[] values = [.. series.SelectMany(one => one.Points).Select(point => point.Y)];
        (double least, double most) = values.Length > 0 ? (fromZero ? 0 : values.Min(), values.Max()) : (0, 1);
        double step = Step(most > least ? most - least : Math.Max(1e-12, Math.Abs(most)));
        double bottom = Math.Floor(least / step) * step;
        double top = Math.Max(bottom + step, Math.Ceiling(most / step) * step);
        double far = Math.Max(1, series.SelectMany(one => one.Points).Select(point => point.X).DefaultIfEmpty(1).Max());
        double X(double value) => Left + ((Right - Left) * value / far);
        double Y(double value) => Bottom - ((Bottom - Top) * (value - bottom) / (top - bottom));

        svg.Append(CultureInfo.InvariantCulture, $"<g transform=\"translate(0 {place * PanelHeight})\">\n");
        Text(svg, Left, Top - 12, title, "font-weight=\"bold\"");
        for (int i = 0; bottom + (i * step) <= top + (step * 0.001); i++)
        {
            double value = bottom + (i * step);
            Line(svg, Left, Y(value), Right, Y(value), i == 0 ? "axis" : "grid");
            Text(svg, Left - 8, Y(value) + 4, Number(value), "class=\"soft\" text-anchor=\"end\"");
        }

        double across = Math.Max(1, Step(far));
        for (double value = 0; value <= far; value += across)
        {
            Line(svg, X(value), Bottom, X(value), Bottom + 4, "axis");
            Text(svg, X(value), Bottom + 18, Number(value), "class=\"soft\" text-anchor=\"middle\"");
        }

        Text(svg, Right, Bottom + 36, "step", "class=\"soft\" text-anchor=\"end\"");
        for (int i = 0; i < series.Length; i++)
        {
            string points = string.Join(' ', series[i].Points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{X(point.X):0.0},{Y(point.Y):0.0}")));
            svg.Append(CultureInfo.InvariantCulture, $"<polyline class=\"{series[i].Classes}\" points=\"{points}\"/>\n");
            foreach ((double x, double y) in series[i].Dots ? series[i].Points : [])
            {
                svg.Append(CultureInfo.InvariantCulture, $"<circle class=\"d1\" cx=\"{X(x):0.0}\" cy=\"{Y(y):0.0}\" r=\"3\"><title>step {x:0}: {Number(y)}</title></circle>\n");
            }

            Line(svg, Right + 20, Top + 4 + (i * 20), Right + 48, Top + 4 + (i * 20), series[i].Classes, "stroke-width=\"2\"");
            Text(svg, Right + 56, Top + 8 + (i * 20), series[i].Name, "");
        }

        svg.Append("</g>\n");
    }

    /// <summary>1, 2 or 5 times a power of ten, so that four to ten lines fit.</summary>
    static double Step(double most)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(most / 4)));
        return (most / 4 / power) switch { >= 5 => 5 * power, >= 2 => 2 * power, _ => power };
    }

    static string Number(double value) => Math.Abs(value) < 1e-12 ? "0" : value.ToString(Math.Abs(value) >= 100 ? "0" : Math.Abs(value) < 0.01 ? "0.##e-0" : "0.####", CultureInfo.InvariantCulture);

    static void Line(StringBuilder svg, double x1, double y1, double x2, double y2, string classes, string more = "") =>
        svg.Append(CultureInfo.InvariantCulture, $"<line class=\"{classes}\" x1=\"{x1:0.0}\" y1=\"{y1:0.0}\" x2=\"{x2:0.0}\" y2=\"{y2:0.0}\" {more}/>\n");

    static void Text(StringBuilder svg, double x, double y, string text, string attributes) =>
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:0.0}\" y=\"{y:0.0}\" {attributes}>{WebUtility.HtmlEncode(text)}</text>\n");
}

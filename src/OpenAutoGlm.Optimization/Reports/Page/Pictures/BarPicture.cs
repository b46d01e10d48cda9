namespace OpenAutoGlm.Optimization.Reports.Page.Pictures;

/// <summary>One bar.</summary>
/// <param name="Label">What it stands for.</param>
/// <param name="Value">Its length.</param>
/// <param name="Error">Standard error of it; null for none.</param>
/// <param name="Shown">The number at its end.</param>
/// <param name="Colour">The class of its colour.</param>
/// <param name="Note">A short word in it; empty for none.</param>
readonly record struct Bar(string Label, double Value, double? Error, Figure Shown, string Colour, string Note);

/// <summary>Bars from left to right, one below another.</summary>
static class BarPicture
{
    const double Left = 172;
    const double Right = 660;
    const double Width = 760;
    const double RowHeight = 23;

    public static Markup Of(string title, string description, IReadOnlyList<Bar> bars)
    {
        double most = bars.Select(bar => bar.Value + (2 * (bar.Error ?? 0))).Where(double.IsFinite).DefaultIfEmpty(1).Max();
        double X(double value) => Left + (double.IsFinite(value) && most > 0 ? Math.Clamp(value / most, 0, 1) * (Right - Left) : 0);
        Markup body = new();
        for (int i = 0; i < bars.Count; i++)
        {
            Bar bar = bars[i];
            double top = i * RowHeight;
            double middle = top + (RowHeight / 2);
            double length = Math.Max(1, X(bar.Value) - Left);
            body.Add(Svg.Text(Left - 10, middle + 4, "label end", bar.Label));
            body.Add($"<g class=\"cell {bar.Colour}\"><rect x=\"{Left}\" y=\"{top + 3.5:0.##}\" width=\"{length:0.##}\" height=\"{RowHeight - 7:0.##}\" rx=\"3\"/>");
            if (bar.Note.Length > 0 && length > 60)
            {
                body.Add($"<text x=\"{Left + 8}\" y=\"{middle + 4:0.##}\">{bar.Note}</text>");
            }

            body.Add($"</g>\n");
            double end = X(bar.Value);
            if (bar.Error is { } error && error > 0)
            {
                double from = X(bar.Value - (2 * error));
                end = X(bar.Value + (2 * error));
                body.Add(Svg.Line(from, middle, end, middle, "whisker")).Add(Svg.Line(from, middle - 3, from, middle + 3, "whisker")).Add(Svg.Line(end, middle - 3, end, middle + 3, "whisker"));
            }

            body.Add(Svg.Text(end + 9, middle + 4, "amount", bar.Shown.Text));
        }

        return Svg.Of(title, description, Width, bars.Count * RowHeight, "wide", body);
    }
}

namespace OpenAutoGlm.Optimization.Reports.Page.Pictures;

/// <summary>Little pictures in the cells of tables. The numbers stand beside them, so they are hidden from those who listen.</summary>
static class SmallBars
{
    const double Width = 150;

    /// <summary>Two bars with one scale: before above, after below.</summary>
    public static Markup Pair(double before, double after)
    {
        double most = Math.Max(Math.Abs(before), Math.Abs(after));
        return Frame(20, Markup.Of($"<rect class=\"before\" width=\"{Length(before, most):0.#}\" y=\"2\" height=\"7\" rx=\"2\"/><rect class=\"after\" width=\"{Length(after, most):0.#}\" y=\"11\" height=\"7\" rx=\"2\"/>"));
    }

    /// <summary>A bar for a share of the most.</summary>
    public static Markup One(double value, double most, bool quiet = false) =>
        Frame(12, Markup.Of($"<rect class=\"{(quiet ? "before" : "after")}\" width=\"{Length(value, most):0.#}\" y=\"2\" height=\"8\" rx=\"2\"/>"));

    /// <summary>Two numbers with two standard errors to each side: before above, after below.</summary>
    public static Markup Intervals((double? Mean, double? Error) before, (double? Mean, double? Error) after, double least, double most)
    {
        Markup body = new();
        Interval(body, before, "before", 6);
        Interval(body, after, "after", 15);
        return Frame(21, body);

        void Interval(Markup into, (double? Mean, double? Error) one, string kind, double y)
        {
            if (one.Mean is not { } mean || !double.IsFinite(mean) || most <= least)
            {
                return;
            }

            double error = one.Error is { } known && double.IsFinite(known) ? 2 * known : 0;
            into.Add($"<line class=\"{kind}\" x1=\"{X(mean - error):0.#}\" x2=\"{X(mean + error):0.#}\" y1=\"{y}\" y2=\"{y}\"/><circle class=\"{kind}\" cx=\"{X(mean):0.#}\" cy=\"{y}\" r=\"3.2\"/>");
        }

        double X(double value) => 4 + (Math.Clamp((value - least) / (most - least), 0, 1) * (Width - 8));
    }

    static double Length(double value, double most) => most > 0 && double.IsFinite(value) ? Math.Max(1, Math.Clamp(Math.Abs(value) / most, 0, 1) * Width) : 0;

    static Markup Frame(double height, Markup body) => Markup.Of($"<svg class=\"small\" viewBox=\"0 0 {Width} {height}\" width=\"{Width}\" height=\"{height}\" aria-hidden=\"true\">{body}</svg>");
}

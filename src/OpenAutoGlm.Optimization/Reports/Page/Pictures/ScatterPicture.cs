using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Reports.Page.Pictures;

/// <summary>Candidates by something that should be small, and by their loss, which should be small too.</summary>
static class ScatterPicture
{
    const double Width = 440;
    const double Height = 330;
    const double Left = 62;
    const double Right = 416;
    const double Top = 30;
    const double Bottom = 282;
    const double Near = 3; // points that are so near are one to the eye

    public static Markup Of(string title, string along, ReportUnit unit, ImmutableArray<Candidate> candidates, Func<Candidate, double?> of)
    {
        (Candidate One, double X, double Loss)[] points = [.. candidates.Where(one => of(one) > 0 && one.Loss is not null).Select(one => (one, of(one)!.Value, one.Loss!.Value)).OrderBy(point => point.Item2)];
        LogAxis x = LogAxis.Around(points.Select(point => point.X), Left, Right);
        LogAxis y = LogAxis.Around(points.Select(point => point.Loss), Bottom, Top);
        Markup body = new();
        foreach (double tick in x.Ticks(binary: unit == ReportUnit.Bytes))
        {
            body.Add(Svg.Line(x.At(tick), Top, x.At(tick), Bottom, "grid")).Add(Svg.Text(x.At(tick), Bottom + 17, "tick middle", new Figure(tick, unit).Short));
        }

        foreach (double tick in y.Ticks())
        {
            body.Add(Svg.Line(Left, y.At(tick), Right, y.At(tick), "grid")).Add(Svg.Text(Left - 7, y.At(tick) + 4, "tick end", new Figure(tick).Short));
        }

        body.Add(Svg.Line(Left, Bottom, Right, Bottom, "axis")).Add(Svg.Text((Left + Right) / 2, Height - 8, "label middle", along)).Add(Svg.Text(4, 14, "label", "KL, nats per token"));
        Front(body, points, x, y);
        LabelPlaces places = new(Left, Right + 10, Top - 14, Bottom);
        foreach ((Candidate one, double at, double loss) in points)
        {
            places.Keep(x.At(at), y.At(loss), Radius(one.Kind));
        }

        foreach ((Candidate one, double at, double loss) in points.OrderBy(point => Order(point.One.Kind)))
        {
            (double cx, double cy) = (x.At(at), y.At(loss));
            if (one.MeanKl > 0 && one.MeanKlError is { } error && error > 0)
            {
                body.Add(Svg.Line(cx, y.At(Math.Max(loss - (2 * error), y.Least)), cx, y.At(loss + (2 * error)), "whisker"));
            }

            string tip = $"{one.Name}: {new Figure(at, unit).Text}, {new Figure(loss, ReportUnit.Nats).Text}{(one.MeanKl is null ? " predicted" : "")}";
            body.Add($"<g><title>{tip}</title>{Mark(one.Kind, cx, cy)}</g>\n");
        }

        // What was chosen has its name first; where several stand on one place, one name stands for all.
        foreach (IGrouping<(CandidateKind Kind, double, double), Candidate> place in points
            .Where(point => point.One.Kind != CandidateKind.Searched)
            .OrderByDescending(point => Order(point.One.Kind))
            .GroupBy(point => (point.One.Kind, Math.Round(x.At(point.X) / Near), Math.Round(y.At(point.Loss) / Near)), point => point.One))
        {
            Candidate one = place.First();
            (double cx, double cy) = (x.At(of(one)!.Value), y.At(one.Loss!.Value));
            string name = one.Name.Replace(" everywhere", "", StringComparison.Ordinal) + (place.Count() > 1 ? $" +{place.Count() - 1}" : "");
            if (places.PlaceIfFree(cx, cy, Radius(one.Kind), name) is (double labelX, double labelY, string anchor))
            {
                body.Add(Svg.Text(labelX, labelY, one.Kind == CandidateKind.Chosen ? $"strong {anchor}" : $"name {anchor}", name));
            }
        }

        return Svg.Of(title, $"{along} along, loss up, both logarithmic.", Width, Height, "panel", body);
    }

    /// <summary>The sign of a kind for the legend.</summary>
    public static Markup Key(string kind) => Markup.Of($"<svg class=\"key\" viewBox=\"0 0 16 16\" aria-hidden=\"true\">{Mark(Enum.Parse<CandidateKind>(kind, ignoreCase: true), 8, 8)}</svg>");

    static Markup Mark(CandidateKind kind, double x, double y) => kind switch
    {
        CandidateKind.Chosen => Markup.Of($"<circle class=\"halo\" cx=\"{x:0.#}\" cy=\"{y:0.#}\" r=\"7.5\"/><circle class=\"mark-chosen\" cx=\"{x:0.#}\" cy=\"{y:0.#}\" r=\"5\"/>"),
        CandidateKind.Uniform => Markup.Of($"<rect class=\"mark-uniform\" x=\"{x - 4.5:0.#}\" y=\"{y - 4.5:0.#}\" width=\"9\" height=\"9\" rx=\"1.5\"/>"),
        CandidateKind.Mix => Markup.Of($"<path class=\"mark-mix\" d=\"M{x:0.#} {y - 6:0.#}l6 6l-6 6l-6 -6z\"/>"),
        CandidateKind.Original => Markup.Of($"<circle class=\"mark-original\" cx=\"{x:0.#}\" cy=\"{y:0.#}\" r=\"5\"/>"),
        _ => Markup.Of($"<circle class=\"mark-searched\" cx=\"{x:0.#}\" cy=\"{y:0.#}\" r=\"3.4\"/>"),
    };

    static double Radius(CandidateKind kind) => kind == CandidateKind.Chosen ? 8 : kind == CandidateKind.Searched ? 4 : 5.5;

    static int Order(CandidateKind kind) => kind switch { CandidateKind.Searched => 0, CandidateKind.Mix => 1, CandidateKind.Uniform => 2, CandidateKind.Original => 3, _ => 4 };

    static void Front(Markup body, (Candidate One, double X, double Loss)[] points, LogAxis x, LogAxis y)
    {
        double best = double.PositiveInfinity;
        Markup path = new();
        double last = 0;
        foreach ((_, double at, double loss) in points)
        {
            if (loss >= best)
            {
                continue;
            }

            _ = double.IsInfinity(best) ? path.Add($"M{x.At(at):0.#} {y.At(loss):0.#}") : path.Add($"L{x.At(at):0.#} {last:0.#}L{x.At(at):0.#} {y.At(loss):0.#}");
            last = y.At(loss);
            best = loss;
        }

        body.Add($"<path class=\"front\" d=\"{path}\"/>\n");
    }
}

using OpenAutoGlm.Optimization.Analysis;
using OpenAutoGlm.Optimization.Reports.Page.Pictures;

namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>Where the time goes, and what the machine would allow.</summary>
static class TimePart
{
    public static Section? Of(OptimizationReport report)
    {
        if ((report.ResultAnalysis ?? report.Analysis) is not { Runs.IsEmpty: false } analysis)
        {
            return null;
        }

        Markup pictures = new();
        Markup tables = new();
        List<string> kinds = [];
        foreach (AnalysedRun run in analysis.Runs)
        {
            pictures.Add(RooflinePicture.Of(run, analysis.Machine));
            kinds.AddRange(run.Operators.Select(one => RooflinePicture.Kind(one.Operator)));
            tables.Add(TableOf(run));
        }

        return new Section(
            "time",
            "Where the time goes",
            $"Operators of the {(report.ResultAnalysis is null ? "model" : "result")} under the roofs of the machine: the slope is memory, {new Figure(analysis.Machine.ReadBytesPerSecond, ReportUnit.BytesPerSecond).Text}; the levels are arithmetic. The area of a point is its share of the time.",
            Markup.Of($"<figure class=\"card\"><ul class=\"legend\">{Markup.Join(kinds.Distinct().Order().Reverse(), Key)}</ul><div class=\"panels\">{pictures}</div><figcaption>Letters are the rows of the tables below. A point far below its roof is a kernel to work on.</figcaption></figure>\n{Markup.Join(analysis.Notes, note => Markup.Of($"<p class=\"notice warn\">{note}</p>\n"))}{tables}"));
    }

    static Markup TableOf(AnalysedRun run)
    {
        Table table = new(
            $"{HeadPart.Capital(run.Name)}",
            ("Operator", Column.Text), ("Steps", Column.Number), (run.Seconds is null ? "Least time" : "Time", Column.Number), ("", Column.Picture), ("Operations per byte", Column.Number), ("Bound by", Column.Text), ("Of the possible", Column.Number));
        double most = run.Operators.Select(one => one.Cost).DefaultIfEmpty(1).Max();
        for (int i = 0; i < run.Operators.Length; i++)
        {
            OperatorShare one = run.Operators[i];
            table.Row(
                "",
                Markup.Of($"<span class=\"letter\">{RooflinePicture.Letter(i)}</span> {Name(one)}{(one.Weights is { } format ? Markup.Of($"<small>{format.ToString()}</small>") : null)}"),
                Figure.Count(one.Steps).ToMarkup(),
                new Figure(one.Cost, ReportUnit.Seconds).ToMarkup(),
                SmallBars.One(one.Cost, most),
                Figure.Count(one.Intensity).ToMarkup(),
                Markup.Of($"{(one.Bound == OperatorBound.Memory ? "memory" : "arithmetic")}"),
                new Figure(one.OfFloor, ReportUnit.Share).ToMarkup());
        }

        table.Row(
            "total",
            Markup.Of($"Together<small>{new Figure(run.TokensPerSecond, ReportUnit.TokensPerSecond)}; at least {new Figure(run.FloorSeconds, ReportUnit.Seconds)}</small>"),
            new Markup(),
            new Figure(run.Seconds ?? run.FloorSeconds, ReportUnit.Seconds).ToMarkup(),
            new Markup(),
            new Markup(),
            new Markup(),
            new Markup());
        return table.ToMarkup();
    }

    static Markup Key(string kind) => Markup.Of($"<li><svg class=\"key\" viewBox=\"0 0 12 12\" aria-hidden=\"true\"><circle class=\"op {kind}\" cx=\"6\" cy=\"6\" r=\"5\"/></svg>{(kind == "op-product" ? "products with weights" : kind == "op-attention" ? "attention" : "all else")}</li>");

    internal static string Name(OperatorShare one) => one.Part.Length == 0 ? one.Operator : $"{one.Operator}, {one.Part}";
}

using System.Globalization;

namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>What a reader sees first: the name, the wish, four figures; what to know before trusting them; and the last line.</summary>
static class HeadPart
{
    public static Markup Of(OptimizationReport report) => Markup.Of($"""
        <header class="head"><div class="inner">
        <p class="brand"><svg viewBox="0 0 24 24" aria-hidden="true"><path class="mark" d="M12 2.4 20.3 7.2v9.6L12 21.6 3.7 16.8V7.2z"/><circle class="core" cx="12" cy="12" r="3.4"/></svg>Open-AutoGLM <span>{(report.Result is null ? "analysis" : "optimisation report")}</span></p>
        <h1><bdi>{report.Model.Name}</bdi></h1>
        {(report.Wish is { } wish ? Markup.Of($"<p class=\"wish\"><span>Asked for</span> {wish.Text}</p>") : null)}
        <div class="tiles">{Tiles(report)}</div>
        </div></header>
        """);

    public static Markup Notices(OptimizationReport report)
    {
        Markup notices = new();
        if (report.Summary.Length > 0)
        {
            notices.Add($"<section class=\"summary\" aria-label=\"Summary\"><ul>{Markup.Join(report.Summary, line => Markup.Of($"<li>{line}</li>"))}</ul></section>\n");
        }

        Notice(notices, "short", "Falls short", report.Shortfalls);
        Notice(notices, "warn", "Before you rely on it", report.Warnings);
        return notices;
    }

    public static Markup Foot(OptimizationReport report) => Markup.Of($"""
        <footer><p>Written by {report.Program} on <time datetime="{report.Written.ToString("O", CultureInfo.InvariantCulture)}">{report.Written.ToString("d MMMM yyyy, HH:mm", CultureInfo.InvariantCulture)} {Zone(report.Written)}</time>.
        Everything on this page stands in the report's JSON as well.</p></footer>
        """);

    static string Zone(DateTimeOffset time) => time.Offset == TimeSpan.Zero ? "UTC" : time.ToString("zzz", CultureInfo.InvariantCulture);

    static void Notice(Markup notices, string kind, string title, IEnumerable<string> lines)
    {
        if (lines.Any())
        {
            notices.Add($"<aside class=\"notice {kind}\" aria-label=\"{title}\"><h2>{title}</h2><ul>{Markup.Join(lines, line => Markup.Of($"<li>{line}</li>"))}</ul></aside>\n");
        }
    }

    static Markup Tiles(OptimizationReport report)
    {
        Markup tiles = new();
        ReportedModel result = report.Result ?? report.Model;
        BeforeAfter? weights = report.Comparison.FirstOrDefault(row => row.Topic == ComparisonTopic.Memory);
        Tile(tiles, "Weights", new Figure(result.WeightBytes, ReportUnit.Bytes), report.Result is null ? null : Was(report.Model.WeightBytes, ReportUnit.Bytes, weights?.Before == report.Model.WeightBytes ? weights.Change : null, true));
        if (report.Comparison.FirstOrDefault(row => row.Topic == ComparisonTopic.Latency) is { } latency)
        {
            Tile(tiles, Capital(latency.What), new Figure(latency.After, latency.Unit), Was(latency.Before, latency.Unit, latency.Change, latency.LowerIsBetter));
        }
        else if (report.Analysis?.Runs.FirstOrDefault() is { } run)
        {
            Tile(tiles, run.Seconds is null ? "Speed at most" : "Speed", new Figure(run.TokensPerSecond, ReportUnit.TokensPerSecond), Markup.Of($"{run.Name}"));
        }

        if (report.Quality is { } quality)
        {
            Tile(
                tiles,
                quality.Divergence is null ? "Perplexity" : "Mean KL divergence",
                quality.Divergence is { } far ? new Figure(far.MeanKl, ReportUnit.Nats) : new Figure(quality.Before.Perplexity, ReportUnit.Perplexity),
                quality.After is { } after ? Markup.Of($"perplexity {new Figure(after.Perplexity, ReportUnit.Perplexity)}, was {new Figure(quality.Before.Perplexity, ReportUnit.Perplexity)}") : null);
        }

        if (report.Wish is { Promises.IsEmpty: false } wish)
        {
            bool kept = wish.Promises.All(promise => promise.Outcome == PromiseOutcome.Kept);
            bool broken = wish.Promises.Any(promise => promise.Outcome is PromiseOutcome.Missed or PromiseOutcome.Impossible);
            Markup marks = Markup.Join(wish.Promises, promise => WishPart.Badge(promise.Outcome, promise.What));
            tiles.Add($"<div class=\"tile\"><p class=\"what\">The wish</p><p class=\"value word\">{(kept ? "kept" : broken ? "partly kept" : "kept, not all measured")}</p><p class=\"marks\">{marks}</p></div>");
        }
        else
        {
            Tile(tiles, "Parameters", Figure.Count(report.Model.Parameters), Markup.Of($"{report.Model.Architecture}, {Figure.Count(report.Model.Layers)} layers"));
        }

        return tiles;
    }

    static void Tile(Markup tiles, string what, Figure value, Markup? below) =>
        tiles.Add($"<div class=\"tile\"><p class=\"what\">{what}</p><p class=\"value\">{value}</p><p class=\"below\">{below}</p></div>");

    static Markup Was(double before, ReportUnit unit, double? change, bool lowerIsBetter) => change is null
        ? Markup.Of($"was {new Figure(before, unit)}")
        : Markup.Of($"was {new Figure(before, unit)} <span class=\"{ChangePart.Judged(change, lowerIsBetter)}\">{Figure.Change(change)}</span>");

    internal static string Capital(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];
}

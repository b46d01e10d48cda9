using OpenAutoGlm.Optimization.Reports.Page.Pictures;

namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>Quality before and after, with error bars.</summary>
static class QualityPart
{
    public static Section? Of(OptimizationReport report)
    {
        if (report.Quality is not { } quality)
        {
            return null;
        }

        Markup body = new();
        Table table = new(
            $"How well the text is predicted: {quality.Data}",
            ("Measure", Column.Text), ("Before", Column.Number), ("After", Column.Number), ("", Column.Picture));
        table.Row(
            "",
            Markup.Of($"Perplexity<small>less is better; {Figure.Count(quality.Tokens)} tokens</small>"),
            Figure.WithError(quality.Before.Perplexity, quality.Before.PerplexityError, ReportUnit.Perplexity),
            Figure.WithError(quality.After?.Perplexity, quality.After?.PerplexityError, ReportUnit.Perplexity),
            Around(quality));
        table.Row(
            "",
            Markup.Of($"Cross-entropy<small>nats for each token</small>"),
            new Figure(quality.Before.CrossEntropy, ReportUnit.Nats).ToMarkup(),
            new Figure(quality.After?.CrossEntropy, ReportUnit.Nats).ToMarkup(),
            new Markup());
        body.Add(table.ToMarkup());
        if (quality.Divergence is { } far)
        {
            Table distance = new(
                "How far the result's predictions are from the original's: KL divergence, and how often both think the same token likeliest",
                ("Mean", Column.Number), ("9 in 10 below", Column.Number), ("99 in 100 below", Column.Number), ("Worst token", Column.Number), ("Same first token", Column.Number));
            distance.Row(
                "",
                Figure.WithError(far.MeanKl, far.MeanKlError, ReportUnit.Nats),
                new Figure(far.KlP90, ReportUnit.Nats).ToMarkup(),
                new Figure(far.KlP99, ReportUnit.Nats).ToMarkup(),
                new Figure(far.KlMax, ReportUnit.Nats).ToMarkup(),
                new Figure(far.Top1Agreement, ReportUnit.Share).ToMarkup());
            body.Add(distance.ToMarkup());
        }

        if (quality.Tasks.Length > 0)
        {
            Table tasks = new(
                "Tasks solved, with the standard error of each share",
                ("Task", Column.Text), ("Questions", Column.Number), ("Before", Column.Number), ("After", Column.Number), ("", Column.Picture));
            double least = quality.Tasks.Min(task => Math.Min(task.Before - (3 * task.BeforeError), (task.After ?? 1) - (3 * (task.AfterError ?? 0))));
            double most = quality.Tasks.Max(task => Math.Max(task.Before + (3 * task.BeforeError), (task.After ?? 0) + (3 * (task.AfterError ?? 0))));
            foreach (TaskFigures task in quality.Tasks)
            {
                tasks.Row(
                    "",
                    Markup.Of($"{task.Name}<small>{task.Kind}</small>"),
                    Figure.Count(task.Items).ToMarkup(),
                    Figure.WithError(task.Before, task.BeforeError, ReportUnit.Share),
                    Figure.WithError(task.After, task.AfterError, ReportUnit.Share),
                    SmallBars.Intervals((task.Before, task.BeforeError), (task.After, task.AfterError), least, most));
            }

            body.Add(tasks.ToMarkup());
        }

        return new Section(
            "quality",
            "Quality",
            "The same tokens were read by both models. Bars show two standard errors to each side: where they overlap widely, the difference may be chance.",
            body);
    }

    static Markup Around(ReportedQuality quality)
    {
        double least = Math.Min(quality.Before.Perplexity, quality.After?.Perplexity ?? double.PositiveInfinity);
        double most = Math.Max(quality.Before.Perplexity, quality.After?.Perplexity ?? 0);
        double room = Math.Max(3 * Math.Max(quality.Before.PerplexityError, quality.After?.PerplexityError ?? 0), (most - least) * 0.2);
        return double.IsFinite(room + most - least)
            ? SmallBars.Intervals((quality.Before.Perplexity, quality.Before.PerplexityError), (quality.After?.Perplexity, quality.After?.PerplexityError), least - room, most + room)
            : new Markup();
    }
}

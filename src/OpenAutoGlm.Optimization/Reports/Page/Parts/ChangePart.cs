using OpenAutoGlm.Optimization.Reports.Page.Pictures;

namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>Latency, throughput and memory, before and after.</summary>
static class ChangePart
{
    public static Section? Of(OptimizationReport report)
    {
        if (report.Comparison.IsEmpty)
        {
            return null;
        }

        Table table = new(
            "The model as it came and the result, measured on the same machine",
            ("Quantity", Column.Text), ("Before", Column.Number), ("After", Column.Number), ("Change", Column.Number), ("", Column.Picture));
        foreach (IGrouping<ComparisonTopic, BeforeAfter> topic in report.Comparison.GroupBy(row => row.Topic).OrderBy(group => group.Key))
        {
            table.Topic(topic.Key switch
            {
                ComparisonTopic.Latency => "Latency",
                ComparisonTopic.Throughput => "Throughput",
                ComparisonTopic.Memory => "Memory",
                _ => "Other",
            });
            foreach (BeforeAfter row in topic)
            {
                string? conditions = row.Estimated ? row.Conditions is null ? "estimate" : $"{row.Conditions}; estimate" : row.Conditions;
                table.Row(
                    "",
                    Markup.Of($"{HeadPart.Capital(row.What)}{(conditions is null ? null : Markup.Of($"<small>{conditions}</small>"))}"),
                    Figure.WithError(row.Before, row.BeforeSpread, row.Unit),
                    Figure.WithError(row.After, row.AfterSpread, row.Unit),
                    Markup.Of($"<span class=\"{Judged(row.Change, row.LowerIsBetter)}\">{Figure.Change(row.Change)}</span>"),
                    SmallBars.Pair(row.Before, row.After));
            }
        }

        return new Section(
            "change",
            "Before and after",
            "Grey is the model as it came, coloured is the result; each pair of bars has its own scale.",
            table.ToMarkup());
    }

    /// <summary>The class of a change that is for the better, for the worse, or neither.</summary>
    public static string Judged(double? change, bool lowerIsBetter) =>
        change is not { } share || Math.Abs(share) < 0.002 || double.IsNaN(share) ? "change" : share < 0 == lowerIsBetter ? "change better" : "change worse";
}

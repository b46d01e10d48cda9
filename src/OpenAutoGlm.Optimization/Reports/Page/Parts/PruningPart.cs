namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>What could be left out of the model, and whether it should.</summary>
static class PruningPart
{
    public static Section? Of(OptimizationReport report)
    {
        if (report.Pruning.IsEmpty)
        {
            return null;
        }

        Table table = new(
            "What could be left out, before any training to recover",
            ("Option", Column.Text), ("Saves", Column.Number), ("Time saved", Column.Number), ("Costs", Column.Number), ("Advice", Column.Text));
        foreach (PruningOption option in report.Pruning)
        {
            table.Row(
                option.Recommended ? "chosen" : "",
                Markup.Of($"{HeadPart.Capital(option.Option)}<small>{option.Kind}</small>"),
                new Figure(option.SavedBytes, ReportUnit.Bytes).ToMarkup(),
                new Figure(option.SavedTime, ReportUnit.Share).ToMarkup(),
                Markup.Of($"{new Figure(option.Cost, ReportUnit.Nats)}<small>{(option.Cost is null ? "" : option.CostMeasured ? "measured" : "predicted")}</small>"),
                Markup.Of($"{option.Advice}"));
        }

        return new Section("pruning", "What could be left out", "Costs are the mean KL divergence from the model as it came. Nothing here was done.", table.ToMarkup());
    }
}

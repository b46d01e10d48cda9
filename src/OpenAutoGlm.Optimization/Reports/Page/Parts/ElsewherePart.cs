namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>What other machines would make of it.</summary>
static class ElsewherePart
{
    public static Section? Of(OptimizationReport report)
    {
        if (report.Elsewhere.IsEmpty)
        {
            return null;
        }

        Table table = new(
            "Estimates for other machines: from data sheets, not measured",
            ("Machine", Column.Text), ("Needs", Column.Number), ("Has", Column.Number), ("Fits", Column.Text), ("Writing", Column.Number), ("Before", Column.Number), ("Reading", Column.Number));
        foreach (ElsewhereEstimate one in report.Elsewhere)
        {
            table.Row(
                "",
                Markup.Of($"{one.Title}<small>{one.Profile}; {one.Conditions}; {one.Source}</small>"),
                new Figure(one.NeededBytes, ReportUnit.Bytes).ToMarkup(),
                new Figure(one.MemoryBytes, ReportUnit.Bytes).ToMarkup(),
                Markup.Of($"{(one.Fits ? one.FitsBefore ? "yes" : "yes, did not before" : "no")}"),
                one.Fits ? new Figure(one.DecodeTokensPerSecond, ReportUnit.TokensPerSecond).ToMarkup() : Figure.Count(null).ToMarkup(),
                one.FitsBefore ? new Figure(one.DecodeBefore, ReportUnit.TokensPerSecond).ToMarkup() : Figure.Count(null).ToMarkup(),
                one.Fits ? new Figure(one.PrefillTokensPerSecond, ReportUnit.TokensPerSecond).ToMarkup() : Figure.Count(null).ToMarkup());
        }

        return new Section("elsewhere", "On other machines", "Estimates. Nobody has run the model there.", table.ToMarkup());
    }
}

namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>What was done, and why.</summary>
static class DecisionPart
{
    public static Section? Of(OptimizationReport report) => report.Decisions.IsEmpty ? null : new Section(
        "decisions",
        "What was done, and why",
        "In the order in which it was decided.",
        Markup.Of($"<ol class=\"decisions\">{Markup.Join(report.Decisions, one => Markup.Of($"<li><h3>{one.What}</h3><p>{one.Why}</p></li>\n"))}</ol>\n"));
}

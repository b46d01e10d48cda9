using OpenAutoGlm.Optimization.Analysis;

namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>What would help the model as it came, and the result.</summary>
static class AdvicePart
{
    public static Section? Of(OptimizationReport report)
    {
        Markup body = new();
        Add(body, report.ResultAnalysis is null ? null : "The model as it came", report.Analysis);
        Add(body, "The result", report.ResultAnalysis);
        return (report.Analysis?.Advice.IsEmpty ?? true) && (report.ResultAnalysis?.Advice.IsEmpty ?? true) ? null : new Section(
            "advice",
            "What would help",
            "Estimates from the numbers above, the most helpful first.",
            body);
    }

    static void Add(Markup body, string? title, ModelAnalysis? analysis)
    {
        if (analysis is not { Advice.IsEmpty: false })
        {
            return;
        }

        if (title is not null)
        {
            body.Add($"<h3>{title}</h3>");
        }

        body.Add($"<ol class=\"decisions\">{Markup.Join(analysis.Advice, one => Markup.Of($"<li><h4>{HeadPart.Capital(one.Title)}</h4><p>{one.Text}</p></li>\n"))}</ol>\n");
    }
}

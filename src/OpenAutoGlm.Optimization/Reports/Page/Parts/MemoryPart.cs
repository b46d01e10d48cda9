using OpenAutoGlm.Optimization.Analysis;
using OpenAutoGlm.Optimization.Reports.Page.Pictures;

namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>Where the memory goes.</summary>
static class MemoryPart
{
    public static Section? Of(OptimizationReport report)
    {
        List<(string Name, ModelAnalysis Analysis)> models = [];
        if (report.Analysis is { Memory.IsEmpty: false } before)
        {
            models.Add((report.ResultAnalysis is null ? "the model" : "as it came", before));
        }

        if (report.ResultAnalysis is { Memory.IsEmpty: false } after)
        {
            models.Add(("the result", after));
        }

        if (models.Count == 0)
        {
            return null;
        }

        Markup tables = new();
        foreach ((string name, ModelAnalysis analysis) in models)
        {
            Table table = new($"What takes memory: {name}", ("What", Column.Text), ("Bytes", Column.Number), ("", Column.Picture));
            double most = analysis.Memory.Max(share => share.Bytes);
            foreach (MemoryShare share in analysis.Memory)
            {
                table.Row("", Markup.Of($"{HeadPart.Capital(share.What)}"), new Figure(share.Bytes, ReportUnit.Bytes).ToMarkup(), SmallBars.One(share.Bytes, most));
            }

            tables.Add(table.ToMarkup());
        }

        return new Section(
            "memory",
            "Where the memory goes",
            "Weights, keys and values of one sequence at a few lengths, and the values between the steps of the plan.",
            Markup.Of($"<figure class=\"card\">{MemoryPicture.Of(models)}</figure>\n<div class=\"side\">{tables}</div>\n"));
    }
}

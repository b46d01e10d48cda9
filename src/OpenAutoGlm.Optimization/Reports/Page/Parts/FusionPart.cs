using OpenAutoGlm.Graph.Passes;
using OpenAutoGlm.Optimization.Reports.Page.Pictures;

namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>Kernels before and after every pass over the graph.</summary>
static class FusionPart
{
    public static Section? Of(OptimizationReport report)
    {
        if (report.Fusion is not { } fusion)
        {
            return null;
        }

        Table table = new(
            "Kernels that a step launches after each pass, and the memory between them",
            ("Pass", Column.Text), ("Found", Column.Number), ("Kernels", Column.Number), ("", Column.Picture), ("Arena", Column.Number));
        double most = Math.Max(1, fusion.Before.Kernels);
        table.Row("", Markup.Of($"before any"), new Markup(), Figure.Count(fusion.Before.Kernels).ToMarkup(), SmallBars.One(fusion.Before.Kernels, most, quiet: true), new Figure(fusion.Before.ArenaBytes, ReportUnit.Bytes).ToMarkup());
        foreach (PassEntry pass in fusion.Passes)
        {
            table.Row(
                pass.Enabled ? "" : "off",
                Markup.Of($"{pass.Name}<small>{pass.Description}</small>"),
                pass.Enabled ? Figure.Count(pass.Fired).ToMarkup() : Markup.Of($"off"),
                Figure.Count(pass.After.Kernels).ToMarkup(),
                SmallBars.One(pass.After.Kernels, most),
                new Figure(pass.After.ArenaBytes, ReportUnit.Bytes).ToMarkup());
        }

        return new Section(
            "fusion",
            "Kernels before and after fusion",
            "Passes over the graph join small kernels to large ones; the results stay the same.",
            table.ToMarkup());
    }
}

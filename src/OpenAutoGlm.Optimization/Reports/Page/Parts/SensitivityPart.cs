using OpenAutoGlm.Optimization.Reports.Page.Pictures;

namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>Which groups of tensors the output depends on most.</summary>
static class SensitivityPart
{
    const int Shown = 20;

    public static Section? Of(OptimizationReport report)
    {
        if (report.Sensitivity is not { Rows.IsEmpty: false } ranking)
        {
            return null;
        }

        SensitivityRow[] rows = [.. ranking.Rows.OrderByDescending(row => row.Score)];
        Markup bars = BarPicture.Of(
            "The most sensitive groups",
            ranking.Measure,
            [.. rows.Take(Shown).Select(row => new Bar(row.Group, row.Score, row.Error, new Figure(row.Score, ranking.Unit), BitColour.OfName(row.Chosen), row.Chosen ?? ""))]);
        double most = rows.Max(row => row.Score);
        Markup grid = LayerGrid.Of(
            "Sensitivity by layer and role",
            "Each column is a layer, each row a group of tensors; the stronger its colour, the more the output depends on it. The scale is logarithmic.",
            [.. ranking.Rows.Where(row => row.Layer is not null).Select(row => row.Role).Distinct()],
            ranking.Rows.Where(row => row.Layer is not null).Select(row => new GridCell(row.Layer, row.Role, Shade(row.Score, most), "", $"{row.Group}: {new Figure(row.Score, ranking.Unit).Text}", "")));
        Table table = new(
            "All groups, the most sensitive first",
            ("Group", Column.Text), ("Score", Column.Number), ("Numbers", Column.Number), ("Bytes before", Column.Number), ("Chosen", Column.Text));
        foreach (SensitivityRow row in rows)
        {
            table.Row(
                "",
                Markup.Of($"{row.Group}"),
                Figure.WithError(row.Score, row.Error, ranking.Unit),
                Figure.Count(row.Parameters).ToMarkup(),
                new Figure(row.Bytes, ReportUnit.Bytes).ToMarkup(),
                Markup.Of($"{row.Chosen ?? "–"}"));
        }

        return new Section(
            "sensitivity",
            "Sensitivity",
            $"{HeadPart.Capital(ranking.Measure)}. A bar's colour is the format that was chosen for it.",
            Markup.Of($"""
                <figure class="card">{grid}<figcaption>The stronger the colour, the more the output depends on it (logarithmic).</figcaption></figure>
                <figure class="card">{bars}<figcaption>The most sensitive groups; thin lines are two standard errors to each side.</figcaption></figure>
                <details><summary>All groups as a table</summary>{table.ToMarkup(sortable: true)}</details>

                """));
    }

    /// <summary>Six shades, each about two and a half times the next.</summary>
    static string Shade(double score, double most)
    {
        int steps = score > 0 && most > 0 ? (int)Math.Floor(Math.Log(most / score) / Math.Log(2.5)) : 5;
        return "s" + Math.Clamp(5 - steps, 0, 5).ToString(System.Globalization.CultureInfo.InvariantCulture);
    }
}

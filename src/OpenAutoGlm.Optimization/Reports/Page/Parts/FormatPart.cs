using OpenAutoGlm.Optimization.Reports.Page.Pictures;

namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>What every tensor is stored in: a picture of layers by roles, a legend with shares, and the table.</summary>
static class FormatPart
{
    public static Section? Of(OptimizationReport report)
    {
        if (report.Formats is not { Cells.IsEmpty: false } map)
        {
            return null;
        }

        Markup legend = Markup.Join(
            map.Cells.GroupBy(cell => cell.Format).OrderBy(group => group.Max(cell => cell.Bits)),
            group => Markup.Of($"<li><svg class=\"key\" viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"{BitColour.Class(group.First().Bits)}\" width=\"12\" height=\"12\" rx=\"3\"/></svg>{group.Key.ToString()} <span class=\"dim\">{new Figure(group.First().Bits, ReportUnit.BitsPerWeight)}</span></li>"));
        IEnumerable<GridCell> cells = map.Cells.Select(cell => new GridCell(
            cell.Layer,
            cell.Role,
            BitColour.Class(cell.Bits),
            BitColour.Label(cell.Bits),
            $"{Place(cell.Layer, cell.Role)}: {cell.Format}, {new Figure(cell.Bits, ReportUnit.BitsPerWeight).Text} (was {cell.Original})",
            cell.Format.ToString()));
        Markup picture = LayerGrid.Of(
            "Formats by layer and role",
            "Each column is a layer, each row a role of tensors; the colour and the figure are the whole bits of its format.",
            map.Roles,
            cells);

        Table table = new(
            "Every tensor of the result",
            ("Place", Column.Text), ("Was", Column.Text), ("Is", Column.Text), ("Bits", Column.Number), ("Numbers", Column.Number), ("Bytes", Column.Number), ("Rounded", Column.Text), ("Expected loss", Column.Number));
        foreach (FormatCell cell in map.Cells)
        {
            table.Row(
                "",
                Markup.Of($"{Place(cell.Layer, cell.Role)}"),
                Markup.Of($"{cell.Original.ToString()}"),
                Markup.Of($"{cell.Format.ToString()}"),
                new Figure(cell.Bits, ReportUnit.BitsPerWeight).ToMarkup(),
                Figure.Count(cell.Parameters).ToMarkup(),
                new Figure(cell.Bytes, ReportUnit.Bytes).ToMarkup(),
                Markup.Of($"{cell.Method ?? "–"}"),
                new Figure(cell.PredictedLoss, ReportUnit.Nats).ToMarkup());
        }

        return new Section(
            "formats",
            "Formats by layer",
            "What each tensor of the result is stored in. Warm colours are coarse, cool ones fine.",
            Markup.Of($"<figure class=\"card\"><ul class=\"legend\">{legend}</ul>{picture}</figure>\n<details><summary>All tensors as a table</summary>{table.ToMarkup(sortable: true)}</details>\n"));
    }

    internal static string Place(int? layer, string role) => layer is { } number ? $"layer {Figure.Count(number).Text}, {role}" : role;
}

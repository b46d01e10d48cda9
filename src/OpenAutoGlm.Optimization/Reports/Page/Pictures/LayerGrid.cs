using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Reports.Page.Pictures;

/// <summary>A cell of a <see cref="LayerGrid"/>.</summary>
/// <param name="Layer">Its column; null for one beside the layers.</param>
/// <param name="Row">Its row.</param>
/// <param name="Colour">The class of its colour.</param>
/// <param name="Label">A sign or two; empty for none.</param>
/// <param name="Tip">What a pointer is told.</param>
/// <param name="Name">A longer label where there is room.</param>
readonly record struct GridCell(int? Layer, string Row, string Colour, string Label, string Tip, string Name);

/// <summary>Layers along, roles down, a colour for each: in bands, where there are more layers than fit side by side.</summary>
static class LayerGrid
{
    const int BandLayers = 48;
    const double Left = 82;
    const double Room = 800;
    const double CellHeight = 24;
    const double WidestCell = 74;
    const double NamedCell = 46; // from here on the name of a format fits
    const double LabelledCell = 13;

    public static Markup Of(string title, string description, ImmutableArray<string> order, IEnumerable<GridCell> cells)
    {
        GridCell[] all = [.. cells];
        GridCell[] inside = [.. all.Where(cell => cell.Layer is not null)];
        GridCell[] beside = [.. all.Where(cell => cell.Layer is null)];
        string[] rows = [.. order.Concat(inside.Select(cell => cell.Row)).Distinct().Where(row => inside.Any(cell => cell.Row == row))];
        int layers = inside.Length == 0 ? 0 : inside.Max(cell => cell.Layer!.Value) + 1;
        int bands = Math.Max(1, (layers + BandLayers - 1) / BandLayers);
        int columns = Math.Max(1, (layers + bands - 1) / bands);
        double cell = Math.Min(WidestCell, Room / columns);
        double bandHeight = rows.Length == 0 ? 0 : (rows.Length * CellHeight) + 30;
        double width = Left + (Math.Max(columns * cell, beside.Length == 0 ? 0 : 220)) + 2;
        double height = (layers == 0 ? 0 : bands * bandHeight) + (beside.Length == 0 ? 0 : (beside.Length * (CellHeight + 4)) + 8);
        Markup body = new();
        for (int band = 0; band < bands && layers > 0; band++)
        {
            double top = (band * bandHeight) + 18;
            body.Add(Svg.Text(0, top - 5, "soft", "layer"));
            int first = band * columns;
            int every = cell >= 20 ? 1 : cell >= 12 ? 2 : 5;
            for (int layer = first; layer < Math.Min(layers, first + columns); layer += every)
            {
                body.Add(Svg.Text(Left + ((layer - first + 0.5) * cell), top - 5, "tick middle", Figure.Count(layer).Text));
            }

            for (int row = 0; row < rows.Length; row++)
            {
                body.Add(Svg.Text(0, top + ((row + 0.5) * CellHeight) + 4, "label", rows[row]));
            }

            foreach (GridCell one in inside.Where(one => one.Layer >= first && one.Layer < first + columns))
            {
                Cell(body, Left + ((one.Layer!.Value - first) * cell), top + (Array.IndexOf(rows, one.Row) * CellHeight), cell, one);
            }
        }

        for (int i = 0; i < beside.Length; i++)
        {
            double top = (layers == 0 ? 0 : bands * bandHeight) + 4 + (i * (CellHeight + 4));
            body.Add(Svg.Text(0, top + (CellHeight / 2) + 4, "label", beside[i].Row));
            Cell(body, Left, top, WidestCell, beside[i]);
        }

        return Svg.Of(title, description, width, height, columns > 12 ? "wide" : "natural", body);
    }

    static void Cell(Markup body, double x, double y, double width, GridCell cell)
    {
        string text = width >= NamedCell && cell.Name.Length > 0 ? cell.Name : width >= LabelledCell ? cell.Label : "";
        body.Add($"<g class=\"cell {cell.Colour}\"><title>{cell.Tip}</title><rect x=\"{x + 0.75:0.##}\" y=\"{y + 0.75:0.##}\" width=\"{width - 1.5:0.##}\" height=\"{CellHeight - 1.5:0.##}\" rx=\"3\"/>");
        if (text.Length > 0)
        {
            body.Add($"<text class=\"middle\" x=\"{x + (width / 2):0.##}\" y=\"{y + (CellHeight / 2) + 4:0.##}\">{text}</text>");
        }

        body.Add($"</g>\n");
    }
}

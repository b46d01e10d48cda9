using System.Globalization;
using OpenAutoGlm.Optimization.Analysis;

namespace OpenAutoGlm.Optimization.Reports.Page.Pictures;

/// <summary>What memory goes to: a bar for each model and length of sequence, all with one scale.</summary>
static class MemoryPicture
{
    const double Left = 172;
    const double Right = 660;
    const double Width = 760;
    const double RowHeight = 34;

    public static Markup Of(IReadOnlyList<(string Name, ModelAnalysis Analysis)> models)
    {
        (string Model, MemoryTotal Total, MemoryShare[] Shares)[] rows =
        [
            .. models.SelectMany(model => model.Analysis.Totals.Select(total => (
                model.Name,
                total,
                model.Analysis.Memory.Where(share => share.Kind != MemoryKind.Kv || share.Tokens == total.Tokens).ToArray()))),
        ];
        double most = rows.Max(row => (double)row.Total.Bytes);
        Markup body = new();
        string[] weights = [.. rows.SelectMany(row => row.Shares).Where(share => share.Kind == MemoryKind.Weights).Select(share => share.What).Distinct()];
        Markup legend = Markup.Join(
            weights.Select((name, i) => (Name: name, Colour: Colour(i))).Append((Name: "keys and values", Colour: "kv")).Append((Name: "values between steps", Colour: "arena")),
            entry => Markup.Of($"<li><svg class=\"key\" viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"{entry.Colour}\" width=\"12\" height=\"12\" rx=\"3\"/></svg>{entry.Name}</li>"));
        for (int i = 0; i < rows.Length; i++)
        {
            double top = i * RowHeight;
            body.Add(Svg.Text(Left - 10, top + 13, "label end", rows[i].Model));
            if (rows[i].Total.Tokens is { } tokens)
            {
                body.Add(Svg.Text(Left - 10, top + 26, "soft end", $"{Figure.Count(tokens).Text} tokens"));
            }

            double from = Left;
            foreach (MemoryShare share in rows[i].Shares)
            {
                double length = share.Bytes / most * (Right - Left);
                string colour = share.Kind switch { MemoryKind.Weights => Colour(Array.IndexOf(weights, share.What)), MemoryKind.Kv => "kv", _ => "arena" };
                body.Add($"<rect class=\"{colour}\" x=\"{from:0.##}\" y=\"{top + 2:0.#}\" width=\"{Math.Max(0.4, length - 1):0.##}\" height=\"{RowHeight - 10:0.#}\" rx=\"2\"><title>{share.What}: {new Figure(share.Bytes, ReportUnit.Bytes).Text}</title></rect>\n");
                from += length;
            }

            body.Add(Svg.Text(from + 8, top + 19, "amount", new Figure(rows[i].Total.Bytes, ReportUnit.Bytes).Text));
        }

        return Markup.Of($"""
            <ul class="legend">{legend}</ul>
            {Svg.Of("Memory by use", "A bar for each model and length of sequence, divided by what the memory holds.", Width, rows.Length * RowHeight, "wide", body)}
            """);
    }

    static string Colour(int index) => "m" + (Math.Max(0, index) % 5).ToString(CultureInfo.InvariantCulture);
}

using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Optimization.Analysis;

namespace OpenAutoGlm.Optimization.Reports.Page.Pictures;

/// <summary>
/// Operators under the roofs of a machine: along, operations for each byte; up, operations per second; both logarithmic.
/// Source: Williams, Waterman and Patterson 2009.
/// </summary>
static class RooflinePicture
{
    const double Width = 440;
    const double Height = 330;
    const double Left = 62;
    const double Right = 428;
    const double Top = 48;
    const double Bottom = 282;

    public static Markup Of(AnalysedRun run, MachineRates machine)
    {
        (OperatorShare One, int Index, double Rate)[] points = [.. run.Operators.Select((one, i) => (one, i, one.Operations / one.Cost)).Where(point => point.Item3 > 0 && double.IsFinite(point.Item3) && point.one.Cost > 0)];
        (string Name, double Rate)[] roofs = [.. Roofs(run, machine)];
        double highest = roofs.Max(roof => roof.Rate);
        LogAxis x = LogAxis.Around(points.Select(point => point.One.Intensity).Append(roofs.Max(roof => roof.Rate) / machine.ReadBytesPerSecond * 2).Append(roofs.Min(roof => roof.Rate) / machine.ReadBytesPerSecond / 4), Left, Right);
        LogAxis y = LogAxis.Around(points.Select(point => point.Rate).Append(highest).Append(highest / 100), Bottom, Top);
        Markup body = new();
        foreach (double tick in x.Ticks())
        {
            body.Add(Svg.Line(x.At(tick), Top, x.At(tick), Bottom, "grid")).Add(Svg.Text(x.At(tick), Bottom + 17, "tick middle", new Figure(tick).Short));
        }

        foreach (double tick in y.Ticks())
        {
            body.Add(Svg.Line(Left, y.At(tick), Right, y.At(tick), "grid")).Add(Svg.Text(Left - 7, y.At(tick) + 4, "tick end", new Figure(tick).Short));
        }

        body.Add(Svg.Text(4, 36, "label", "operations/s")).Add(Svg.Text((Left + Right) / 2, Height - 8, "label middle", "operations for each byte")).Add(Svg.Text(4, 14, "strong", run.Name));
        double start = Math.Max(x.Least, y.Least / machine.ReadBytesPerSecond);
        body.Add(Svg.Line(x.At(start), y.At(start * machine.ReadBytesPerSecond), x.At(highest / machine.ReadBytesPerSecond), y.At(highest), "roof"));
        LabelPlaces places = new(Left, Right, Top, Bottom);
        foreach ((string name, double rate) in roofs)
        {
            body.Add(Svg.Line(x.At(rate / machine.ReadBytesPerSecond), y.At(rate), Right, y.At(rate), "roof")).Add(Svg.Text(Right - 3, y.At(rate) - 5, "soft end", name));
            places.Keep(Right - (name.Length * 3.3), y.At(rate) - 8, name.Length * 3.3);
        }

        double whole = points.Sum(point => point.One.Cost);
        foreach ((OperatorShare one, int index, double rate) in points)
        {
            double radius = Radius(one.Cost / whole);
            string tip = $"{Letter(index)}, {Parts.TimePart.Name(one)}: {new Figure(one.Cost, ReportUnit.Seconds).Text}";
            body.Add($"<circle class=\"op {Kind(one.Operator)}\" cx=\"{x.At(one.Intensity):0.#}\" cy=\"{y.At(rate):0.#}\" r=\"{radius:0.#}\"><title>{tip}</title></circle>\n");
            places.Keep(x.At(one.Intensity), y.At(rate), Math.Min(radius, 5));
        }

        foreach ((OperatorShare one, int index, double rate) in points)
        {
            double radius = Radius(one.Cost / whole);
            (double labelX, double labelY, string anchor) = places.Place(x.At(one.Intensity), y.At(rate), radius, Letter(index));
            body.Add(Svg.Text(labelX, labelY, $"strong {anchor}", Letter(index)));
        }

        return Svg.Of($"Roofline: {run.Name}", "Each point is an operator; the slope is what memory allows, the levels are what arithmetic allows.", Width, Height, "panel", body);
    }

    /// <summary>The letter of a row.</summary>
    public static string Letter(int index) => index < 26 ? ((char)('A' + index)).ToString() : ((char)('a' + Math.Min(25, index - 26))).ToString();

    static double Radius(double share) => 3.5 + (15 * Math.Sqrt(double.IsFinite(share) ? Math.Clamp(share, 0, 1) : 0));

    static IEnumerable<(string Name, double Rate)> Roofs(AnalysedRun run, MachineRates machine) => run.Operators
        .Select(one => one.Weights switch { null or TensorFormat.F32 or TensorFormat.F16 => "float32", TensorFormat.BF16 => "bfloat16", _ => "int8" })
        .Append("float32")
        .Distinct()
        .Select(name => (name, name switch { "float32" => machine.FloatOperationsPerSecond, "bfloat16" => machine.BFloat16OperationsPerSecond, _ => machine.ByteOperationsPerSecond }));

    /// <summary>The class of an operator's colour.</summary>
    public static string Kind(string name) => name.StartsWith("product", StringComparison.Ordinal) || name.StartsWith("expert", StringComparison.Ordinal) ? "op-product" : name == "attention" ? "op-attention" : "op-other";
}

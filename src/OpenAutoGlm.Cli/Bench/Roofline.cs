using System.Globalization;
using System.Net;
using System.Text;

namespace OpenAutoGlm.Cli.Bench;

/// <summary>
/// Kernels under the two roofs of a machine: along, operations for each byte; up, operations per second; both
/// logarithmic. The slanted roof is the memory's bandwidth, the flat ones are the rates of arithmetic. A point far below
/// its roof is a kernel to work on. Source: Williams, Waterman and Patterson 2009.
/// </summary>
static class Roofline
{
    const int Shown = 20; // kernels with a letter
    const int Rows = 18;
    const double LeastIntensity = 0.0625;
    const double MostIntensity = 4096;

    /// <summary>Drawn with letters.</summary>
    public static string Text(OperatorReport report, int columns)
    {
        OperatorRow[] points = Points(report);
        (double least, double most) = Heights(report, points);
        char[][] picture = [.. Enumerable.Range(0, Rows).Select(_ => Enumerable.Repeat(' ', columns).ToArray())];
        foreach ((_, double rate) in Rates(report))
        {
            for (int column = 0; column < columns; column++)
            {
                double intensity = LeastIntensity * Math.Pow(MostIntensity / LeastIntensity, (double)column / (columns - 1));
                bool slanted = intensity * report.Machine.ReadBytesPerSecond < rate;
                Put(column, Row(Math.Min(rate, intensity * report.Machine.ReadBytesPerSecond)), slanted ? '/' : '-');
            }
        }

        for (int i = points.Length - 1; i >= 0; i--)
        {
            int column = (int)Math.Round(Along(points[i].Cost.Intensity) * (columns - 1));
            Put(column, Row(points[i].Cost.Operations / points[i].Seconds), (char)('A' + i));
        }

        StringBuilder text = new();
        text.Append('\n');
        for (int row = 0; row < Rows; row++)
        {
            double rate = least * Math.Pow(most / least, (double)(Rows - 1 - row) / (Rows - 1));
            string label = row % 4 == 0 ? $"{Number(rate / 1e9),8} " : "         ";
            text.Append(label).Append('│').Append(new string(picture[row]).TrimEnd()).Append('\n');
        }

        text.Append("   GOP/s └").Append('─', columns).Append('\n');
        text.Append("          ").Append($"{Number(LeastIntensity)}".PadRight(columns / 2)).Append("ops/byte").Append($"{Number(MostIntensity)}".PadLeft(columns - (columns / 2) - 8)).Append('\n');
        for (int i = 0; i < points.Length; i++)
        {
            text.Append($"          {(char)('A' + i)}  {points[i].Kernel}, {points[i].Seconds / report.Seconds * 100:0.0} %\n");
        }

        return text.ToString();

        int Row(double rate) => Rows - 1 - (int)Math.Round(Up(rate, least, most) * (Rows - 1));

        void Put(int column, int row, char sign)
        {
            if (row >= 0 && row < Rows && column >= 0 && column < columns)
            {
                picture[row][column] = sign;
            }
        }
    }

    /// <summary>Drawn as SVG, one picture above the other; the area of a point is its share of the time.</summary>
    public static string Svg(IReadOnlyList<OperatorReport> reports)
    {
        const int Width = 960;
        const int Height = 560;
        StringBuilder svg = new();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height * reports.Count}\" font-family=\"sans-serif\" font-size=\"13\">\n");
        svg.Append(CultureInfo.InvariantCulture, $"<rect width=\"{Width}\" height=\"{Height * reports.Count}\" fill=\"white\"/>\n");
        for (int i = 0; i < reports.Count; i++)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<g transform=\"translate(0 {i * Height})\">\n");
            Draw(svg, reports[i]);
            svg.Append("</g>\n");
        }

        return svg.Append("</svg>\n").ToString();
    }

    static void Draw(StringBuilder svg, OperatorReport report)
    {
        const int Left = 70, Right = 640, Top = 50, Bottom = 500;
        OperatorRow[] points = Points(report);
        (double least, double most) = Heights(report, points);
        double X(double intensity) => Left + (Along(intensity) * (Right - Left));
        double Y(double rate) => Bottom - (Up(rate, least, most) * (Bottom - Top));

        Text(svg, Left, 28, $"{report.Test.Name}: {report.Seconds * 1e3:0.00} ms", "font-size=\"17\" font-weight=\"bold\"");
        for (double intensity = LeastIntensity; intensity <= MostIntensity; intensity *= 4)
        {
            Line(svg, X(intensity), Top, X(intensity), Bottom, "#e4e4e4");
            Text(svg, X(intensity), Bottom + 18, Number(intensity), "text-anchor=\"middle\" fill=\"#555\"");
        }

        for (double rate = Math.Pow(10, Math.Ceiling(Math.Log10(least))); rate <= most; rate *= 10)
        {
            Line(svg, Left, Y(rate), Right, Y(rate), "#e4e4e4");
            Text(svg, Left - 8, Y(rate) + 4, Number(rate / 1e9), "text-anchor=\"end\" fill=\"#555\"");
        }

        Text(svg, (Left + Right) / 2.0, Bottom + 42, "operations for each byte", "text-anchor=\"middle\"");
        Text(svg, Left - 8, Top - 10, "GOP/s", "text-anchor=\"end\"");
        double bandwidth = report.Machine.ReadBytesPerSecond;
        double highest = Rates(report).Max(rate => rate.Rate);
        double from = Math.Max(LeastIntensity, least / bandwidth);
        Line(svg, X(from), Y(from * bandwidth), X(Math.Min(MostIntensity, highest / bandwidth)), Y(Math.Min(highest, MostIntensity * bandwidth)), "#333");
        Text(svg, X(from) + 6, Y(from * bandwidth) - 8, $"{bandwidth / 1e9:0.0} GB/s", "fill=\"#333\"");
        foreach ((string name, double rate) in Rates(report))
        {
            Line(svg, X(rate / bandwidth), Y(rate), Right, Y(rate), "#333");
            Text(svg, Right - 4, Y(rate) - 5, $"{name} {rate / 1e9:0}", "text-anchor=\"end\" fill=\"#333\"");
        }

        for (int i = 0; i < points.Length; i++)
        {
            OperatorRow point = points[i];
            double share = point.Seconds / report.Seconds;
            string colour = $"hsl({i * 47 % 360} 65% 45%)";
            svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{X(point.Cost.Intensity):0.0}\" cy=\"{Y(point.Cost.Operations / point.Seconds):0.0}\" r=\"{4 + (26 * Math.Sqrt(share)):0.0}\" fill=\"{colour}\" fill-opacity=\"0.55\" stroke=\"{colour}\"><title>{WebUtility.HtmlEncode(point.Kernel)}</title></circle>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{Right + 24}\" cy=\"{Top + 6 + (i * 21)}\" r=\"6\" fill=\"{colour}\"/>\n");
            Text(svg, Right + 38, Top + 11 + (i * 21), $"{point.Kernel}: {share * 100:0.0} %", "");
        }
    }

    static OperatorRow[] Points(OperatorReport report) => [.. report.Rows.Where(row => row.Seconds > 0 && row.Cost.Operations > 0).Take(Shown)];

    /// <summary>The flat roofs: float32 always, another where some weights are multiplied by it.</summary>
    static IEnumerable<(string Name, double Rate)> Rates(OperatorReport report) => report.Rows
        .Select(row => report.Limits(row).OperationsPerSecond)
        .Append(report.Machine.FloatOperationsPerSecond)
        .Distinct()
        .Select(rate => (rate == report.Machine.ByteOperationsPerSecond ? "int8" : rate == report.Machine.FloatOperationsPerSecond ? "fp32" : "bf16", rate));

    static (double Least, double Most) Heights(OperatorReport report, OperatorRow[] points)
    {
        double most = 2 * Rates(report).Max(rate => rate.Rate);
        double least = points.Select(point => point.Cost.Operations / point.Seconds).Append(most / 1e3).Min();
        return (Math.Max(least / 2, most / 1e7), most);
    }

    static double Along(double intensity) => Math.Clamp(Math.Log(Math.Max(intensity, 1e-9) / LeastIntensity) / Math.Log(MostIntensity / LeastIntensity), 0, 1);

    static double Up(double rate, double least, double most) => Math.Clamp(Math.Log(Math.Max(rate, 1) / least) / Math.Log(most / least), 0, 1);

    static string Number(double value) => value >= 1 ? value.ToString("0.#", CultureInfo.InvariantCulture) : value.ToString("0.####", CultureInfo.InvariantCulture);

    static void Line(StringBuilder svg, double x1, double y1, double x2, double y2, string colour) =>
        svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{x1:0.0}\" y1=\"{y1:0.0}\" x2=\"{x2:0.0}\" y2=\"{y2:0.0}\" stroke=\"{colour}\"/>\n");

    static void Text(StringBuilder svg, double x, double y, string text, string attributes) =>
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:0.0}\" y=\"{y:0.0}\" {attributes}>{WebUtility.HtmlEncode(text)}</text>\n");
}

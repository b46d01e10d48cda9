using System.Buffers;
using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Server.Metrics;

/// <summary>
/// Writes the text that Prometheus scrapes. Source: Prometheus, "Exposition formats", text format 0.0.4.
/// </summary>
sealed class PrometheusText(IBufferWriter<byte> output)
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    string _name = "";

    /// <summary>Begins a family; its samples follow.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">counter, gauge, histogram or summary.</param>
    /// <param name="help">One sentence without line breaks.</param>
    public void Family(string name, string type, string help)
    {
        _name = name;
        Write($"# HELP {name} {help}\n# TYPE {name} {type}\n");
    }

    /// <summary>A sample of the family that was begun.</summary>
    /// <param name="labels">What <see cref="Labels"/> made.</param>
    /// <param name="value">The value.</param>
    /// <param name="suffix">What follows the family's name: _sum, _count.</param>
    public void Sample(string labels, double value, string suffix = "") => Write($"{_name}{suffix}{Braced(labels)} {Number(value)}\n");

    /// <summary>The samples of a histogram: its buckets, each with all below it, the sum and the count.</summary>
    public void Samples(string labels, Histogram histogram)
    {
        HistogramCounts counts = histogram.Read();
        string prefix = labels.Length == 0 ? "" : labels + ",";
        long below = 0;
        for (int i = 0; i < counts.Counts.Length; i++)
        {
            below += counts.Counts[i];
            Write($"{_name}_bucket{{{prefix}le=\"{histogram.Buckets.Labels[i]}\"}} {below.ToString(CultureInfo.InvariantCulture)}\n");
        }

        Sample(labels, counts.Sum, "_sum");
        Sample(labels, below, "_count");
    }

    /// <summary>Labels and their values, escaped.</summary>
    public static string Labels(params ReadOnlySpan<(string Name, string Value)> labels)
    {
        StringBuilder text = new();
        foreach ((string name, string value) in labels)
        {
            text.Append(text.Length > 0 ? "," : "").Append(name).Append("=\"")
                .Append(value.Replace("\\", @"\\").Replace("\"", "\\\"").Replace("\n", "\\n")).Append('"');
        }

        return text.ToString();
    }

    static string Braced(string labels) => labels.Length == 0 ? "" : $"{{{labels}}}";

    static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        _ => value.ToString(CultureInfo.InvariantCulture),
    };

    void Write(string text) => Encoding.UTF8.GetBytes(text, output);
}

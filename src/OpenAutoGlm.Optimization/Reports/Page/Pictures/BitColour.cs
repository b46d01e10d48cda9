using System.Globalization;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Optimization.Reports.Page.Pictures;

/// <summary>Classes of colours for bits: warm for few, cool for many.</summary>
static class BitColour
{
    static readonly int[] Steps = [2, 3, 4, 5, 6, 8, 16, 32];

    /// <summary>The class of a format with so many bits for each number.</summary>
    public static string Class(double bits) => "b" + Label(bits);

    /// <summary>The whole bits that its class stands for.</summary>
    public static string Label(double bits) => Steps.LastOrDefault(step => step <= bits + 1e-9, Steps[0]).ToString(CultureInfo.InvariantCulture);

    /// <summary>The class of a format by its name; a quiet one where the name is none of ours.</summary>
    public static string OfName(string? format) => BlockFormat.TryParse(format, out BlockFormat? found) ? Class(found.BitsPerElement) : "b0";
}

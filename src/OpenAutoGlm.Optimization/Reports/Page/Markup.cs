using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace OpenAutoGlm.Optimization.Reports.Page;

/// <summary>
/// HTML or SVG as it grows. The fixed text of an interpolated string is markup; what stands in its holes is text, and is
/// escaped, unless it is markup itself. There is no way to add a string that is not escaped: names in a report come from
/// files of strangers.
/// </summary>
sealed class Markup
{
    readonly StringBuilder _text = new();

    /// <summary>Nothing yet.</summary>
    public Markup()
    {
    }

    /// <summary>Markup with holes.</summary>
    public static Markup Of(ref Holes holes) => holes.Made;

    /// <summary>Texts or markup one behind another.</summary>
    public static Markup Join<T>(IEnumerable<T> rows, Func<T, Markup> of)
    {
        Markup all = new();
        foreach (T row in rows)
        {
            all.Add(of(row));
        }

        return all;
    }

    /// <summary>Markup with holes, behind what is there.</summary>
    public Markup Add([InterpolatedStringHandlerArgument("")] ref Holes holes) => holes.Made;

    /// <summary>Other markup, behind what is there.</summary>
    public Markup Add(Markup other)
    {
        _text.Append(other._text);
        return this;
    }

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();

    /// <summary>A text that can stand anywhere in markup: signs of markup escaped, signs that no page may have replaced.</summary>
    internal static string Escape(string text) =>
        WebUtility.HtmlEncode(string.Create(text.Length, text, static (signs, source) =>
        {
            for (int i = 0; i < source.Length; i++)
            {
                bool half = char.IsSurrogate(source[i])
                    && !(char.IsHighSurrogate(source[i]) && i + 1 < source.Length && char.IsLowSurrogate(source[i + 1]))
                    && !(char.IsLowSurrogate(source[i]) && i > 0 && char.IsHighSurrogate(source[i - 1]));
                signs[i] = half || (char.IsControl(source[i]) && source[i] is not ('\n' or '\t')) ? '\uFFFD' : source[i];
            }
        }));

    /// <summary>Where the compiler puts the pieces of an interpolated string.</summary>
    [InterpolatedStringHandler]
    public readonly ref struct Holes
    {
        public Holes(int literalLength, int formattedCount) => Made = new Markup();

        public Holes(int literalLength, int formattedCount, Markup into) => Made = into;

        public Markup Made { get; }

        public void AppendLiteral(string markup) => Made._text.Append(markup);

        public void AppendFormatted(string? text) => Made._text.Append(Escape(text ?? ""));

        public void AppendFormatted(Markup? markup) => Made._text.Append(markup?._text);

        public void AppendFormatted(Figure figure) => Made._text.Append(figure.ToMarkup()._text);

        /// <summary>Coordinates and counts.</summary>
        public void AppendFormatted(double value, string? format = null) => Made._text.Append(value.ToString(format ?? "0.##", CultureInfo.InvariantCulture));
    }
}

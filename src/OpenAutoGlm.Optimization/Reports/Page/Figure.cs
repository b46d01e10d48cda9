using System.Globalization;

namespace OpenAutoGlm.Optimization.Reports.Page;

/// <summary>A number of the record on its way to the page: three digits and a unit for people, all digits for programs.</summary>
/// <param name="Value">The number; null where there is none.</param>
/// <param name="Unit">What it counts.</param>
/// <param name="Signed">Whether it is a difference, and has a sign.</param>
readonly record struct Figure(double? Value, ReportUnit Unit = ReportUnit.Number, bool Signed = false)
{
    const string None = "–";
    const char Space = '\u00A0'; // a number and its unit stay on one line

    static readonly string[] ByteUnits = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
    static readonly string[] Prefixes = ["", "k", "M", "G", "T", "P"];

    /// <summary>A count of something.</summary>
    public static Figure Count(double? value) => new(value);

    /// <summary>A change, as a share with its sign.</summary>
    public static Figure Change(double? value) => new(value, ReportUnit.Share, Signed: true);

    /// <summary>The number and its unit as people write them.</summary>
    public string Text => Value switch
    {
        null => None,
        double.NaN => "not a number",
        double.PositiveInfinity => "∞",
        double.NegativeInfinity => "−∞",
        { } value => (Signed && value != 0 ? (value < 0 ? "−" : "+") + Plain(Math.Abs(value)) : value < 0 ? "−" + Plain(-value) : Plain(value)).TrimEnd(Space).Replace(' ', Space),
    };

    /// <summary>The same without zeros at the end, for the marks of an axis.</summary>
    public string Short
    {
        get
        {
            string text = Text;
            int end = text.IndexOf(Space);
            end = end < 0 ? text.Length : end;
            return text.AsSpan(0, end).Contains('.') ? string.Concat(text.AsSpan(0, end).TrimEnd('0').TrimEnd('.'), text.AsSpan(end)).TrimEnd(Space) : text.TrimEnd(Space);
        }
    }

    /// <summary>The number in a data element.</summary>
    public Markup ToMarkup() => Value is { } value
        ? Markup.Of($"<data value=\"{Exact(value)}\">{Text}</data>")
        : Markup.Of($"<span class=\"none\">{None}</span>");

    /// <summary>A number and its error, with as many decimals as the error is worth.</summary>
    public static Markup WithError(double? value, double? error, ReportUnit unit)
    {
        if (value is not { } mean || error is not { } spread || !double.IsFinite(mean) || !double.IsFinite(spread) || spread <= 0)
        {
            return new Figure(value, unit).ToMarkup();
        }

        (double scale, string sign) = unit == ReportUnit.Share ? (100.0, " %")
            : unit == ReportUnit.Seconds && Math.Abs(mean) < 1 ? (1e3, " ms")
            : unit == ReportUnit.Seconds ? (1, " s")
            : unit == ReportUnit.Nats ? (1, " nats")
            : (1, "");
        int decimals = Math.Clamp(1 - (int)Math.Floor(Math.Log10(spread * scale)), 0, 7);
        string format = "N" + decimals.ToString(CultureInfo.InvariantCulture);
        return Markup.Of($"<data value=\"{Exact(mean)}\">{Shown(mean)}</data><span class=\"error\"> ± <data value=\"{Exact(spread)}\">{Shown(spread)}</data></span>{sign}");

        string Shown(double number) => (number * scale).ToString(format, CultureInfo.InvariantCulture).Replace('-', '−');
    }

    /// <summary>All digits of a number, as JSON has them.</summary>
    internal static string Exact(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    string Plain(double value) => Unit switch
    {
        ReportUnit.Bytes => OfBytes(value),
        ReportUnit.Seconds => OfSeconds(value),
        ReportUnit.TokensPerSecond => $"{Digits(value)} tokens/s",
        ReportUnit.Share => $"{Decimal(value * 100, value < 0.0995 ? 2 : value < 10 ? 1 : 0)} %",
        ReportUnit.Nats => $"{Digits(value)} nats",
        ReportUnit.Perplexity => Decimal(value, value < 100 ? 3 : 1),
        ReportUnit.BitsPerWeight => $"{Decimal(value, 2)} bits",
        ReportUnit.BytesPerSecond => $"{Prefixed(value)}B/s",
        ReportUnit.OperationsPerSecond => $"{Prefixed(value)}op/s",
        _ => value >= 1e6 ? Prefixed(value) : value == Math.Floor(value) ? value.ToString("N0", CultureInfo.InvariantCulture) : Digits(value),
    };

    static string OfBytes(double value)
    {
        int unit = 0;
        for (; value >= 1023.5 && unit < ByteUnits.Length - 1; unit++)
        {
            value /= 1024;
        }

        return $"{Digits(value)} {ByteUnits[unit]}";
    }

    static string OfSeconds(double value) => value switch
    {
        0 => "0 s",
        < 0.9995e-3 => $"{Digits(value * 1e6)} µs",
        < 0.9995 => $"{Digits(value * 1e3)} ms",
        < 99.95 => $"{Digits(value)} s",
        < 7200 => $"{Digits(value / 60)} min",
        _ => $"{Digits(value / 3600)} h",
    };

    static string Prefixed(double value)
    {
        int prefix = 0;
        for (; value >= 999.5 && prefix < Prefixes.Length - 1; prefix++)
        {
            value /= 1000;
        }

        return $"{Digits(value)}{Space}{Prefixes[prefix]}";
    }

    /// <summary>Three digits that count.</summary>
    static string Digits(double value)
    {
        if (value == 0)
        {
            return "0";
        }

        int power = (int)Math.Floor(Math.Log10(value));
        if (power is < -5 or > 14)
        {
            return value.ToString("0.##E+0", CultureInfo.InvariantCulture).Replace("E-", "e−", StringComparison.Ordinal).Replace("E+", "e", StringComparison.Ordinal);
        }

        if (power < 0 && Math.Round(value, 2 - power) >= Math.Pow(10, power + 1))
        {
            power++; // 0.9999 has become 1.00
        }

        return Decimal(value, Math.Clamp(2 - power, 0, 9));
    }

    static string Decimal(double value, int decimals) => value.ToString("N" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}

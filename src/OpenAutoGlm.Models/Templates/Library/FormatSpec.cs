using System.Globalization;
using System.Numerics;
using System.Text;

namespace OpenAutoGlm.Models.Templates;

/// <summary>How a field is written: fill, alignment, sign, width, grouping, precision and type of a number or text.</summary>
sealed record FormatSpec
{
    const int MaxPrecision = 500;

    public string Fill { get; init; } = " ";

    public char Align { get; init; }

    public char Sign { get; init; } = '-';

    public bool IsAlternate { get; init; }

    public int Width { get; init; }

    public char Grouping { get; init; }

    public int Precision { get; init; } = -1;

    public char Type { get; init; }

    /// <summary>Reads the part of a % field between '%' and its type.</summary>
    public static FormatSpec ReadPercent(string format, ref int position, Func<TemplateValue> takeArgument)
    {
        FormatSpec spec = new() { Align = '>' };
        for (; position < format.Length; position++)
        {
            switch (format[position])
            {
                case '-': spec = spec with { Align = '<', Fill = " " }; continue;
                case '+': spec = spec with { Sign = '+' }; continue;
                case ' ': spec = spec with { Sign = spec.Sign == '+' ? '+' : ' ' }; continue;
                case '#': spec = spec with { IsAlternate = true }; continue;
                case '0': spec = spec.Align == '<' ? spec : spec with { Align = '=', Fill = "0" }; continue;
            }

            break;
        }

        int width = ReadSize(format, ref position, takeArgument);
        int precision = -1;
        if (position < format.Length && format[position] == '.')
        {
            position++;
            precision = Math.Max(0, ReadSize(format, ref position, takeArgument));
        }

        while (position < format.Length && format[position] is 'l' or 'h' or 'L') position++;
        return width < 0
            ? spec with { Align = '<', Fill = " ", Width = -width, Precision = precision }
            : spec with { Width = width, Precision = precision };
    }

    static int ReadSize(string format, ref int position, Func<TemplateValue> takeArgument)
    {
        if (position >= format.Length || format[position] != '*') return ReadInteger(format, ref position);
        position++;
        return Math.Max(-int.MaxValue, Arguments.Integer(takeArgument(), 0, "a width"));
    }

    static int ReadInteger(string format, ref int position)
    {
        int value = 0;
        for (; position < format.Length && char.IsAsciiDigit(format[position]); position++)
        {
            if (value > int.MaxValue / 10 - 10) throw TemplateFault.Limit("A width in a format is too large.");
            value = (value * 10) + (format[position] - '0');
        }

        return value;
    }

    /// <summary>Reads the part of a {} field after ':'.</summary>
    public static FormatSpec ReadBrace(string spec)
    {
        int position = 0;
        FormatSpec result = new();
        int fillLength = spec.Length > 1 && char.IsSurrogatePair(spec[0], spec[1]) ? 2 : 1;
        if (spec.Length > fillLength && spec[fillLength] is '<' or '>' or '^' or '=')
        {
            result = result with { Fill = spec[..fillLength], Align = spec[fillLength] };
            position = fillLength + 1;
        }
        else if (spec.Length > 0 && spec[0] is '<' or '>' or '^' or '=')
        {
            result = result with { Align = spec[0] };
            position = 1;
        }

        if (position < spec.Length && spec[position] is '+' or '-' or ' ') result = result with { Sign = spec[position++] };
        if (position < spec.Length && spec[position] == '#')
        {
            result = result with { IsAlternate = true };
            position++;
        }

        if (position < spec.Length && spec[position] == '0')
        {
            if (result.Align == '\0') result = result with { Align = '=', Fill = "0" };
            position++;
        }

        result = result with { Width = ReadInteger(spec, ref position) };
        if (position < spec.Length && spec[position] is ',' or '_') result = result with { Grouping = spec[position++] };
        if (position < spec.Length && spec[position] == '.')
        {
            position++;
            result = result with { Precision = ReadInteger(spec, ref position) };
        }

        if (position < spec.Length) result = result with { Type = spec[position++] };
        return position == spec.Length ? result : throw TemplateFault.Evaluation($"Invalid format specifier '{spec}'");
    }

    public string PadText(string text, Budget budget)
    {
        if (Precision >= 0 && new StringValue(text) is { } whole && Precision < whole.Length) text = text[..whole.Start(Precision)];
        return Pad("", text, Align is '\0' or '=' ? (Fill == "0" || Align == '=' ? '>' : '<') : Align, Fill == "0" && Align == '=' ? " " : Fill, budget);
    }

    public string FormatNumber(TemplateValue value, char type, Budget budget)
    {
        if (Precision > MaxPrecision) throw TemplateFault.Limit($"A precision of {Precision} digits is more than the {MaxPrecision} allowed.");
        bool isNegative;
        string digits;
        string prefix = "";
        if (type is 'd' or 'x' or 'X' or 'o' or 'b')
        {
            if (!PythonNumber.TryInteger(value, out BigInteger integer)) throw TemplateFault.Evaluation($"%{type} format: a number is required, not {value.TypeName}");
            isNegative = integer.Sign < 0;
            digits = Digits(BigInteger.Abs(integer), type, budget);
            if (Precision > digits.Length) digits = digits.PadLeft(Precision, '0');
            if (IsAlternate && type != 'd') prefix = "0" + type;
        }
        else
        {
            if (!PythonNumber.TryFloat(value, out double number)) throw TemplateFault.Evaluation($"must be real number, not {value.TypeName}");
            isNegative = double.IsNegative(number) && !double.IsNaN(number);
            digits = Digits(Math.Abs(number), type);
        }

        if (Grouping != '\0') digits = Group(digits, Grouping, type is 'x' or 'X' or 'o' or 'b' ? 4 : 3);
        string sign = isNegative ? "-" : Sign == '-' ? "" : Sign.ToString();
        return Pad(sign + prefix, digits, Align == '\0' ? '>' : Align, Fill, budget);
    }

    string Pad(string sign, string body, char align, string fill, Budget budget)
    {
        int length = sign.Length + new StringValue(body).Length;
        int missing = Math.Max(0, Width - length);
        budget.Characters(((long)missing * fill.Length) + sign.Length + body.Length);
        int before = align switch { '>' or '=' => missing, '^' => missing / 2, _ => 0 };
        string left = Repeat(fill, before);
        string right = Repeat(fill, missing - before);
        return align == '=' ? sign + left + body : left + sign + body + right;
    }

    static string Repeat(string fill, int count) => fill.Length == 1 ? new string(fill[0], count) : string.Concat(Enumerable.Repeat(fill, count));

    static string Digits(BigInteger value, char type, Budget budget)
    {
        budget.Bits(value.GetBitLength());
        switch (type)
        {
            case 'd': return value.ToString(CultureInfo.InvariantCulture);
            case 'x': return Trim(value.ToString("x", CultureInfo.InvariantCulture));
            case 'X': return Trim(value.ToString("X", CultureInfo.InvariantCulture));
            case 'b': return Trim(value.ToString("b", CultureInfo.InvariantCulture));
            default:
                StringBuilder octal = new();
                for (BigInteger rest = value; !rest.IsZero; rest >>= 3) octal.Insert(0, (char)('0' + (int)(rest & 7)));
                return octal.Length == 0 ? "0" : octal.ToString();
        }

        static string Trim(string digits) => digits.TrimStart('0') is { Length: > 0 } trimmed ? trimmed : "0";
    }

    string Digits(double value, char type)
    {
        if (double.IsNaN(value)) return type is 'F' or 'E' or 'G' ? "NAN" : "nan";
        if (double.IsInfinity(value)) return type is 'F' or 'E' or 'G' ? "INF" : "inf";
        int precision = Precision < 0 ? 6 : Precision;
        switch (type)
        {
            case '%': return (value * 100).ToString("F" + precision, CultureInfo.InvariantCulture) + "%";
            case 'f' or 'F': return value.ToString("F" + precision, CultureInfo.InvariantCulture);
            case 'e' or 'E': return Exponential(value, precision, type);
            case 'g' or 'G': return General(value, Math.Max(1, precision), type);
            default:
                if (Precision < 0) return PythonNumber.Repr(value);
                string general = General(value, Math.Max(1, precision), 'g');
                return general.AsSpan().IndexOfAny('.', 'e') < 0 && general.Length < precision ? general + ".0" : general;
        }
    }

    static string Exponential(double value, int precision, char type) =>
        value.ToString((precision == 0 ? "0" : "0." + new string('0', precision)) + type + "+00", CultureInfo.InvariantCulture);

    static string General(double value, int precision, char type)
    {
        string exponential = Exponential(value, precision - 1, char.IsUpper(type) ? 'E' : 'e');
        int mark = exponential.IndexOfAny(['e', 'E']);
        int exponent = int.Parse(exponential.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        if (exponent < -4 || exponent >= precision) return TrimZeros(exponential[..mark]) + exponential[mark..];
        return TrimZeros(value.ToString("F" + (precision - 1 - exponent), CultureInfo.InvariantCulture));

        static string TrimZeros(string digits) => digits.Contains('.') ? digits.TrimEnd('0').TrimEnd('.') : digits;
    }

    static string Group(string digits, char separator, int size)
    {
        int end = digits.AsSpan().IndexOfAny('.', 'e', '%');
        if (end < 0) end = digits.Length;
        StringBuilder grouped = new();
        for (int i = 0; i < end; i++)
        {
            if (i > 0 && (end - i) % size == 0) grouped.Append(separator);
            grouped.Append(digits[i]);
        }

        return grouped.Append(digits, end, digits.Length - end).ToString();
    }
}

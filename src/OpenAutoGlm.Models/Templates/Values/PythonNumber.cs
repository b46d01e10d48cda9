using System.Globalization;
using System.Numerics;
using System.Text;

namespace OpenAutoGlm.Models.Templates;

/// <summary>Python's numbers: integers of any size (within reason), floats, truth values as 0 and 1.</summary>
static class PythonNumber
{
    /// <summary>Digits of the largest integer, as Python limits its conversions.</summary>
    public const int MaxDigits = 4300;

    /// <summary>Bits of an integer with <see cref="MaxDigits"/> digits.</summary>
    public const int MaxBits = 14_285;

    const int DigitsBeforeExponent = 16;

    /// <summary>The integer in a value; truth values count as 0 and 1.</summary>
    public static bool TryInteger(TemplateValue value, out BigInteger integer)
    {
        switch (value)
        {
            case IntegerValue number:
                integer = number.Value;
                return true;
            case BooleanValue boolean:
                integer = boolean.IsTrue ? 1 : 0;
                return true;
            default:
                integer = default;
                return false;
        }
    }

    /// <summary>The number in a value as a float.</summary>
    public static bool TryFloat(TemplateValue value, out double number)
    {
        if (value is FloatValue real)
        {
            number = real.Value;
            return true;
        }

        bool isInteger = TryInteger(value, out BigInteger integer);
        number = (double)integer;
        return isInteger;
    }

    public static bool IsNumber(TemplateValue value) => value is IntegerValue or FloatValue or BooleanValue;

    /// <summary>The order of two numbers; false where one is none, or NaN.</summary>
    public static bool TryCompare(TemplateValue left, TemplateValue right, out int order)
    {
        order = 0;
        bool leftIsInteger = TryInteger(left, out BigInteger a);
        bool rightIsInteger = TryInteger(right, out BigInteger b);
        if (leftIsInteger && rightIsInteger)
        {
            order = a.CompareTo(b);
            return true;
        }

        if (!IsNumber(left) || !IsNumber(right)) return false;
        if (leftIsInteger) return TryCompareIntegerWithFloat(a, ((FloatValue)right).Value, out order);
        if (rightIsInteger)
        {
            bool isComparable = TryCompareIntegerWithFloat(b, ((FloatValue)left).Value, out order);
            order = -order;
            return isComparable;
        }

        double x = ((FloatValue)left).Value;
        double y = ((FloatValue)right).Value;
        order = x.CompareTo(y);
        return !double.IsNaN(x) && !double.IsNaN(y);
    }

    static bool TryCompareIntegerWithFloat(BigInteger integer, double number, out int order)
    {
        order = 0;
        if (double.IsNaN(number)) return false;
        if (double.IsInfinity(number))
        {
            order = number > 0 ? -1 : 1;
            return true;
        }

        double floor = Math.Floor(number);
        order = integer.CompareTo(new BigInteger(floor));
        if (order == 0 && number > floor) order = -1;
        return true;
    }

    /// <summary>The shortest text that reads back as the same number: 1.0, 0.1, 1e+16.</summary>
    public static string Repr(double value)
    {
        if (double.IsNaN(value)) return "nan";
        if (double.IsInfinity(value)) return value > 0 ? "inf" : "-inf";
        string shortest = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture);
        (string digits, int exponent) = Decompose(shortest);
        StringBuilder text = new(double.IsNegative(value) ? "-" : "");
        if (exponent is < -4 or >= DigitsBeforeExponent)
        {
            text.Append(digits[0]);
            if (digits.Length > 1) text.Append('.').Append(digits, 1, digits.Length - 1);
            text.Append('e').Append(exponent < 0 ? '-' : '+').Append(Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture));
        }
        else if (exponent < 0)
        {
            text.Append("0.").Append('0', -exponent - 1).Append(digits);
        }
        else if (digits.Length <= exponent + 1)
        {
            text.Append(digits).Append('0', exponent + 1 - digits.Length).Append(".0");
        }
        else
        {
            text.Append(digits, 0, exponent + 1).Append('.').Append(digits, exponent + 1, digits.Length - exponent - 1);
        }

        return text.ToString();
    }

    /// <summary>The digits without point and outer zeros, and the power of ten of the first of them.</summary>
    static (string Digits, int Exponent) Decompose(string shortest)
    {
        int exponentMark = shortest.IndexOf('E');
        int exponent = exponentMark < 0 ? 0 : int.Parse(shortest.AsSpan(exponentMark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string mantissa = exponentMark < 0 ? shortest : shortest[..exponentMark];
        int point = mantissa.IndexOf('.');
        exponent += (point < 0 ? mantissa.Length : point) - 1;
        string digits = mantissa.Replace(".", "");
        int zeros = digits.Length - digits.TrimStart('0').Length;
        if (zeros == digits.Length) return ("0", 0);
        return (digits[zeros..].TrimEnd('0'), exponent - zeros);
    }

    /// <summary>Reads an integer as int(text, radix) does; radix 0 goes by the prefix.</summary>
    public static bool TryParseInteger(string text, int radix, out BigInteger value)
    {
        value = default;
        ReadOnlySpan<char> rest = text.AsSpan().Trim();
        bool isNegative = rest.StartsWith("-");
        if (rest.StartsWith("-") || rest.StartsWith("+")) rest = rest[1..];
        int prefixRadix = rest.Length > 1 && rest[0] == '0' ? char.ToLowerInvariant(rest[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 } : 0;
        if (prefixRadix != 0 && (radix == 0 || radix == prefixRadix))
        {
            rest = rest[2..];
            radix = prefixRadix;
        }

        if (radix == 0) radix = 10;
        if (rest.IsEmpty || rest.Length > MaxDigits || radix is < 2 or > 36) return false;
        bool wasDigit = prefixRadix == radix;
        StringBuilder digits = new("0");
        foreach (char c in rest)
        {
            if (c == '_')
            {
                if (!wasDigit) return false;
                wasDigit = false;
                continue;
            }

            int digit = char.IsDigit(c) ? (int)CharUnicodeInfo.GetNumericValue(c) : char.IsAsciiLetter(c) ? char.ToLowerInvariant(c) - 'a' + 10 : 99;
            if (digit >= radix) return false;
            wasDigit = true;
            if (radix == 10) digits.Append((char)('0' + digit));
            else value = (value * radix) + digit;
        }

        if (!wasDigit) return false;
        if (radix == 10) value = BigInteger.Parse(digits.ToString(), NumberStyles.None, CultureInfo.InvariantCulture);
        if (isNegative) value = -value;
        return true;
    }

    /// <summary>Reads a float as float(text) does.</summary>
    public static bool TryParseFloat(string text, out double value)
    {
        string trimmed = text.Trim();
        switch (trimmed.TrimStart('+', '-').ToLowerInvariant())
        {
            case "inf" or "infinity":
                value = trimmed[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
                return true;
            case "nan":
                value = double.NaN;
                return true;
        }

        const NumberStyles Styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        bool isPlain = trimmed.Length > 0 && (char.IsAsciiDigit(trimmed[^1]) || trimmed[^1] == '.');
        value = 0;
        return isPlain && double.TryParse(trimmed.Replace("_", ""), Styles, CultureInfo.InvariantCulture, out value);
    }
}

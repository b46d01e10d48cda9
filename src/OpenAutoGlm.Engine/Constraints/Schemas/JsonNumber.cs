using System.Globalization;
using System.Numerics;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>A number as JSON spells it, exactly: sign, significant digits without zeros at either end, and where the point is.</summary>
/// <param name="Negative">Whether it is below zero.</param>
/// <param name="Digits">Significant digits; empty for zero.</param>
/// <param name="Exponent">The number is 0.Digits × 10 to this; 0 for zero.</param>
readonly record struct JsonNumber(bool Negative, string Digits, int Exponent)
{
    /// <summary>Largest exponent in either direction that bounds may have.</summary>
    public const int MaxExponent = 400;

    /// <summary>Most digits that bounds may have.</summary>
    public const int MaxDigits = 400;

    public bool IsZero => Digits.Length == 0;

    /// <summary>The digits before the point, without leading zeros; empty below one.</summary>
    public string Whole => Exponent <= 0 ? "" : Digits.Length >= Exponent ? Digits[..Exponent] : Digits.PadRight(Exponent, '0');

    /// <summary>The digits after the point, without trailing zeros.</summary>
    public string Fraction => Exponent >= Digits.Length ? "" : Exponent >= 0 ? Digits[Exponent..] : Digits.PadLeft(Digits.Length - Exponent, '0');

    /// <summary>Reads a number of JSON; false where it is too long or too large to be a bound.</summary>
    public static bool TryParse(string text, out JsonNumber number)
    {
        number = default;
        int letter = text.IndexOfAny(['e', 'E']);
        string mantissa = letter < 0 ? text : text[..letter];
        int exponent = 0;
        if (letter >= 0 && (!int.TryParse(text.AsSpan(letter + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent) || Math.Abs(exponent) > MaxExponent))
        {
            return false;
        }

        bool negative = mantissa.StartsWith('-');
        string[] parts = mantissa.TrimStart('-').Split('.');
        string all = parts[0] + (parts.Length > 1 ? parts[1] : "");
        string digits = all.TrimStart('0');
        int point = parts[0].Length + exponent - (all.Length - digits.Length);
        digits = digits.TrimEnd('0');
        number = digits.Length == 0 ? default : new JsonNumber(negative, digits, point);
        number = number with { Digits = digits };
        return digits.Length <= MaxDigits && Math.Abs(point) <= MaxExponent;
    }

    /// <summary>The number as whole × 10^−places with the fewest places.</summary>
    public (BigInteger Whole, int Places) AsScaled()
    {
        int places = Math.Max(0, Digits.Length - Exponent);
        BigInteger whole = IsZero ? 0 : BigInteger.Parse(Digits, CultureInfo.InvariantCulture) * BigInteger.Pow(10, Math.Max(0, Exponent - Digits.Length));
        return (Negative ? -whole : whole, places);
    }
}

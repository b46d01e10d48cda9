using System.Numerics;

namespace OpenAutoGlm.Models.Templates;

/// <summary>The round filter: half to even for 'common', on the exact decimal value as Python does.</summary>
static class Rounding
{
    const int MaxDecimals = 300;
    const int DecimalsOfDouble = 1100;

    public static TemplateValue Round(TemplateValue value, TemplateValue? precisionValue, TemplateValue? methodValue, Budget budget)
    {
        int precision = Arguments.Integer(precisionValue, 0, "precision");
        string method = methodValue is null ? "common" : Arguments.Text(methodValue, "method");
        if (method is not ("common" or "ceil" or "floor")) throw TemplateFault.Evaluation("method must be common, ceil or floor");
        if (!PythonNumber.TryFloat(value, out double number)) throw TemplateFault.Evaluation($"round needs a number, not {value.TypeName}");
        budget.Object();
        if (method == "common" && PythonNumber.TryInteger(value, out BigInteger integer)) return new IntegerValue(precision >= 0 ? integer : RoundInteger(integer, -precision));
        if (Math.Abs(precision) > MaxDecimals) return precision > 0 ? number : 0.0;
        if (method == "common") return precision >= 0 ? RoundFloat(number, precision) : (double)RoundInteger(new BigInteger(Math.Round(number)), -precision);
        double scale = Math.Pow(10, precision);
        double rounded = method == "ceil" ? Math.Ceiling(number * scale) : Math.Floor(number * scale);
        return (rounded + 0.0) / scale;
    }

    static double RoundFloat(double number, int decimals)
    {
        if (!double.IsFinite(number)) return number;

        // All decimals of a double are finite in number; only an exact tie needs the even rule, and ties have few decimals.
        string exact = Math.Abs(number).ToString("F" + Math.Min(DecimalsOfDouble, decimals + 60), System.Globalization.CultureInfo.InvariantCulture);
        int point = exact.IndexOf('.');
        string kept = exact[..point] + exact.Substring(point + 1, decimals);
        ReadOnlySpan<char> rest = exact.AsSpan(point + 1 + decimals);
        BigInteger digits = BigInteger.Parse(kept, System.Globalization.CultureInfo.InvariantCulture);
        bool isTie = rest[0] == '5' && !rest[1..].ContainsAnyExcept('0');
        if (isTie ? !digits.IsEven : rest[0] >= '5') digits++;
        string text = digits + "e-" + decimals;
        return Math.CopySign(double.Parse(text, System.Globalization.CultureInfo.InvariantCulture), number);
    }

    static BigInteger RoundInteger(BigInteger value, int zeros)
    {
        if (zeros > PythonNumber.MaxDigits) return BigInteger.Zero;
        BigInteger unit = BigInteger.Pow(10, zeros);
        BigInteger quotient = BigInteger.DivRem(value, unit, out BigInteger remainder);
        int half = (BigInteger.Abs(remainder) * 2).CompareTo(unit);
        if (half > 0 || (half == 0 && !quotient.IsEven)) quotient += value.Sign;
        return quotient * unit;
    }
}

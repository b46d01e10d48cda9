using System.Numerics;

namespace OpenAutoGlm.Models.Templates;

/// <summary>Python's arithmetic: floor division, modulo with the sign of the divisor, + and * of texts and lists.</summary>
static class Operators
{
    public static TemplateValue Apply(string sign, TemplateValue left, TemplateValue right, Budget budget)
    {
        RequireDefined(left);
        if (sign == "%" && left is StringValue format) return new StringValue(PercentFormat.Format(format.Text, right, budget));
        RequireDefined(right);
        if (sign == "+" && TryConcatenate(left, right, budget) is { } joined) return joined;
        if (sign == "*" && TryRepeat(left, right, budget) is { } repeated) return repeated;
        budget.Object();
        if (PythonNumber.TryInteger(left, out BigInteger a) && PythonNumber.TryInteger(right, out BigInteger b)) return Integers(sign, a, b, budget);
        if (PythonNumber.TryFloat(left, out double x) && PythonNumber.TryFloat(right, out double y)) return new FloatValue(Floats(sign, x, y));
        throw TemplateFault.Evaluation($"unsupported operand types for {sign}: '{left.TypeName}' and '{right.TypeName}'");
    }

    public static TemplateValue Negate(string sign, TemplateValue operand, Budget budget)
    {
        RequireDefined(operand);
        budget.Object();
        if (operand is FloatValue number) return sign == "-" ? new FloatValue(-number.Value) : operand;
        if (PythonNumber.TryInteger(operand, out BigInteger integer)) return new IntegerValue(sign == "-" ? -integer : integer);
        throw TemplateFault.Evaluation($"bad operand type for unary {sign}: '{operand.TypeName}'");
    }

    /// <summary>What is undefined may be printed and tested, and nothing else.</summary>
    public static void RequireDefined(TemplateValue value)
    {
        if (value is UndefinedValue undefined) throw TemplateFault.Evaluation(undefined.Description);
    }

    static TemplateValue? TryConcatenate(TemplateValue left, TemplateValue right, Budget budget)
    {
        switch (left, right)
        {
            case (StringValue a, StringValue b):
                if (a.IsMarkup != b.IsMarkup)
                {
                    string joined = a.IsMarkup ? a.Text + Markup.Escape(b.Text, budget) : Markup.Escape(a.Text, budget) + b.Text;
                    budget.Characters(joined.Length);
                    return new StringValue(joined, isMarkup: true);
                }

                budget.Characters((long)a.Text.Length + b.Text.Length);
                return new StringValue(a.Text + b.Text, a.IsMarkup);
            case (ListValue a, ListValue b) when a.Kind == b.Kind && a.Kind is SequenceKind.List or SequenceKind.Tuple:
                budget.Elements((long)a.Items.Length + b.Items.Length);
                return new ListValue([.. a.Items, .. b.Items], a.Kind);
            case (StringValue, _):
                throw TemplateFault.Evaluation($"can only concatenate str (not \"{right.TypeName}\") to str");
            default:
                return null;
        }
    }

    static TemplateValue? TryRepeat(TemplateValue left, TemplateValue right, Budget budget)
    {
        if (left is not (StringValue or ListValue)) (left, right) = (right, left);
        if (left is not (StringValue or ListValue { Kind: SequenceKind.List or SequenceKind.Tuple })) return null;
        if (!PythonNumber.TryInteger(right, out BigInteger times)) return null;
        int length = left is StringValue s ? s.Text.Length : ((ListValue)left).Items.Length;
        if (times.Sign <= 0) length = 0;
        BigInteger total = length * BigInteger.Max(times, 0);
        long size = total > long.MaxValue ? long.MaxValue / 4 : (long)total;
        if (left is StringValue text)
        {
            budget.Characters(size);
            return new StringValue(length == 0 ? "" : string.Create((int)size, text.Text, static (span, unit) =>
            {
                for (int i = 0; i < span.Length; i += unit.Length) unit.CopyTo(span[i..]);
            }), text.IsMarkup);
        }

        ListValue list = (ListValue)left;
        budget.Elements(size);
        TemplateValue[] items = new TemplateValue[(int)size];
        for (int i = 0; i < items.Length; i += length) list.Items.CopyTo(items, i);
        return new ListValue(items, list.Kind);
    }

    static TemplateValue Integers(string sign, BigInteger a, BigInteger b, Budget budget)
    {
        long bits = Math.Max(a.GetBitLength(), b.GetBitLength()) + 1;
        switch (sign)
        {
            case "+":
                budget.Bits(bits);
                return new IntegerValue(a + b);
            case "-":
                budget.Bits(bits);
                return new IntegerValue(a - b);
            case "*":
                budget.Bits(a.GetBitLength() + b.GetBitLength());
                return new IntegerValue(a * b);
            case "/":
                if (b.IsZero) throw TemplateFault.Evaluation("division by zero");
                return new FloatValue((double)a / (double)b);
            case "//" or "%":
                if (b.IsZero) throw TemplateFault.Evaluation("integer division or modulo by zero");
                BigInteger quotient = BigInteger.DivRem(a, b, out BigInteger remainder);
                if (!remainder.IsZero && (remainder.Sign < 0) != (b.Sign < 0))
                {
                    quotient--;
                    remainder += b;
                }

                return new IntegerValue(sign == "//" ? quotient : remainder);
            default:
                return IntegerPower(a, b, budget);
        }
    }

    static TemplateValue IntegerPower(BigInteger a, BigInteger b, Budget budget)
    {
        if (b.Sign < 0)
        {
            if (a.IsZero) throw TemplateFault.Evaluation("0.0 cannot be raised to a negative power");
            return new FloatValue(FloatPower((double)a, (double)b));
        }

        bool staysSmall = a.IsZero || a.IsOne || a == BigInteger.MinusOne;
        if (!staysSmall)
        {
            BigInteger bits = a.GetBitLength() * b;
            budget.Bits(bits > int.MaxValue ? int.MaxValue : (long)bits);
        }

        int exponent = staysSmall ? (b.IsZero ? 0 : b.IsEven ? 2 : 1) : (int)b;
        return new IntegerValue(BigInteger.Pow(a, exponent));
    }

    static double Floats(string sign, double x, double y)
    {
        switch (sign)
        {
            case "+": return x + y;
            case "-": return x - y;
            case "*": return x * y;
            case "**": return FloatPower(x, y);
        }

        if (y == 0) throw TemplateFault.Evaluation("float division by zero");
        if (sign == "/") return x / y;
        double remainder = x % y;
        double quotient = (x - remainder) / y;
        if (remainder == 0)
        {
            remainder = Math.CopySign(0, y);
        }
        else if ((remainder < 0) != (y < 0))
        {
            remainder += y;
            quotient--;
        }

        if (sign == "%") return remainder;
        if (quotient == 0) return Math.CopySign(0, x / y);
        double floor = Math.Floor(quotient);
        return quotient - floor > 0.5 ? floor + 1 : floor;
    }

    static double FloatPower(double x, double y)
    {
        if (x == 0 && y < 0) throw TemplateFault.Evaluation("0.0 cannot be raised to a negative power");
        double power = Math.Pow(x, y);
        if (double.IsFinite(x) && double.IsFinite(y) && !double.IsFinite(power))
        {
            throw TemplateFault.Evaluation(double.IsNaN(power) ? "a negative number cannot be raised to a fraction" : "Numerical result out of range");
        }

        return power;
    }
}

/// <summary>Text that the safe and escape filters made.</summary>
static class Markup
{
    public static string Escape(string text, Budget budget)
    {
        budget.Scan(text.Length);
        if (!text.AsSpan().ContainsAny("&<>'\"")) return text;
        string escaped = text.Replace("&", "&amp;").Replace(">", "&gt;").Replace("<", "&lt;").Replace("'", "&#39;").Replace("\"", "&#34;");
        budget.Characters(escaped.Length);
        return escaped;
    }
}

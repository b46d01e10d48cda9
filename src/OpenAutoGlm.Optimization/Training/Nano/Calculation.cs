using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>
/// Calculations written digit by digit, as on paper: three digits a number, one line a digit, each a true statement with
/// what is carried or borrowed, and the result below.
/// </summary>
static class Calculation
{
    /// <summary>Most digits of an operand.</summary>
    public const int Digits = 3;

    /// <summary>a + b, from the last digit on: digit + digit + carried = sum.</summary>
    public static string Add(int a, int b)
    {
        StringBuilder lines = Head(a, '+', b, Digits);
        int carried = 0;
        for (int place = 1; place <= 100; place *= 10)
        {
            (int x, int y) = (a / place % 10, b / place % 10);
            int sum = x + y + carried;
            Line(lines, $"{x}+{y}+{carried}={sum:00}");
            carried = sum / 10;
        }

        return Result(lines, a + b, Digits + 1);
    }

    /// <summary>a − b ≥ 0, from the last digit on: digit, with 10 lent where it is too small, − digit − borrowed = difference.</summary>
    public static string Subtract(int a, int b)
    {
        StringBuilder lines = Head(a, '-', b, Digits);
        int borrowed = 0;
        for (int place = 1; place <= 100; place *= 10)
        {
            (int x, int y) = (a / place % 10, b / place % 10);
            int lent = x - y - borrowed < 0 ? 1 : 0;
            Line(lines, $"{lent}{x}-{y}-{borrowed}={(10 * lent) + x - y - borrowed}");
            borrowed = lent;
        }

        return Result(lines, a - b, Digits);
    }

    /// <summary>a · digit, from the last digit on: digit · digit + carried = product.</summary>
    public static string Multiply(int a, int digit)
    {
        StringBuilder lines = Head(a, '*', digit, 1);
        int carried = 0;
        for (int place = 1; place <= 100; place *= 10)
        {
            int x = a / place % 10;
            int product = (x * digit) + carried;
            Line(lines, $"{x}*{digit}+{carried}={product:00}");
            carried = product / 10;
        }

        return Result(lines, a * digit, Digits + 1);
    }

    /// <summary>a ÷ digit without remainder, from the first digit on: what is left and the next digit / digit = quotient r remainder.</summary>
    public static string Divide(int a, int digit)
    {
        StringBuilder lines = Head(a, '/', digit, 1);
        int left = 0;
        for (int place = 100; place >= 1; place /= 10)
        {
            int x = a / place % 10;
            int whole = (10 * left) + x;
            Line(lines, $"{left}{x}/{digit}={whole / digit}r{whole % digit}");
            left = whole % digit;
        }

        return Result(lines, a / digit, Digits);
    }

    static StringBuilder Head(int a, char sign, int b, int digits) =>
        new StringBuilder().Append(Padded(a, Digits)).Append(sign).Append(Padded(b, digits)).Append('\n');

    static string Result(StringBuilder lines, int value, int digits) => lines.Append(Padded(value, digits)).ToString();

    static void Line(StringBuilder lines, FormattableString line) => lines.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

    static string Padded(int value, int digits) => value.ToString(CultureInfo.InvariantCulture).PadLeft(digits, '0');
}

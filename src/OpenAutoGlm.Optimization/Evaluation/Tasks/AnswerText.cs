using System.Globalization;

namespace OpenAutoGlm.Optimization.Evaluation.Tasks;

/// <summary>When two short answers are the same.</summary>
static class AnswerText
{
    internal static bool Same(string wanted, string found) =>
        string.Equals(wanted.Trim(), found.Trim(), StringComparison.Ordinal) || (Number(wanted) is { } a && Number(found) is { } b && a == b);

    /// <summary>1,234.50, $1234.5 and 1234.5. are one number.</summary>
    static decimal? Number(string text)
    {
        string plain = text.Trim().TrimStart('$', '€').TrimEnd('.', '%');
        return decimal.TryParse(plain, NumberStyles.AllowLeadingSign | NumberStyles.AllowThousands | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number) ? number : null;
    }
}

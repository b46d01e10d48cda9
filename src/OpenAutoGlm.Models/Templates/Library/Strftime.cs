using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Models.Templates;

/// <summary>C's strftime in the C locale, for dates in system prompts.</summary>
static class Strftime
{
    public static TemplateValue Format(string format, TimeProvider time, Budget budget)
    {
        budget.Characters(format.Length);
        DateTimeOffset now = time.GetLocalNow();
        StringBuilder text = new();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format[i]);
                continue;
            }

            char directive = format[++i];
            bool isUnpadded = directive == '-' && i + 1 < format.Length;
            if (isUnpadded) directive = format[++i];
            string field = Field(directive, now);
            text.Append(isUnpadded && field.Length > 1 ? field.TrimStart('0') is { Length: > 0 } trimmed ? trimmed : "0" : field);
            budget.Step();
        }

        budget.Characters(text.Length);
        return text.ToString();
    }

    static string Field(char directive, DateTimeOffset now) => directive switch
    {
        'a' => Text(now, "ddd"),
        'A' => Text(now, "dddd"),
        'b' or 'h' => Text(now, "MMM"),
        'B' => Text(now, "MMMM"),
        'c' => Text(now, "ddd MMM ") + Padded(now.Day, 2, ' ') + Text(now, " HH:mm:ss yyyy"),
        'd' => Text(now, "dd"),
        'D' or 'x' => Text(now, "MM/dd/yy"),
        'e' => Padded(now.Day, 2, ' '),
        'f' => Text(now, "ffffff"),
        'F' => Text(now, "yyyy-MM-dd"),
        'G' => ISOWeek.GetYear(now.DateTime).ToString(CultureInfo.InvariantCulture),
        'H' => Text(now, "HH"),
        'I' => Text(now, "hh"),
        'j' => Padded(now.DayOfYear, 3, '0'),
        'm' => Text(now, "MM"),
        'M' => Text(now, "mm"),
        'n' => "\n",
        'p' => Text(now, "tt"),
        'R' => Text(now, "HH:mm"),
        's' => now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
        'S' => Text(now, "ss"),
        't' => "\t",
        'T' or 'X' => Text(now, "HH:mm:ss"),
        'u' => (now.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)now.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        'U' => Padded((now.DayOfYear + 6 - (int)now.DayOfWeek) / 7, 2, '0'),
        'V' => Padded(ISOWeek.GetWeekOfYear(now.DateTime), 2, '0'),
        'w' => ((int)now.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        'W' => Padded((now.DayOfYear + 6 - (((int)now.DayOfWeek + 6) % 7)) / 7, 2, '0'),
        'y' => Text(now, "yy"),
        'Y' => Text(now, "yyyy"),
        'z' or 'Z' => "",
        '%' => "%",
        _ => "%" + directive,
    };

    static string Text(DateTimeOffset now, string format) => now.ToString(format, CultureInfo.InvariantCulture);

    static string Padded(int value, int width, char padding) => value.ToString(CultureInfo.InvariantCulture).PadLeft(width, padding);
}

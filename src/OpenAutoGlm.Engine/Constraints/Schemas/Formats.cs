using System.Collections.Frozen;
using System.Globalization;
using OpenAutoGlm.Engine.Constraints.Automata;
using OpenAutoGlm.Engine.Constraints.Patterns;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>
/// Formats of strings that are regular. Sources: RFC 3339 (dates, times, durations), 5321 (mail), 1123 (host names),
/// 2673 and 4291 (addresses), 3986 (URIs), 4122 (UUIDs), 6901 (pointers).
/// </summary>
static class Formats
{
    const string Octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    const string V4 = $"{Octet}(\\.{Octet}){{3}}";
    const string Date =
        "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
        + "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)";

    const string Unreserved = "[A-Za-z0-9\\-._~]";
    const string Escaped = "%[0-9A-Fa-f]{2}";
    const string PathCharacter = $"({Unreserved}|{Escaped}|[!$&'()*+,;=:@])";
    const string Segments = $"(/{PathCharacter}*)*";
    const string Query = $"(\\?({PathCharacter}|[/?])*)?(#({PathCharacter}|[/?])*)?";
    const string Pointer = "(/([^/~]|~[01])*)*";
    const string Atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\-]+";
    const string Label = "[A-Za-z0-9]([A-Za-z0-9\\-]{0,61}[A-Za-z0-9])?";

    static readonly string V6 = V6Pattern();
    static readonly string Authority = $"(({Unreserved}|{Escaped}|[!$&'()*+,;=:])*@)?(\\[({V6}|[vV][0-9A-Fa-f]+\\.({Unreserved}|[!$&'()*+,;=:])+)\\]|({Unreserved}|{Escaped}|[!$&'()*+,;=])*)(:[0-9]*)?";
    static readonly string Uri = $"[A-Za-z][A-Za-z0-9+\\-.]*:(//{Authority}{Segments}|/({PathCharacter}+{Segments})?|{PathCharacter}+{Segments}|){Query}";
    static readonly string Relative = $"(//{Authority}{Segments}|/({PathCharacter}+{Segments})?|({Unreserved}|{Escaped}|[!$&'()*+,;=@])+{Segments}|){Query}";

    static readonly FrozenDictionary<string, Lazy<StringLanguage>> Known = new Dictionary<string, Lazy<StringLanguage>>
    {
        ["date"] = Whole(() => Date),
        ["time"] = new(() => StringLanguage.Of(Time(""))),
        ["date-time"] = new(() => StringLanguage.Of(Time($"{Date}[Tt]"))),
        ["duration"] = Whole(() => "P([0-9]+W|([0-9]+Y([0-9]+M([0-9]+D)?)?|[0-9]+M([0-9]+D)?|[0-9]+D)(T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S))?"
            + "|T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S))"),
        ["email"] = Whole(() => $"({Atom}(\\.{Atom})*|\"([ !#-\\[\\]-~]|\\\\[ -~])*\")@({Label}(\\.{Label})*|\\[({V4}|IPv6:({V6}))\\])"),
        ["hostname"] = new(HostName),
        ["ipv4"] = Whole(() => V4),
        ["ipv6"] = Whole(() => V6),
        ["uuid"] = Whole(() => "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"),
        ["uri"] = Whole(() => Uri),
        ["uri-reference"] = Whole(() => $"({Uri}|{Relative})"),
        ["json-pointer"] = Whole(() => Pointer),
        ["relative-json-pointer"] = Whole(() => $"(0|[1-9][0-9]*)(#|{Pointer})"),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The texts of a format; null where the format is not known.</summary>
    public static StringLanguage? Find(string name) => Known.TryGetValue(name, out Lazy<StringLanguage>? language) ? language.Value : null;

    static Lazy<StringLanguage> Whole(Func<string> pattern) => new(() => StringLanguage.Of(PatternCompiler.Whole(pattern())));

    /// <summary>Times with what stands before them. A minute of 61 seconds ends at midnight in Greenwich only.</summary>
    static Dfa Time(string before)
    {
        Dfa ordinary = PatternCompiler.Whole($"{before}([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?([Zz]|[+\\-]([01][0-9]|2[0-3]):[0-5][0-9])");
        Dfa all = DfaAlgebra.Union(ordinary, PatternCompiler.Whole($"{before}23:59:60(\\.[0-9]+)?[Zz]"));
        for (int hour = 0; hour < 24; hour++)
        {
            List<string> leaps = [];
            for (int minute = 0; minute < 60; minute++)
            {
                int offset = hour * 60 + minute;
                foreach ((char sign, int shift) in (ReadOnlySpan<(char, int)>)[('+', offset), ('-', -offset)])
                {
                    int local = (23 * 60 + 59 + shift + 1440) % 1440;
                    leaps.Add(string.Create(CultureInfo.InvariantCulture, $"{local / 60:00}:{local % 60:00}:60(\\.[0-9]+)?\\{sign}{hour:00}:{minute:00}"));
                }
            }

            all = DfaAlgebra.Union(all, PatternCompiler.Whole($"{before}({string.Join('|', leaps)})"));
        }

        return all;
    }

    /// <summary>
    /// Host names without the labels that stand for other scripts (xn--…), whose validity is not regular: a subset that is
    /// always right.
    /// </summary>
    static StringLanguage HostName()
    {
        Dfa names = PatternCompiler.Whole($"{Label}(\\.{Label})*");
        Dfa reserved = PatternCompiler.Search("(^|\\.)[A-Za-z0-9][A-Za-z0-9\\-]--");
        return new StringLanguage([new StringTerm(DfaAlgebra.Except(names, reserved), 1, 253)]);
    }

    /// <summary>Eight groups, of which a run may be left out once, and the last two may be an IPv4 address.</summary>
    static string V6Pattern()
    {
        const string Group = "[0-9A-Fa-f]{1,4}";
        const string Tail = $"({Group}:{Group}|{V4})";
        List<string> forms = [$"({Group}:){{6}}{Tail}"];
        for (int before = 0; before <= 7; before++)
        {
            string left = before == 0 ? "" : $"{Group}(:{Group}){{{before - 1}}}";
            int after = 7 - before;
            List<string> rights = [""];
            if (after >= 1)
            {
                rights.Add($"{Group}(:{Group}){{0,{after - 1}}}");
            }

            if (after >= 2)
            {
                rights.Add($"({Group}:){{0,{after - 2}}}{V4}");
            }

            forms.Add($"{left}::({string.Join('|', rights)})");
        }

        return $"({string.Join('|', forms)})";
    }
}

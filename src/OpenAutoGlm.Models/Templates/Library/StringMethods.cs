using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Models.Templates;

/// <summary>Methods of texts, as Python's str has them.</summary>
static class StringMethods
{
    delegate TemplateValue Method(StringValue text, TemplateValue?[] arguments, Budget budget);

    static readonly Dictionary<string, (Signature Signature, Method Body)> All = new(StringComparer.Ordinal);

    static StringMethods()
    {
        Add("strip", "chars=, /", (s, a, budget) => Strip(s.Text, a[0], budget));
        Add("lstrip", "chars=, /", (s, a, budget) => Strip(s.Text, a[0], budget, end: false));
        Add("rstrip", "chars=, /", (s, a, budget) => Strip(s.Text, a[0], budget, start: false));
        Add("upper", "", (s, _, budget) => Made(Upper(s.Text, budget), budget));
        Add("lower", "", (s, _, budget) => Made(Lower(s.Text, budget), budget));
        Add("casefold", "", (s, _, budget) => Made(Lower(s.Text, budget).Replace("ß", "ss"), budget));
        Add("swapcase", "", (s, _, budget) => Made(string.Concat(s.Text.Select(c => char.IsUpper(c) ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c))), budget));
        Add("title", "", (s, _, budget) => Made(Title(s.Text), budget));
        Add("capitalize", "", (s, _, budget) => Made(Capitalize(s.Text), budget));
        Add("split", "sep=, maxsplit=", (s, a, budget) => TextSplitting.Split(s.Text, a, budget));
        Add("rsplit", "sep=, maxsplit=", (s, a, budget) => TextSplitting.SplitFromEnd(s.Text, a, budget));
        Add("splitlines", "keepends=", (s, a, budget) => TextSplitting.Lines(s.Text, Arguments.IsTrue(a[0]), budget));
        Add("partition", "sep, /", (s, a, budget) => TextSplitting.Partition(s.Text, Arguments.Text(a[0], "sep"), fromEnd: false, budget));
        Add("rpartition", "sep, /", (s, a, budget) => TextSplitting.Partition(s.Text, Arguments.Text(a[0], "sep"), fromEnd: true, budget));
        Add("join", "iterable, /", Join);
        Add("replace", "old, new, count=, /", (s, a, budget) =>
            Replace(s.Text, Arguments.Text(a[0], "old"), Arguments.Text(a[1], "new"), Arguments.Integer(a[2], -1, "count"), budget));
        Add("startswith", "prefix, start=, end=, /", (s, a, budget) => HasAffix(s, a, budget, static (part, affix) => part.StartsWith(affix, StringComparison.Ordinal)));
        Add("endswith", "suffix, start=, end=, /", (s, a, budget) => HasAffix(s, a, budget, static (part, affix) => part.EndsWith(affix, StringComparison.Ordinal)));
        Add("removeprefix", "prefix, /", (s, a, budget) => s.Text.StartsWith(Arguments.Text(a[0], "prefix"), StringComparison.Ordinal) ? Made(s.Text[Arguments.Text(a[0], "prefix").Length..], budget) : s);
        Add("removesuffix", "suffix, /", (s, a, budget) => s.Text.EndsWith(Arguments.Text(a[0], "suffix"), StringComparison.Ordinal) ? Made(s.Text[..^Arguments.Text(a[0], "suffix").Length], budget) : s);
        Add("find", "sub, start=, end=, /", (s, a, budget) => IndexOf(s, a, budget, fromEnd: false));
        Add("rfind", "sub, start=, end=, /", (s, a, budget) => IndexOf(s, a, budget, fromEnd: true));
        Add("index", "sub, start=, end=, /", (s, a, budget) => Found(IndexOf(s, a, budget, fromEnd: false)));
        Add("rindex", "sub, start=, end=, /", (s, a, budget) => Found(IndexOf(s, a, budget, fromEnd: true)));
        Add("count", "sub, start=, end=, /", Count);
        Add("center", "width, fillchar=, /", (s, a, budget) => Pad(s, a, budget, missing => (missing / 2) + (missing & Arguments.Integer(a[0], 0, "width") & 1)));
        Add("ljust", "width, fillchar=, /", (s, a, budget) => Pad(s, a, budget, static _ => 0));
        Add("rjust", "width, fillchar=, /", (s, a, budget) => Pad(s, a, budget, static missing => missing));
        Add("zfill", "width, /", ZeroFill);
        Add("expandtabs", "tabsize=", ExpandTabs);
        Add("isalpha", "", (s, _, _) => IsAll(s, static rune => Rune.IsLetter(rune)));
        Add("isalnum", "", (s, _, _) => IsAll(s, static rune => Rune.IsLetterOrDigit(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.OtherNumber or UnicodeCategory.LetterNumber));
        Add("isdigit", "", (s, _, _) => IsAll(s, static rune => Rune.IsDigit(rune)));
        Add("isdecimal", "", (s, _, _) => IsAll(s, static rune => Rune.IsDigit(rune)));
        Add("isnumeric", "", (s, _, _) => IsAll(s, static rune => Rune.IsNumber(rune)));
        Add("isspace", "", (s, _, _) => s.Text.Length > 0 && s.Text.All(PythonText.IsSpace));
        Add("isascii", "", (s, _, _) => Ascii.IsValid(s.Text));
        Add("islower", "", (s, _, _) => IsLower(s.Text));
        Add("isupper", "", (s, _, _) => IsUpper(s.Text));
        Add("istitle", "", (s, _, _) => s.Text.Any(char.IsLetter) && s.Text == Title(s.Text));
        Add("isidentifier", "", (s, _, _) => s.Text.Length > 0 && !char.IsDigit(s.Text[0]) && s.Text.All(c => c == '_' || char.IsLetterOrDigit(c)));
    }

    /// <summary>A method bound to a text; null where there is none of that name.</summary>
    public static TemplateValue? Find(StringValue text, string name)
    {
        if (name == "format") return new CallableValue(name, (interpreter, arguments) => new StringValue(BraceFormat.Format(text.Text, arguments, interpreter.Budget)));
        if (!All.TryGetValue(name, out var method)) return null;
        return new CallableValue(name, (interpreter, arguments) =>
        {
            interpreter.Budget.Scan(text.Text.Length);
            TemplateValue result = method.Body(text, method.Signature.Bind(name, arguments), interpreter.Budget);
            return text.IsMarkup && result is StringValue made ? new StringValue(made.Text, isMarkup: true) : result;
        });
    }

    static void Add(string name, string parameters, Method body) => All[name] = (new(parameters), body);

    /// <summary>A text that was made from another and is at most a few times as long.</summary>
    static StringValue Made(string text, Budget budget)
    {
        budget.Characters(text.Length);
        return new(text);
    }

    public static string Upper(string text, Budget budget)
    {
        budget.Characters(text.Length);
        string upper = text.ToUpperInvariant();
        return upper.Contains('ß') ? upper.Replace("ß", "SS") : upper;
    }

    public static string Lower(string text, Budget budget)
    {
        budget.Characters(text.Length);
        return text.ToLowerInvariant();
    }

    public static string Capitalize(string text) =>
        text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant();

    static string Title(string text)
    {
        StringBuilder title = new(text.Length);
        bool isInside = false;
        foreach (char c in text)
        {
            title.Append(isInside ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c));
            isInside = char.IsLetter(c);
        }

        return title.ToString();
    }

    public static bool IsLower(string text) => text.Any(char.IsLower) && !text.Any(char.IsUpper);

    public static bool IsUpper(string text) => text.Any(char.IsUpper) && !text.Any(char.IsLower);

    public static StringValue Strip(string text, TemplateValue? characters, Budget budget, bool start = true, bool end = true)
    {
        Predicate<char> isStripped = PythonText.IsSpace;
        if (characters is not (null or NoneValue))
        {
            HashSet<char> set = [.. Arguments.Text(characters, "chars")];
            budget.Scan(set.Count);
            isStripped = set.Contains;
        }

        int first = 0;
        int last = text.Length;
        while (start && first < last && isStripped(text[first])) first++;
        while (end && last > first && isStripped(text[last - 1])) last--;
        return Made(text[first..last], budget);
    }

    public static StringValue Replace(string text, string old, string replacement, int count, Budget budget)
    {
        budget.Scan(text.Length);
        StringValue whole = new(text);
        List<int> places = [];
        if (old.Length == 0)
        {
            for (int i = 0; i <= whole.Length && (count < 0 || places.Count < count); i++) places.Add(whole.Start(i));
        }
        else
        {
            for (int i = text.IndexOf(old, StringComparison.Ordinal); i >= 0 && (count < 0 || places.Count < count); i = text.IndexOf(old, i + old.Length, StringComparison.Ordinal))
            {
                places.Add(i);
            }
        }

        if (places.Count == 0) return whole;
        long length = text.Length + ((long)places.Count * (replacement.Length - old.Length));
        budget.Characters(length);
        budget.Step(places.Count);
        StringBuilder result = new((int)length);
        int from = 0;
        foreach (int place in places)
        {
            result.Append(text, from, place - from).Append(replacement);
            from = place + old.Length;
        }

        return new(result.Append(text, from, text.Length - from).ToString());
    }

    static TemplateValue Join(StringValue separator, TemplateValue?[] arguments, Budget budget)
    {
        TemplateValue[] items = Access.Walk(arguments[0]!, budget);
        string[] parts = new string[items.Length];
        long length = Math.Max(0, items.Length - 1L) * separator.Text.Length;
        for (int i = 0; i < items.Length; i++)
        {
            parts[i] = items[i] is StringValue text ? text.Text : throw TemplateFault.Evaluation($"sequence item {i}: expected str instance, {items[i].TypeName} found");
            length += parts[i].Length;
        }

        budget.Characters(length);
        return new StringValue(string.Join(separator.Text, parts));
    }

    static TemplateValue HasAffix(StringValue text, TemplateValue?[] arguments, Budget budget, Func<string, string, bool> matches)
    {
        (string part, _) = Part(text, arguments, budget);
        return arguments[0] switch
        {
            StringValue affix => matches(part, affix.Text),
            ListValue { Kind: SequenceKind.Tuple } several => several.Items.Any(item => matches(part, Arguments.Text(item, "the affix"))),
            _ => throw TemplateFault.Evaluation($"the affix must be str or a tuple of str, not {arguments[0]!.TypeName}"),
        };
    }

    /// <summary>The part between the optional start and end, and the code point where it begins.</summary>
    static (string Text, int Start) Part(StringValue text, TemplateValue?[] arguments, Budget budget)
    {
        if (arguments[1] is null && arguments[2] is null) return (text.Text, 0);
        int start = Bound(arguments[1], 0);
        int end = Bound(arguments[2], text.Length);
        if (end < start) return ("", start);
        budget.Characters(end - start);
        return (text.Text[text.Start(start)..text.Start(end)], start);

        int Bound(TemplateValue? value, int missing)
        {
            if (value is null or NoneValue) return missing;
            long bound = Arguments.Integer(value, missing, "an index");
            return (int)Math.Clamp(bound < 0 ? bound + text.Length : bound, 0, text.Length);
        }
    }

    static long IndexOf(StringValue text, TemplateValue?[] arguments, Budget budget, bool fromEnd)
    {
        string wanted = Arguments.Text(arguments[0], "sub");
        (string part, int start) = Part(text, arguments, budget);
        int index = fromEnd ? part.LastIndexOf(wanted, StringComparison.Ordinal) : part.IndexOf(wanted, StringComparison.Ordinal);
        return index < 0 ? -1 : start + new StringValue(part).CodePointOf(index);
    }

    static long Found(long index) => index >= 0 ? index : throw TemplateFault.Evaluation("substring not found");

    static TemplateValue Count(StringValue text, TemplateValue?[] arguments, Budget budget)
    {
        string wanted = Arguments.Text(arguments[0], "sub");
        (string part, _) = Part(text, arguments, budget);
        if (wanted.Length == 0) return new StringValue(part).Length + 1L;
        long count = 0;
        for (int i = part.IndexOf(wanted, StringComparison.Ordinal); i >= 0; i = part.IndexOf(wanted, i + wanted.Length, StringComparison.Ordinal)) count++;
        return count;
    }

    static StringValue Pad(StringValue text, TemplateValue?[] arguments, Budget budget, Func<int, int> missingBefore)
    {
        int width = Arguments.Integer(arguments[0], 0, "width");
        string fill = arguments[1] is null ? " " : Arguments.Text(arguments[1], "fillchar");
        if (fill.Length != 1) throw TemplateFault.Evaluation("The fill character must be exactly one character long");
        int missing = width - text.Length;
        if (missing <= 0) return text;
        budget.Characters((long)text.Text.Length + missing);
        int before = missingBefore(missing);
        return new(new string(fill[0], before) + text.Text + new string(fill[0], missing - before));
    }

    static TemplateValue ZeroFill(StringValue text, TemplateValue?[] arguments, Budget budget)
    {
        int missing = Arguments.Integer(arguments[0], 0, "width") - text.Length;
        if (missing <= 0) return text;
        budget.Characters((long)text.Text.Length + missing);
        int sign = text.Text.Length > 0 && text.Text[0] is '+' or '-' ? 1 : 0;
        return new StringValue(text.Text[..sign] + new string('0', missing) + text.Text[sign..]);
    }

    static TemplateValue ExpandTabs(StringValue text, TemplateValue?[] arguments, Budget budget)
    {
        int size = Math.Max(0, Arguments.Integer(arguments[0], 8, "tabsize"));
        StringBuilder result = new();
        int column = 0;
        foreach (char c in text.Text)
        {
            if (c == '\t')
            {
                int spaces = size == 0 ? 0 : size - (column % size);
                budget.Characters((long)result.Length + spaces);
                result.Append(' ', spaces);
                column += spaces;
                continue;
            }

            result.Append(c);
            column = c is '\n' or '\r' ? 0 : column + 1;
        }

        return Made(result.ToString(), budget);
    }

    static bool IsAll(StringValue text, Func<Rune, bool> isKind)
    {
        foreach (Rune rune in text.Text.EnumerateRunes())
        {
            if (!isKind(rune)) return false;
        }

        return text.Text.Length > 0;
    }
}

namespace OpenAutoGlm.Models.Templates;

/// <summary>split, rsplit, splitlines and partition.</summary>
static class TextSplitting
{
    public static ListValue Split(string text, TemplateValue?[] arguments, Budget budget)
    {
        int limit = Arguments.Integer(arguments[1], -1, "maxsplit");
        return arguments[0] is null or NoneValue
            ? SplitAtSpace(text, limit, budget)
            : SplitAt(text, Separator(arguments[0]!), limit, budget);
    }

    public static ListValue SplitFromEnd(string text, TemplateValue?[] arguments, Budget budget)
    {
        int limit = Arguments.Integer(arguments[1], -1, "maxsplit");
        if (arguments[0] is null or NoneValue) return SplitAtSpaceFromEnd(text, limit, budget);
        string separator = Separator(arguments[0]!);
        List<TemplateValue> parts = [];
        int end = text.Length;
        while (limit < 0 || parts.Count < limit)
        {
            int place = end < separator.Length ? -1 : text.LastIndexOf(separator, end - 1, StringComparison.Ordinal);
            if (place < 0) break;
            parts.Add(Part(text, place + separator.Length, end, budget));
            end = place;
        }

        parts.Add(Part(text, 0, end, budget));
        return Reversed(parts, budget);
    }

    public static ListValue Lines(string text, bool keepsEnds, Budget budget)
    {
        List<TemplateValue> lines = [];
        int start = 0;
        while (start < text.Length)
        {
            int end = text.AsSpan(start).IndexOfAny("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029");
            end = end < 0 ? text.Length : start + end;
            int next = end + (end + 1 < text.Length && text[end] == '\r' && text[end + 1] == '\n' ? 2 : end < text.Length ? 1 : 0);
            lines.Add(Part(text, start, keepsEnds ? next : end, budget));
            start = next;
        }

        budget.Elements(lines.Count);
        return new([.. lines]);
    }

    public static ListValue Partition(string text, string separator, bool fromEnd, Budget budget)
    {
        if (separator.Length == 0) throw TemplateFault.Evaluation("empty separator");
        int place = fromEnd ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        TemplateValue[] parts = place < 0
            ? fromEnd ? [StringValue.Empty, StringValue.Empty, new StringValue(text)] : [new StringValue(text), StringValue.Empty, StringValue.Empty]
            : [Part(text, 0, place, budget), new StringValue(separator), Part(text, place + separator.Length, text.Length, budget)];
        return new(parts, SequenceKind.Tuple);
    }

    static string Separator(TemplateValue value) =>
        Arguments.Text(value, "sep") is { Length: > 0 } separator ? separator : throw TemplateFault.Evaluation("empty separator");

    static ListValue SplitAt(string text, string separator, int limit, Budget budget)
    {
        List<TemplateValue> parts = [];
        int start = 0;
        while (limit < 0 || parts.Count < limit)
        {
            int place = text.IndexOf(separator, start, StringComparison.Ordinal);
            if (place < 0) break;
            parts.Add(Part(text, start, place, budget));
            start = place + separator.Length;
        }

        parts.Add(Part(text, start, text.Length, budget));
        budget.Elements(parts.Count);
        return new([.. parts]);
    }

    static ListValue SplitAtSpace(string text, int limit, Budget budget)
    {
        List<TemplateValue> parts = [];
        int position = 0;
        while (true)
        {
            while (position < text.Length && PythonText.IsSpace(text[position])) position++;
            if (position == text.Length) break;
            int end = position;
            if (limit >= 0 && parts.Count >= limit) end = text.Length;
            else while (end < text.Length && !PythonText.IsSpace(text[end])) end++;
            parts.Add(Part(text, position, end, budget));
            position = end;
        }

        budget.Elements(parts.Count);
        return new([.. parts]);
    }

    static ListValue SplitAtSpaceFromEnd(string text, int limit, Budget budget)
    {
        List<TemplateValue> parts = [];
        int position = text.Length;
        while (true)
        {
            while (position > 0 && PythonText.IsSpace(text[position - 1])) position--;
            if (position == 0) break;
            int start = position;
            if (limit >= 0 && parts.Count >= limit) start = 0;
            else while (start > 0 && !PythonText.IsSpace(text[start - 1])) start--;
            parts.Add(Part(text, start, position, budget));
            position = start;
        }

        return Reversed(parts, budget);
    }

    static ListValue Reversed(List<TemplateValue> parts, Budget budget)
    {
        budget.Elements(parts.Count);
        parts.Reverse();
        return new([.. parts]);
    }

    static StringValue Part(string text, int start, int end, Budget budget)
    {
        budget.Characters(end - start);
        return new(text[start..end]);
    }
}

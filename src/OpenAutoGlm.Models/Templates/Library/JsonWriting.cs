using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Models.Templates;

/// <summary>Values as Python's json.dumps writes them: ", " and ": " between parts, non-ASCII characters kept unless asked.</summary>
sealed class JsonWriting(Budget budget, bool isAscii, string? indent, string itemSeparator, string keySeparator, bool sortsKeys)
{
    readonly StringBuilder _text = new();

    /// <summary>The JSON of a value.</summary>
    public string Write(TemplateValue value)
    {
        Write(value, 0);
        return _text.ToString();
    }

    void Write(TemplateValue value, int nesting)
    {
        budget.Step();
        if (nesting > budget.Limits.ValueNesting) throw TemplateFault.Limit($"A value is nested deeper than {budget.Limits.ValueNesting} levels.");
        switch (value)
        {
            case NoneValue: Append("null"); break;
            case BooleanValue boolean: Append(boolean.IsTrue ? "true" : "false"); break;
            case FloatValue number: Append(Number(number.Value)); break;
            case IntegerValue: Append(PythonText.Str(value, budget)); break;
            case StringValue text: WriteString(text.Text); break;
            case ListValue { Kind: SequenceKind.List or SequenceKind.Tuple } list: WriteList(list, nesting); break;
            case MapValue map: WriteMap(map, nesting); break;
            default: throw TemplateFault.Evaluation($"Object of type {value.TypeName} is not JSON serializable");
        }
    }

    void WriteList(ListValue list, int nesting)
    {
        Append("[");
        for (int i = 0; i < list.Items.Length; i++)
        {
            if (i > 0) Append(itemSeparator);
            NewLine(nesting + 1);
            Write(list.Items[i], nesting + 1);
        }

        if (list.Items.Length > 0) NewLine(nesting);
        Append("]");
    }

    void WriteMap(MapValue map, int nesting)
    {
        Append("{");
        IEnumerable<KeyValuePair<TemplateValue, TemplateValue>> entries = map.Entries;
        if (sortsKeys)
        {
            budget.Elements(map.Entries.Count);
            entries = map.Entries.OrderBy(entry => entry.Key, Comparer<TemplateValue>.Create((a, b) => Comparisons.Order(a, b, budget)));
        }

        bool isFirst = true;
        foreach ((TemplateValue key, TemplateValue value) in entries)
        {
            if (!isFirst) Append(itemSeparator);
            isFirst = false;
            NewLine(nesting + 1);
            WriteString(KeyText(key));
            Append(keySeparator);
            Write(value, nesting + 1);
        }

        if (!isFirst) NewLine(nesting);
        Append("}");
    }

    string KeyText(TemplateValue key) => key switch
    {
        StringValue text => text.Text,
        NoneValue => "null",
        BooleanValue boolean => boolean.IsTrue ? "true" : "false",
        FloatValue number => Number(number.Value),
        IntegerValue => PythonText.Str(key, budget),
        _ => throw TemplateFault.Evaluation($"keys must be str, int, float, bool or None, not {key.TypeName}"),
    };

    static string Number(double value) =>
        double.IsNaN(value) ? "NaN" : double.IsInfinity(value) ? (value > 0 ? "Infinity" : "-Infinity") : PythonNumber.Repr(value);

    void NewLine(int nesting)
    {
        if (indent is null) return;
        budget.Characters(1 + ((long)indent.Length * nesting));
        _text.Append('\n').Insert(_text.Length, indent, nesting);
        CheckLength();
    }

    void Append(string text)
    {
        budget.Characters(text.Length);
        _text.Append(text);
        CheckLength();
    }

    void CheckLength()
    {
        if (_text.Length > budget.Limits.StringCharacters) budget.Characters(_text.Length);
    }

    void WriteString(string value)
    {
        budget.Characters(value.Length);
        _text.Append('"');
        foreach (char c in value)
        {
            switch (c)
            {
                case '"': _text.Append("\\\""); break;
                case '\\': _text.Append("\\\\"); break;
                case '\n': _text.Append("\\n"); break;
                case '\r': _text.Append("\\r"); break;
                case '\t': _text.Append("\\t"); break;
                case '\b': _text.Append("\\b"); break;
                case '\f': _text.Append("\\f"); break;
                case < ' ' or > '~' when c < ' ' || (isAscii && c != '\x7f'):
                    _text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
                    break;
                default: _text.Append(c); break;
            }
        }

        _text.Append('"');
        CheckLength();
    }
}

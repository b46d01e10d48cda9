using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Models.Templates;

/// <summary>Values as Python's str() and repr() write them, and Python's idea of space.</summary>
static class PythonText
{
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    /// <summary>The text of a value as str() gives it.</summary>
    public static string Str(TemplateValue value, Budget budget)
    {
        switch (value)
        {
            case StringValue text: return text.Text;
            case UndefinedValue: return "";
            case NoneValue: return "None";
            case BooleanValue boolean: return boolean.IsTrue ? "True" : "False";
            case FloatValue number: return PythonNumber.Repr(number.Value);
            case IntegerValue integer:
                budget.Characters((integer.Value.GetBitLength() / 3) + 1);
                return integer.Value.ToString(CultureInfo.InvariantCulture);
            default:
                StringBuilder text_ = new();
                WriteRepr(value, text_, budget, 0);
                return text_.ToString();
        }
    }

    /// <summary>The text of a value as repr() gives it.</summary>
    public static string Repr(TemplateValue value, Budget budget)
    {
        StringBuilder text = new();
        WriteRepr(value, text, budget, 0);
        return text.ToString();
    }

    static void WriteRepr(TemplateValue value, StringBuilder text, Budget budget, int nesting)
    {
        budget.Step();
        if (nesting > budget.Limits.ValueNesting) throw TemplateFault.Limit($"A value is nested deeper than {budget.Limits.ValueNesting} levels.");
        int before = text.Length;
        switch (value)
        {
            case StringValue { IsMarkup: true } markup:
                text.Append("Markup(");
                WriteQuoted(markup.Text, text, budget);
                text.Append(')');
                break;
            case StringValue plain: WriteQuoted(plain.Text, text, budget); break;
            case UndefinedValue: text.Append("Undefined"); break;
            case RangeValue range: text.Append(range); break;
            case ListValue { Kind: SequenceKind.Generator }: text.Append("<generator object>"); break;
            case ListValue list: WriteList(list, text, budget, nesting); return;
            case MapValue map: WriteMap(map, text, budget, nesting); return;
            case NamespaceValue space:
                text.Append("<Namespace {");
                string separator = "";
                foreach ((string name, TemplateValue member) in space.Members)
                {
                    text.Append(separator);
                    WriteQuoted(name, text, budget);
                    text.Append(": ");
                    WriteRepr(member, text, budget, nesting + 1);
                    separator = ", ";
                }

                text.Append("}>");
                break;
            case CallableValue callable: text.Append("<function ").Append(callable.Name).Append('>'); break;
            case ObjectValue: text.Append('<').Append(value.TypeName).Append('>'); break;
            default: text.Append(Str(value, budget)); break;
        }

        budget.Characters(text.Length - before);
        if (text.Length > budget.Limits.StringCharacters) budget.Characters(text.Length);
    }

    static void WriteList(ListValue list, StringBuilder text, Budget budget, int nesting)
    {
        (string open, string close) = list.Kind switch
        {
            SequenceKind.Tuple => ("(", list.Items.Length == 1 ? ",)" : ")"),
            SequenceKind.List => ("[", "]"),
            _ => (list.TypeName + "([", "])"),
        };
        text.Append(open);
        for (int i = 0; i < list.Items.Length; i++)
        {
            if (i > 0) text.Append(", ");
            WriteRepr(list.Items[i], text, budget, nesting + 1);
        }

        text.Append(close);
    }

    static void WriteMap(MapValue map, StringBuilder text, Budget budget, int nesting)
    {
        text.Append('{');
        string separator = "";
        foreach ((TemplateValue key, TemplateValue entry) in map.Entries)
        {
            text.Append(separator);
            WriteRepr(key, text, budget, nesting + 1);
            text.Append(": ");
            WriteRepr(entry, text, budget, nesting + 1);
            separator = ", ";
        }

        text.Append('}');
    }

    static void WriteQuoted(string value, StringBuilder text, Budget budget)
    {
        budget.Characters(value.Length);
        char quote = value.Contains('\'') && !value.Contains('"') ? '"' : '\'';
        text.Append(quote);
        for (int i = 0; i < value.Length; i++)
        {
            char c = value[i];
            if (c == quote || c == '\\') text.Append('\\').Append(c);
            else if (c is >= ' ' and < '\x7f') text.Append(c);
            else if (c == '\n') text.Append("\\n");
            else if (c == '\r') text.Append("\\r");
            else if (c == '\t') text.Append("\\t");
            else if (i + 1 < value.Length && char.IsSurrogatePair(c, value[i + 1]))
            {
                int point = char.ConvertToUtf32(c, value[++i]);
                if (IsPrintable(CharUnicodeInfo.GetUnicodeCategory(point))) text.Append(c).Append(value[i]);
                else text.Append(CultureInfo.InvariantCulture, $"\\U{point:x8}");
            }
            else if (IsPrintable(CharUnicodeInfo.GetUnicodeCategory(c))) text.Append(c);
            else if (c < 0x100) text.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
            else text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }

        text.Append(quote);
    }

    static bool IsPrintable(UnicodeCategory category) => category is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
        or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator);
}

using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Models.Templates;

/// <summary>The format method of texts: "{} has {count:>4}".format(name, count=3).</summary>
static class BraceFormat
{
    public static string Format(string format, CallArguments arguments, Budget budget)
    {
        StringBuilder text = new();
        int automatic = 0;
        int position = 0;
        while (position < format.Length)
        {
            char c = format[position++];
            bool isDoubled = position < format.Length && format[position] == c;
            if (c is '{' or '}' && isDoubled)
            {
                position++;
                text.Append(c);
            }
            else if (c == '}')
            {
                throw TemplateFault.Evaluation("Single '}' encountered in format string");
            }
            else if (c != '{')
            {
                text.Append(c);
            }
            else
            {
                string field = Field(TakeField(format, ref position), arguments, ref automatic, budget);
                budget.Characters((long)text.Length + field.Length);
                text.Append(field);
            }
        }

        budget.Characters(text.Length);
        return text.ToString();
    }

    static string TakeField(string format, ref int position)
    {
        int start = position;
        int open = 1;
        for (; position < format.Length; position++)
        {
            if (format[position] == '{') open++;
            else if (format[position] == '}' && --open == 0) return format[start..position++];
        }

        throw TemplateFault.Evaluation("expected '}' before end of string");
    }

    static string Field(string field, CallArguments arguments, ref int automatic, Budget budget)
    {
        int colon = field.AsSpan().IndexOf(':');
        string spec = colon < 0 ? "" : field[(colon + 1)..];
        string path = colon < 0 ? field : field[..colon];
        int mark = path.IndexOf('!');
        string conversion = mark < 0 ? "" : path[(mark + 1)..];
        TemplateValue value = Value(mark < 0 ? path : path[..mark], arguments, ref automatic, budget);
        while (spec.IndexOf('{') is >= 0 and int open)
        {
            int close = spec.IndexOf('}', open);
            if (close < 0) throw TemplateFault.Evaluation("expected '}' before end of string");
            spec = spec[..open] + PythonText.Str(Value(spec[(open + 1)..close], arguments, ref automatic, budget), budget).Replace("{", "") + spec[(close + 1)..];
        }

        value = conversion switch
        {
            "" => value,
            "s" => new StringValue(PythonText.Str(value, budget)),
            "r" or "a" => new StringValue(PythonText.Repr(value, budget)),
            _ => throw TemplateFault.Evaluation($"Unknown conversion specifier '{conversion}'"),
        };
        return Write(value, spec, budget);
    }

    static string Write(TemplateValue value, string spec, Budget budget)
    {
        if (spec.Length == 0) return PythonText.Str(value, budget);
        FormatSpec format = FormatSpec.ReadBrace(spec);
        switch (value)
        {
            case StringValue text when format.Type is '\0' or 's':
                return format.PadText(text.Text, budget);
            case IntegerValue or BooleanValue when format.Type is '\0' or 'n' or 'd' or 'x' or 'X' or 'o' or 'b' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or '%':
                return format.FormatNumber(value, format.Type is '\0' or 'n' ? 'd' : format.Type, budget);
            case FloatValue when format.Type is '\0' or 'n' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or '%':
                return format.FormatNumber(value, format.Type switch { '\0' => 'r', 'n' => 'g', _ => format.Type }, budget);
            default: throw TemplateFault.Evaluation($"Unknown format code '{format.Type}' for object of type '{value.TypeName}'");
        }
    }

    /// <summary>The value of a path such as 0, name, name.member or name[0].</summary>
    static TemplateValue Value(string path, CallArguments arguments, ref int automatic, Budget budget)
    {
        int end = path.AsSpan().IndexOfAny('.', '[');
        string first = end < 0 ? path : path[..end];
        string rest = end < 0 ? "" : path[end..];
        TemplateValue? value;
        if (first.Length == 0 || first.All(char.IsAsciiDigit))
        {
            int index = first.Length == 0 ? automatic++ : int.TryParse(first, CultureInfo.InvariantCulture, out int given) ? given : int.MaxValue;
            value = index < arguments.Positional.Count ? arguments.Positional[index] : throw TemplateFault.Evaluation($"Replacement index {index} out of range");
        }
        else
        {
            value = arguments.Named(first) ?? throw TemplateFault.Evaluation($"The format's name '{first}' is missing");
        }

        while (rest.Length > 0)
        {
            budget.Step();
            bool isElement = rest[0] == '[';
            int close = isElement ? rest.IndexOf(']') : rest.AsSpan(1).IndexOfAny('.', '[') is var next && next < 0 ? rest.Length : next + 1;
            if (close < 0) throw TemplateFault.Evaluation("Missing ']' in format string");
            string name = rest[1..close];
            rest = rest[Math.Min(rest.Length, isElement ? close + 1 : close)..];
            value = !isElement ? Access.Attribute(value, name)
                : Access.Element(value, PythonNumber.TryParseInteger(name, 10, out var index) ? new IntegerValue(index) : new StringValue(name), budget);
        }

        return value;
    }
}

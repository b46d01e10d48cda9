using System.Numerics;
using System.Text;

namespace OpenAutoGlm.Models.Templates;

/// <summary>The % operator of texts: "%s has %d" % (name, count).</summary>
static class PercentFormat
{
    public static string Format(string format, TemplateValue arguments, Budget budget)
    {
        StringBuilder text = new();
        TemplateValue[] values = arguments is ListValue { Kind: SequenceKind.Tuple } tuple ? tuple.Items : [arguments];
        int next = 0;
        int position = 0;
        while (position < format.Length)
        {
            char c = format[position++];
            if (c != '%')
            {
                text.Append(c);
                continue;
            }

            TemplateValue? named = null;
            if (position < format.Length && format[position] == '(')
            {
                int close = format.IndexOf(')', position);
                if (close < 0) throw TemplateFault.Evaluation("incomplete format key");
                if (arguments is not MapValue map) throw TemplateFault.Evaluation("format requires a mapping");
                string key = format[(position + 1)..close];
                named = map.TryGet(key, out TemplateValue value) ? value : throw TemplateFault.Evaluation($"the format's key '{key}' is missing");
                position = close + 1;
            }

            FormatSpec spec = FormatSpec.ReadPercent(format, ref position, () => Take());
            if (position >= format.Length) throw TemplateFault.Evaluation("incomplete format");
            char type = format[position++];
            string field = type == '%' ? "%" : Field(type, named ?? Take(), spec, budget);
            budget.Characters((long)text.Length + field.Length);
            text.Append(field);
        }

        if (next < values.Length && arguments is not (MapValue or UndefinedValue or ListValue { Kind: not SequenceKind.Tuple }))
        {
            throw TemplateFault.Evaluation("not all arguments converted during string formatting");
        }

        budget.Characters(text.Length);
        return text.ToString();

        TemplateValue Take() => next < values.Length ? values[next++] : throw TemplateFault.Evaluation("not enough arguments for format string");
    }

    static string Field(char type, TemplateValue value, FormatSpec spec, Budget budget)
    {
        switch (type)
        {
            case 's': return spec.PadText(PythonText.Str(value, budget), budget);
            case 'r' or 'a': return spec.PadText(PythonText.Repr(value, budget), budget);
            case 'd' or 'i' or 'u':
                if (value is FloatValue real) value = new IntegerValue(new BigInteger(real.Value));
                return spec.FormatNumber(value, 'd', budget);
            case 'x' or 'X' or 'o' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G': return spec.FormatNumber(value, type, budget);
            default: throw TemplateFault.Evaluation($"unsupported format character '{type}'");
        }
    }
}

namespace OpenAutoGlm.Models.Templates;

/// <summary>Python's ==, &lt; and in.</summary>
static class Comparisons
{
    public static bool Apply(string comparison, TemplateValue left, TemplateValue right, Budget budget) => comparison switch
    {
        "==" => AreEqual(left, right, budget),
        "!=" => !AreEqual(left, right, budget),
        "in" => Contains(right, left, budget),
        "not in" => !Contains(right, left, budget),
        _ => IsOrdered(comparison, left, right, budget),
    };

    public static bool AreEqual(TemplateValue left, TemplateValue right, Budget budget, int nesting = 0)
    {
        budget.Step();
        if (nesting > budget.Limits.ValueNesting) throw TemplateFault.Limit($"A value is nested deeper than {budget.Limits.ValueNesting} levels.");
        switch (left, right)
        {
            case (StringValue a, StringValue b):
                budget.Scan(Math.Min(a.Text.Length, b.Text.Length));
                return a.Text == b.Text;
            case (ListValue { Kind: SequenceKind.Generator or SequenceKind.Values }, _):
                return ReferenceEquals(left, right);
            case (ListValue a, ListValue b):
                if (a.Kind != b.Kind || a.Items.Length != b.Items.Length) return false;
                for (int i = 0; i < a.Items.Length; i++)
                {
                    if (!AreEqual(a.Items[i], b.Items[i], budget, nesting + 1)) return false;
                }

                return true;
            case (MapValue a, MapValue b):
                if (a.Entries.Count != b.Entries.Count) return false;
                foreach ((TemplateValue key, TemplateValue value) in a.Entries)
                {
                    if (!b.Entries.TryGetValue(key, out TemplateValue? other) || !AreEqual(value, other, budget, nesting + 1)) return false;
                }

                return true;
            case (UndefinedValue, UndefinedValue): return true;
            default: return ReferenceEquals(left, right) || (PythonNumber.TryCompare(left, right, out int order) && order == 0);
        }
    }

    static bool IsOrdered(string comparison, TemplateValue left, TemplateValue right, Budget budget)
    {
        Operators.RequireDefined(left);
        Operators.RequireDefined(right);
        if (left is FloatValue { Value: double.NaN } || right is FloatValue { Value: double.NaN }) return false;
        int order = Order(left, right, budget, comparison);
        return comparison switch
        {
            "<" => order < 0,
            "<=" => order <= 0,
            ">" => order > 0,
            _ => order >= 0,
        };
    }

    /// <summary>Negative, zero or positive, as the left stands before, beside or after the right.</summary>
    public static int Order(TemplateValue left, TemplateValue right, Budget budget, string comparison = "<", int nesting = 0)
    {
        budget.Step();
        if (nesting > budget.Limits.ValueNesting) throw TemplateFault.Limit($"A value is nested deeper than {budget.Limits.ValueNesting} levels.");
        switch (left, right)
        {
            case (StringValue a, StringValue b):
                budget.Scan(Math.Min(a.Text.Length, b.Text.Length));
                return OrderByCodePoint(a.Text, b.Text);
            case (ListValue a, ListValue b) when a.Kind == b.Kind && a.Kind is SequenceKind.List or SequenceKind.Tuple:
                for (int i = 0; i < Math.Min(a.Items.Length, b.Items.Length); i++)
                {
                    if (!AreEqual(a.Items[i], b.Items[i], budget, nesting + 1)) return Order(a.Items[i], b.Items[i], budget, comparison, nesting + 1);
                }

                return a.Items.Length.CompareTo(b.Items.Length);
            default:
                if (PythonNumber.IsNumber(left) && PythonNumber.IsNumber(right))
                {
                    return PythonNumber.TryCompare(left, right, out int order) ? order : 0;
                }

                throw TemplateFault.Evaluation($"'{comparison}' not supported between instances of '{left.TypeName}' and '{right.TypeName}'");
        }
    }

    /// <summary>UTF-16 order differs from the order of code points only where a surrogate meets a character above it.</summary>
    static int OrderByCodePoint(string a, string b)
    {
        int common = a.AsSpan().CommonPrefixLength(b);
        if (common == a.Length || common == b.Length) return a.Length.CompareTo(b.Length);
        char x = a[common];
        char y = b[common];
        return char.IsSurrogate(x) != char.IsSurrogate(y) ? (char.IsSurrogate(x) ? 1 : -1) : x.CompareTo(y);
    }

    public static bool Contains(TemplateValue container, TemplateValue item, Budget budget)
    {
        switch (container)
        {
            case UndefinedValue: return false;
            case StringValue text:
                if (item is not StringValue part)
                {
                    throw TemplateFault.Evaluation($"'in <string>' requires string as left operand, not {item.TypeName}");
                }

                budget.Scan(text.Text.Length);
                return text.Text.Contains(part.Text, StringComparison.Ordinal);
            case MapValue map: return map.Entries.ContainsKey(item);
            case RangeValue range when !PythonNumber.IsNumber(item): return false;
            case ListValue list:
                foreach (TemplateValue element in list.Walk())
                {
                    if (AreEqual(element, item, budget)) return true;
                }

                return false;
            default: throw TemplateFault.Evaluation($"argument of type '{container.TypeName}' is not iterable");
        }
    }
}

using System.Numerics;

namespace OpenAutoGlm.Models.Templates;

/// <summary>Members, elements, slices, lengths and walks of values, as Jinja reads them.</summary>
static class Access
{
    /// <summary>value.name: a method or member first, then the entry of a map.</summary>
    public static TemplateValue Attribute(TemplateValue target, string name)
    {
        Operators.RequireDefined(target);
        return Member(target, name) ?? Entry(target, name) ?? Missing(target, $"has no attribute '{name}'");
    }

    /// <summary>value[key]: the element or entry first, then a method or member.</summary>
    public static TemplateValue Element(TemplateValue target, TemplateValue key, Budget budget)
    {
        Operators.RequireDefined(target);
        switch (target)
        {
            case MapValue map:
                if (map.Entries.TryGetValue(key, out TemplateValue? value)) return value;
                break;
            case StringValue text when PythonNumber.TryInteger(key, out BigInteger position):
                budget.Scan(text.Length == text.Text.Length ? 0 : text.Length);
                if (position < 0) position += text.Length;
                if (position >= 0 && position < text.Length)
                {
                    budget.Characters(1);
                    return new StringValue(text.CodePoint((int)position));
                }

                break;
            case ListValue { IsIndexed: true } list when PythonNumber.TryInteger(key, out BigInteger index):
                if (index < 0) index += list.Items.Length;
                if (index >= 0 && index < list.Items.Length) return list.Items[(int)index];
                break;
        }

        string what = key is StringValue or IntegerValue ? PythonText.Repr(key, budget) : $"of type {key.TypeName}";
        return (key is StringValue name ? Member(target, name.Text) : null) ?? Missing(target, $"has no element {what}");
    }

    /// <summary>A method or member by name, not an entry of a map; null where there is none.</summary>
    public static TemplateValue? MemberOfDefined(TemplateValue target, string name)
    {
        Operators.RequireDefined(target);
        return Member(target, name);
    }

    static TemplateValue? Member(TemplateValue target, string name) => target switch
    {
        StringValue text => StringMethods.Find(text, name),
        MapValue map => CollectionMethods.Find(map, name),
        GroupValue group when group.Member(name) is { } half => half,
        ListValue list => CollectionMethods.Find(list, name),
        NamespaceValue space => space.Members.GetValueOrDefault(name),
        ObjectValue @object => @object.Member(name),
        CallableValue callable when name == "name" => new StringValue(callable.Name),
        _ => null,
    };

    static TemplateValue? Entry(TemplateValue target, string name) =>
        target is MapValue map && map.TryGet(name, out TemplateValue value) ? value : null;

    static UndefinedValue Missing(TemplateValue target, string what) =>
        new($"'{(target is MapValue ? "dict object" : target.TypeName)}' {what}");

    public static int Length(TemplateValue value) => value switch
    {
        StringValue text => text.Length,
        ListValue list when list.Kind != SequenceKind.Generator => list.Items.Length,
        MapValue map => map.Entries.Count,
        UndefinedValue => 0,
        _ => throw TemplateFault.Evaluation($"object of type '{value.TypeName}' has no len()"),
    };

    /// <summary>The elements of a value for one walk: characters of a text, keys of a map, nothing of undefined.</summary>
    public static TemplateValue[] Walk(TemplateValue value, Budget budget)
    {
        switch (value)
        {
            case ListValue list:
                budget.Step(list.Items.Length);
                return list.Walk();
            case MapValue map:
                budget.Elements(map.Entries.Count);
                return map.Keys;
            case StringValue text:
                budget.Elements(text.Length);
                TemplateValue[] characters = new TemplateValue[text.Length];
                for (int i = 0; i < characters.Length; i++)
                {
                    budget.Characters(1);
                    characters[i] = new StringValue(text.CodePoint(i));
                }

                return characters;
            case UndefinedValue: return [];
            default: throw TemplateFault.Evaluation($"'{value.TypeName}' object is not iterable");
        }
    }

    public static bool IsIterable(TemplateValue value) => value is ListValue or MapValue or StringValue or UndefinedValue;

    /// <summary>value[start:stop:step] of a text, list, tuple or range.</summary>
    public static TemplateValue Slice(TemplateValue target, TemplateValue start, TemplateValue stop, TemplateValue step, Budget budget)
    {
        Operators.RequireDefined(target);
        if (target is not (StringValue or ListValue { IsIndexed: true }))
        {
            throw TemplateFault.Evaluation($"'{target.TypeName}' object is not subscriptable");
        }

        int length = Length(target);
        BigInteger stride = SliceBound(step) ?? 1;
        if (stride.IsZero) throw TemplateFault.Evaluation("slice step cannot be zero");
        bool isForward = stride.Sign > 0;
        int first = Clamp(SliceBound(start), isForward ? 0 : length - 1, length, isForward);
        int end = Clamp(SliceBound(stop), isForward ? length : -1, length, isForward);
        int by = (int)BigInteger.Min(BigInteger.Max(stride, -length - 1), length + 1);
        int span = isForward ? end - first : first - end;
        int count = span <= 0 ? 0 : ((span - 1) / Math.Abs(by)) + 1;
        if (target is StringValue text)
        {
            if (by == 1)
            {
                string part = count == 0 ? "" : text.Text[text.Start(first)..text.Start(first + count)];
                budget.Characters(part.Length);
                return new StringValue(part);
            }

            budget.Characters(2L * count);
            return new StringValue(string.Concat(Enumerable.Range(0, count).Select(i => text.CodePoint(first + (i * by)))));
        }

        budget.Elements(count);
        ListValue list = (ListValue)target;
        TemplateValue[] items = new TemplateValue[count];
        for (int i = 0; i < count; i++) items[i] = list.Items[first + (i * by)];
        return list is RangeValue range ? range.Slice(first, end, by, items) : new ListValue(items, list.Kind);
    }

    static BigInteger? SliceBound(TemplateValue bound)
    {
        if (bound is NoneValue) return null;
        return PythonNumber.TryInteger(bound, out BigInteger value)
            ? value
            : throw TemplateFault.Evaluation("slice indices must be integers or None");
    }

    static int Clamp(BigInteger? bound, int missing, int length, bool isForward)
    {
        if (bound is not { } value) return missing;
        if (value < 0) value += length;
        int lowest = isForward ? 0 : -1;
        int highest = isForward ? length : length - 1;
        return (int)BigInteger.Max(lowest, BigInteger.Min(highest, value));
    }
}

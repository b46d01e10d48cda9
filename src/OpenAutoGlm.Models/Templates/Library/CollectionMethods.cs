using System.Numerics;

namespace OpenAutoGlm.Models.Templates;

/// <summary>Methods of maps and lists. Those that would change them are refused, as in Hugging Face's sandbox.</summary>
static class CollectionMethods
{
    static readonly HashSet<string> Changing =
        ["append", "clear", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault", "sort", "update"];

    public static TemplateValue? Find(MapValue map, string name) => name switch
    {
        "get" => Method(name, "key, default=, /", (_, a) => map.Entries.TryGetValue(a[0]!, out TemplateValue? value) ? value : a[1] ?? TemplateValue.None),
        "keys" => Method(name, "", (interpreter, _) => View(map.Keys, SequenceKind.Keys, interpreter)),
        "values" => Method(name, "", (interpreter, _) => View([.. map.Entries.Values], SequenceKind.Values, interpreter)),
        "items" => Method(name, "", (interpreter, _) => View(Items(map, interpreter.Budget), SequenceKind.Items, interpreter)),
        "copy" => Method(name, "", (_, _) => map),
        "clear" or "pop" or "popitem" or "setdefault" or "update" => Refused("dict", name),
        _ => null,
    };

    public static TemplateValue? Find(ListValue list, string name)
    {
        if (!list.IsIndexed) return null;
        return name switch
        {
            "index" => Method(name, "value, start=, stop=, /", (interpreter, a) => IndexOf(list, a, interpreter)),
            "count" => Method(name, "value, /", (interpreter, a) =>
                (long)list.Items.Count(item => Comparisons.AreEqual(item, a[0]!, interpreter.Budget))),
            "copy" when list.Kind == SequenceKind.List => Method(name, "", (_, _) => list),
            _ when list.Kind == SequenceKind.List && Changing.Contains(name) => Refused("list", name),
            _ => null,
        };
    }

    /// <summary>The entries of a map as pairs.</summary>
    public static TemplateValue[] Items(MapValue map, Budget budget)
    {
        budget.Entries(map.Entries.Count);
        return [.. map.Entries.Select(entry => new ListValue([entry.Key, entry.Value], SequenceKind.Tuple))];
    }

    static CallableValue Method(string name, string parameters, Func<Interpreter, TemplateValue?[], TemplateValue> body) =>
        new(name, (interpreter, arguments) => body(interpreter, new Signature(parameters).Bind(name, arguments)));

    static ListValue View(TemplateValue[] items, SequenceKind kind, Interpreter interpreter)
    {
        interpreter.Budget.Elements(items.Length);
        return new(items, kind);
    }

    static UndefinedValue Refused(string type, string method) =>
        new($"{type}.{method}() is refused: a template must not change its values (use namespace() or build a new {type})");

    static TemplateValue IndexOf(ListValue list, TemplateValue?[] arguments, Interpreter interpreter)
    {
        int start = Bound(arguments[1], 0);
        int stop = Bound(arguments[2], list.Items.Length);
        for (int i = start; i < stop; i++)
        {
            if (Comparisons.AreEqual(list.Items[i], arguments[0]!, interpreter.Budget)) return i;
        }

        throw TemplateFault.Evaluation("the value is not in the list");

        int Bound(TemplateValue? value, int missing)
        {
            BigInteger bound = Arguments.Integer(value, missing, "an index");
            if (bound < 0) bound += list.Items.Length;
            return (int)BigInteger.Min(BigInteger.Max(bound, 0), list.Items.Length);
        }
    }
}

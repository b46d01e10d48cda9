using System.Numerics;

namespace OpenAutoGlm.Models.Templates;

/// <summary>What kind of sequence a list is: they differ in how they are written, compared and indexed.</summary>
enum SequenceKind
{
    List,
    Tuple,
    Range,

    /// <summary>A result that is made element by element, such as map's: no length, no index, and gone after one pass.</summary>
    Generator,
    Keys,
    Values,
    Items,
}

/// <summary>A list, tuple, range, view of a map or generator.</summary>
class ListValue(TemplateValue[] items, SequenceKind kind = SequenceKind.List) : TemplateValue
{
    public static readonly ListValue EmptyTuple = new([], SequenceKind.Tuple);

    int _taken;

    public TemplateValue[] Items => items;

    public SequenceKind Kind => kind;

    /// <summary>Whether elements have places: views and generators are only walked.</summary>
    public bool IsIndexed => kind is SequenceKind.List or SequenceKind.Tuple or SequenceKind.Range;

    internal override string TypeName => kind switch
    {
        SequenceKind.List => "list",
        SequenceKind.Tuple => "tuple",
        SequenceKind.Range => "range",
        SequenceKind.Generator => "generator",
        SequenceKind.Keys => "dict_keys",
        SequenceKind.Values => "dict_values",
        _ => "dict_items",
    };

    internal override bool IsTrue => items.Length > 0 || kind == SequenceKind.Generator;

    /// <summary>The elements for one walk; a generator yields each of them once.</summary>
    public TemplateValue[] Walk()
    {
        if (kind != SequenceKind.Generator) return items;
        TemplateValue[] rest = _taken == 0 ? items : items[_taken..];
        _taken = items.Length;
        return rest;
    }

    /// <summary>The first element, which a generator thereby gives away.</summary>
    public TemplateValue? First()
    {
        if (_taken >= items.Length) return null;
        return kind == SequenceKind.Generator ? items[_taken++] : items[0];
    }
}

sealed class RangeValue(BigInteger start, BigInteger stop, BigInteger step, TemplateValue[] items) : ListValue(items, SequenceKind.Range)
{
    /// <summary>The range of the elements from first to end.</summary>
    public RangeValue Slice(int first, int end, int by, TemplateValue[] sliced) => new(start + (first * step), start + (end * step), step * by, sliced);

    public override string ToString() => step.IsOne ? $"range({start}, {stop})" : $"range({start}, {stop}, {step})";
}

/// <summary>One group of groupby: a pair whose halves also have names.</summary>
sealed class GroupValue(TemplateValue grouper, TemplateValue list) : ListValue([grouper, list], SequenceKind.Tuple)
{
    public TemplateValue? Member(string name) => name switch
    {
        "grouper" => grouper,
        "list" => list,
        _ => null,
    };
}

/// <summary>A map in the order of insertion. Keys are equal as in Python: 1, 1.0 and True are one key.</summary>
sealed class MapValue : TemplateValue
{
    public OrderedDictionary<TemplateValue, TemplateValue> Entries { get; } = new(KeyComparer.Instance);

    internal override string TypeName => "dict";

    internal override bool IsTrue => Entries.Count > 0;

    public TemplateValue[] Keys => [.. Entries.Keys];

    /// <summary>The entry of a text key.</summary>
    public bool TryGet(string key, out TemplateValue value) => Entries.TryGetValue(new StringValue(key), out value!);
}

/// <summary>Python's hash and equality of map keys.</summary>
sealed class KeyComparer : IEqualityComparer<TemplateValue>
{
    public static readonly KeyComparer Instance = new();

    const int MaxNesting = 16;

    public bool Equals(TemplateValue? x, TemplateValue? y) => ReferenceEquals(x, y) || (x, y) switch
    {
        (StringValue a, StringValue b) => a.Text == b.Text,
        (ListValue a, ListValue b) => a.Kind == SequenceKind.Tuple && b.Kind == SequenceKind.Tuple && a.Items.AsSpan().SequenceEqual(b.Items, this),
        (UndefinedValue, UndefinedValue) => true,
        (not null, not null) => PythonNumber.TryCompare(x, y, out int order) && order == 0,
        _ => false,
    };

    public int GetHashCode(TemplateValue value) => Hash(value, 0);

    static int Hash(TemplateValue value, int nesting)
    {
        switch (value)
        {
            case StringValue text: return string.GetHashCode(text.Text, StringComparison.Ordinal);
            case ListValue { Kind: SequenceKind.Tuple } tuple:
                if (nesting == MaxNesting) throw TemplateFault.Limit("A tuple is nested too deep to be a key.");
                HashCode hash = new();
                foreach (TemplateValue item in tuple.Items) hash.Add(Hash(item, nesting + 1));
                return hash.ToHashCode();
            case ListValue { Kind: SequenceKind.List } or MapValue:
                throw TemplateFault.Evaluation($"unhashable type: '{value.TypeName}'");
            case BooleanValue or IntegerValue:
                PythonNumber.TryInteger(value, out BigInteger integer);
                return integer.GetHashCode();
            case FloatValue number when double.IsInteger(number.Value): return new BigInteger(number.Value).GetHashCode();
            case FloatValue number: return number.Value.GetHashCode();
            case UndefinedValue: return 0;
            default: return value.GetHashCode();
        }
    }
}

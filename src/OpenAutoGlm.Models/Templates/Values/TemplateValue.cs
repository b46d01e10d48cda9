using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Models.Templates;

/// <summary>
/// A value that a template sees: undefined, none, a truth value, a number, a text, a list or a map. Values never change,
/// so they can be shared between renderings.
/// </summary>
public abstract class TemplateValue
{
    private protected TemplateValue()
    {
    }

    /// <summary>The value of what is not there: empty as text, false as a condition.</summary>
    public static TemplateValue Undefined { get; } = new UndefinedValue(null);

    /// <summary>None.</summary>
    public static TemplateValue None { get; } = new NoneValue();

    /// <summary>True.</summary>
    public static TemplateValue True { get; } = new BooleanValue(true);

    /// <summary>False.</summary>
    public static TemplateValue False { get; } = new BooleanValue(false);

    /// <summary>Python's name of the type, for messages.</summary>
    internal abstract string TypeName { get; }

    internal virtual bool IsTrue => true;

    /// <summary>A text; none for null.</summary>
    public static implicit operator TemplateValue(string? text) => text is null ? None : new StringValue(text);

    /// <summary>True or false.</summary>
    public static implicit operator TemplateValue(bool value) => value ? True : False;

    /// <summary>An integer.</summary>
    public static implicit operator TemplateValue(long value) => new IntegerValue(value);

    /// <summary>A floating-point number.</summary>
    public static implicit operator TemplateValue(double value) => new FloatValue(value);

    /// <summary>A list of values.</summary>
    public static TemplateValue List(IEnumerable<TemplateValue> items) => new ListValue([.. items]);

    /// <summary>A map that keeps the order of its entries; the last of equal keys wins.</summary>
    public static TemplateValue Map(IEnumerable<KeyValuePair<string, TemplateValue>> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        MapValue map = new();
        foreach ((string key, TemplateValue value) in entries)
        {
            map.Entries[new StringValue(key)] = value;
        }

        return map;
    }

    /// <summary>The value of a JSON element: numbers without fraction and exponent become integers of any size.</summary>
    /// <exception cref="ArgumentException">The JSON is nested deeper than <see cref="TemplateLimits.ValueNesting"/> of the defaults.</exception>
    public static TemplateValue FromJson(JsonElement element) => JsonReading.Read(element, 0);

    /// <summary>The value of a JSON node; none for null.</summary>
    /// <exception cref="ArgumentException">The JSON is nested deeper than <see cref="TemplateLimits.ValueNesting"/> of the defaults.</exception>
    public static TemplateValue FromJson(JsonNode? node) => JsonReading.Read(node, 0);

    /// <summary>The value as Python's str() writes it.</summary>
    public override string ToString() => PythonText.Str(this, new Budget(TemplateLimits.Default, default));
}

sealed class UndefinedValue(string? description) : TemplateValue
{
    public string Description => description ?? "The value is undefined";

    internal override string TypeName => "Undefined";

    internal override bool IsTrue => false;
}

sealed class NoneValue : TemplateValue
{
    internal override string TypeName => "NoneType";

    internal override bool IsTrue => false;
}

sealed class BooleanValue(bool value) : TemplateValue
{
    internal override string TypeName => "bool";

    internal override bool IsTrue => value;
}

sealed class IntegerValue(BigInteger value) : TemplateValue
{
    public BigInteger Value => value;

    internal override string TypeName => "int";

    internal override bool IsTrue => !value.IsZero;
}

sealed class FloatValue(double value) : TemplateValue
{
    public double Value => value;

    internal override string TypeName => "float";

    internal override bool IsTrue => value != 0;
}

/// <summary>A member of a value that can be called: a built-in function or method, a macro, a recursive loop.</summary>
sealed class CallableValue(string name, Func<Interpreter, CallArguments, TemplateValue> body) : TemplateValue
{
    public string Name => name;

    internal override string TypeName => "function";

    public TemplateValue Invoke(Interpreter interpreter, CallArguments arguments) => body(interpreter, arguments);
}

/// <summary>The one value a template can change: namespace(). Its members are set by {% set ns.member = … %}.</summary>
sealed class NamespaceValue : TemplateValue
{
    public OrderedDictionary<string, TemplateValue> Members { get; } = new(StringComparer.Ordinal);

    internal override string TypeName => "Namespace";
}

/// <summary>A value with members of its own kind, such as loop.</summary>
abstract class ObjectValue : TemplateValue
{
    /// <summary>The member's value; null where there is none of that name.</summary>
    public abstract TemplateValue? Member(string name);
}

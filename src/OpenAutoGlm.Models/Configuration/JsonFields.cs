using System.Text.Json;

namespace OpenAutoGlm.Models.Configuration;

/// <summary>The members of a JSON object; what it lacks is looked for in the object around it.</summary>
sealed class JsonFields(string file, JsonElement element, string prefix = "", JsonFields? outer = null) : ConfigFields(file)
{
    public override bool Has(string field) => TryFind(field, out _);

    public override bool Bool(string field, bool whenAbsent) => !TryFind(field, out JsonElement value) ? whenAbsent : value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Error(field, $"is {Shown(value)}; true or false belongs here."),
    };

    public override string? Text(string field)
    {
        if (!TryFind(field, out JsonElement value))
        {
            return null;
        }

        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString() : throw Error(field, $"is {Shown(value)}; a text belongs here.");
        }
        catch (InvalidOperationException error)
        {
            throw new ModelFormatException(File, FullName(field), "holds half a surrogate pair.", error);
        }
    }

    /// <summary>A member that is an object; null if absent.</summary>
    public JsonFields? Object(string field, bool inherits = false) => !TryFind(field, out JsonElement value)
        ? null
        : value.ValueKind == JsonValueKind.Object
            ? new JsonFields(File, value, FullName(field) + ".", inherits ? this : null)
            : throw Error(field, $"is {Shown(value)}; an object belongs here.");

    /// <summary>A member that is an array; null if absent.</summary>
    public JsonElement[]? Array(string field) => !TryFind(field, out JsonElement value)
        ? null
        : value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray()]
            : throw Error(field, $"is {Shown(value)}; an array belongs here.");

    /// <summary>A member as it is; null if absent.</summary>
    public JsonElement? Raw(string field) => TryFind(field, out JsonElement value) ? value : null;

    protected override bool TryReadInt(string field, out long value)
    {
        value = 0;
        if (!TryFind(field, out JsonElement element))
        {
            return false;
        }

        // Some writers give counts as 4096.0.
        if (element.ValueKind == JsonValueKind.Number && (element.TryGetInt64(out value) || (element.TryGetDouble(out double number) && TryWhole(number, out value))))
        {
            return true;
        }

        throw Error(field, $"is {Shown(element)}; a whole number belongs here.");
    }

    protected override bool TryReadFloat(string field, out double value)
    {
        value = 0;
        if (!TryFind(field, out JsonElement element))
        {
            return false;
        }

        return element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out value)
            ? true
            : throw Error(field, $"is {Shown(element)}; a number belongs here.");
    }

    protected override string FullName(string field) => prefix + field;

    static bool TryWhole(double number, out long value)
    {
        value = Math.Abs(number) < 1L << 53 ? (long)number : 0;
        return value == number;
    }

    /// <summary>The value as written, not too much of it.</summary>
    static string Shown(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length <= 40 ? text : $"{text[..40]}…";
    }

    bool TryFind(string field, out JsonElement value)
    {
        if (element.TryGetProperty(field, out value) && value.ValueKind != JsonValueKind.Null)
        {
            return true;
        }

        value = default;
        return outer is not null && outer.TryFind(field, out value);
    }
}

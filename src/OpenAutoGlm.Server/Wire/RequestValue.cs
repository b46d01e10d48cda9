using System.Globalization;
using System.Text.Json;

namespace OpenAutoGlm.Server.Wire;

/// <summary>A value of a request with the path that leads to it. Reading it as the wrong type refuses the request.</summary>
/// <param name="Path">For messages: stop[2], messages[0].content.</param>
/// <param name="Element">The value.</param>
readonly record struct RequestValue(string Path, JsonElement Element)
{
    public bool IsNull => Element.ValueKind == JsonValueKind.Null;

    public bool IsString => Element.ValueKind == JsonValueKind.String;

    public bool IsArray => Element.ValueKind == JsonValueKind.Array;

    public bool IsObject => Element.ValueKind == JsonValueKind.Object;

    public bool IsNumber => Element.ValueKind == JsonValueKind.Number;

    public bool Bool() => Element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Mismatch("true or false"),
    };

    /// <summary>A whole number, written without fraction and exponent.</summary>
    public int Int(int least = int.MinValue, int most = int.MaxValue) => (int)Long(least, most);

    /// <inheritdoc cref="Int"/>
    public long Long(long least = long.MinValue, long most = long.MaxValue)
    {
        string range = (least, most) switch
        {
            (int.MinValue or long.MinValue, _) => "a whole number",
            (_, int.MaxValue or long.MaxValue) => $"a whole number of at least {least}",
            _ => $"a whole number from {least} to {most}",
        };
        if (!IsNumber)
        {
            throw Mismatch(range);
        }

        return Element.TryGetInt64(out long value) && value >= least && value <= most ? value : throw Invalid($"must be {range}, but is {Number(Element)}");
    }

    /// <summary>A finite number. Its range is the engine's business, which knows what it means.</summary>
    public float Float()
    {
        if (!IsNumber)
        {
            throw Mismatch("a number");
        }

        return Element.TryGetSingle(out float value) && float.IsFinite(value) ? value : throw Invalid($"must be a finite 32-bit number, but is {Number(Element)}");
    }

    public string String(int longest = int.MaxValue)
    {
        string text = IsString ? Element.GetString()! : throw Mismatch("a string");
        return text.Length <= longest ? text : throw Invalid($"must have at most {longest} characters, but has {text.Length}");
    }

    public IReadOnlyList<RequestValue> Array(int longest = int.MaxValue, int shortest = 0)
    {
        int length = IsArray ? Element.GetArrayLength() : throw Mismatch("an array");
        if (length < shortest || length > longest)
        {
            throw Invalid(length < shortest ? $"must have at least {shortest} element" : $"must have at most {longest} elements, but has {length}");
        }

        string path = Path;
        return [.. Element.EnumerateArray().Select((element, index) => new RequestValue($"{path}[{index.ToString(CultureInfo.InvariantCulture)}]", element))];
    }

    /// <summary>Names and values of an object.</summary>
    public IReadOnlyList<(string Name, RequestValue Value)> Properties(int most = int.MaxValue)
    {
        int count = IsObject ? Element.GetPropertyCount() : throw Mismatch("an object");
        string path = Path;
        return count <= most
            ? [.. Element.EnumerateObject().Select(property => (property.Name, new RequestValue($"{path}.{ApiError.Clip(property.Name)}", property.Value)))]
            : throw Invalid($"must have at most {most} entries, but has {count}");
    }

    /// <summary>Says that the value cannot be this one: path and problem make the sentence.</summary>
    public ApiException Invalid(string problem) => new(ApiError.Invalid(Path, $"{Path} {problem}."));

    /// <summary>Says that the value could be right one day.</summary>
    public ApiException Unsupported(string problem) => new(ApiError.Unsupported(Path, $"{Path} {problem}."));

    public ApiException Mismatch(string expected) => new(ApiError.Invalid(Path, $"{Path} must be {expected}, but is {Kind(Element)}.", "invalid_type"));

    static string Kind(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => "a string",
        JsonValueKind.Number => $"the number {Number(element)}",
        JsonValueKind.Array => "an array",
        JsonValueKind.Object => "an object",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };

    static string Number(JsonElement element) => ApiError.Clip(element.GetRawText());
}

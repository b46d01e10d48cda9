using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Models.Templates;

/// <summary>JSON as template values.</summary>
static class JsonReading
{
    public static TemplateValue Read(JsonElement element, int nesting)
    {
        CheckNesting(nesting);
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                MapValue map = new();
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    map.Entries[new StringValue(property.Name)] = Read(property.Value, nesting + 1);
                }

                return map;
            case JsonValueKind.Array:
                TemplateValue[] items = new TemplateValue[element.GetArrayLength()];
                int index = 0;
                foreach (JsonElement item in element.EnumerateArray()) items[index++] = Read(item, nesting + 1);
                return new ListValue(items);
            case JsonValueKind.String: return new StringValue(element.GetString()!);
            case JsonValueKind.Number: return ReadNumber(element.GetRawText());
            case JsonValueKind.True: return TemplateValue.True;
            case JsonValueKind.False: return TemplateValue.False;
            case JsonValueKind.Null: return TemplateValue.None;
            default: return TemplateValue.Undefined;
        }
    }

    public static TemplateValue Read(JsonNode? node, int nesting)
    {
        CheckNesting(nesting);
        switch (node)
        {
            case null: return TemplateValue.None;
            case JsonObject entries:
                MapValue map = new();
                foreach ((string key, JsonNode? value) in entries) map.Entries[new StringValue(key)] = Read(value, nesting + 1);
                return map;
            case JsonArray items:
                return new ListValue([.. items.Select(item => Read(item, nesting + 1))]);
            default:
                JsonValue leaf = node.AsValue();
                if (leaf.TryGetValue(out JsonElement element)) return Read(element, nesting);
                return leaf.GetValueKind() switch
                {
                    JsonValueKind.String => new StringValue(leaf.TryGetValue(out string? text) ? text : leaf.ToString()),
                    JsonValueKind.True => TemplateValue.True,
                    JsonValueKind.False => TemplateValue.False,
                    JsonValueKind.Number => ReadNumber(leaf.ToJsonString()),
                    _ => TemplateValue.None,
                };
        }
    }

    static void CheckNesting(int nesting)
    {
        if (nesting > TemplateLimits.Default.ValueNesting)
        {
            throw new ArgumentException($"The JSON is nested deeper than {TemplateLimits.Default.ValueNesting} levels.");
        }
    }

    static TemplateValue ReadNumber(string digits)
    {
        bool isInteger = !digits.AsSpan().ContainsAny('.', 'e', 'E') && digits.Length <= PythonNumber.MaxDigits;
        return isInteger
            ? new IntegerValue(BigInteger.Parse(digits, CultureInfo.InvariantCulture))
            : new FloatValue(double.Parse(digits, CultureInfo.InvariantCulture));
    }
}

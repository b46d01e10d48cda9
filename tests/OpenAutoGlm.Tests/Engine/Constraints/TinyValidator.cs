using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace OpenAutoGlm.Engine.Constraints;

/// <summary>JSON Schema as its text says it, for comparing: keyword by keyword over a parsed value.</summary>
static class TinyValidator
{
    public static bool IsValid(JsonNode root, JsonNode? schema, JsonElement value)
    {
        if (schema is JsonValue fixedTo)
        {
            return fixedTo.GetValue<bool>();
        }

        return schema!.AsObject().All(keyword => Holds(root, schema.AsObject(), keyword.Key, keyword.Value!, value));
    }

    static bool Holds(JsonNode root, JsonObject schema, string keyword, JsonNode argument, JsonElement value)
    {
        bool isObject = value.ValueKind == JsonValueKind.Object;
        bool isArray = value.ValueKind == JsonValueKind.Array;
        bool isNumber = value.ValueKind == JsonValueKind.Number;
        bool isString = value.ValueKind == JsonValueKind.String;
        bool Valid(JsonNode? part, JsonElement of) => IsValid(root, part, of);
        return keyword switch
        {
            "type" => TypeOf(value).Contains(argument.GetValue<string>()),
            "enum" => argument.AsArray().Any(one => AreEqual(one, value)),
            "const" => AreEqual(argument, value),
            "minimum" => !isNumber || Number(value) >= Number(argument),
            "maximum" => !isNumber || Number(value) <= Number(argument),
            "multipleOf" => !isNumber || Number(value) % Number(argument) == 0,
            "minLength" => !isString || value.GetString()!.EnumerateRunes().Count() >= Number(argument),
            "maxLength" => !isString || value.GetString()!.EnumerateRunes().Count() <= Number(argument),
            "pattern" => !isString || Regex.IsMatch(value.GetString()!, argument.GetValue<string>()),
            "minItems" => !isArray || value.GetArrayLength() >= Number(argument),
            "maxItems" => !isArray || value.GetArrayLength() <= Number(argument),
            "prefixItems" => !isArray || value.EnumerateArray().Zip(argument.AsArray()).All(pair => Valid(pair.Second, pair.First)),
            "items" => !isArray || value.EnumerateArray().Skip(schema["prefixItems"]?.AsArray().Count ?? 0).All(item => Valid(argument, item)),
            "contains" => !isArray || (value.EnumerateArray().Count(item => Valid(argument, item)) is var count
                && count >= (schema["minContains"] is { } least ? Number(least) : 1) && count <= (schema["maxContains"] is { } most ? Number(most) : int.MaxValue)),
            "minContains" or "maxContains" or "$defs" => true,
            "properties" => !isObject || argument.AsObject().All(property => !value.TryGetProperty(property.Key, out JsonElement member) || Valid(property.Value, member)),
            "additionalProperties" => !isObject || value.EnumerateObject().All(member => schema["properties"]?.AsObject().ContainsKey(member.Name) == true || Valid(argument, member.Value)),
            "required" => !isObject || argument.AsArray().All(name => value.TryGetProperty(name!.GetValue<string>(), out _)),
            "minProperties" => !isObject || value.EnumerateObject().Select(member => member.Name).Distinct().Count() >= Number(argument),
            "maxProperties" => !isObject || value.EnumerateObject().Select(member => member.Name).Distinct().Count() <= Number(argument),
            "allOf" => argument.AsArray().All(part => Valid(part, value)),
            "anyOf" => argument.AsArray().Any(part => Valid(part, value)),
            "oneOf" => argument.AsArray().Count(part => Valid(part, value)) == 1,
            "not" => !Valid(argument, value),
            "$ref" => Valid(root["$defs"]![argument.GetValue<string>()["#/$defs/".Length..]], value),
            _ => throw new InvalidOperationException(keyword),
        };
    }

    static string[] TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => ["null"],
        JsonValueKind.True or JsonValueKind.False => ["boolean"],
        JsonValueKind.String => ["string"],
        JsonValueKind.Array => ["array"],
        JsonValueKind.Object => ["object"],
        _ => Number(value) % 1 == 0 ? ["number", "integer"] : ["number"],
    };

    static bool AreEqual(JsonNode? expected, JsonElement value) => expected is null
        ? value.ValueKind == JsonValueKind.Null
        : JsonNode.DeepEquals(expected, value.ValueKind == JsonValueKind.Number ? JsonValue.Create(value) : JsonNode.Parse(value.GetRawText()))
            || (value.ValueKind == JsonValueKind.Number && expected.GetValueKind() == JsonValueKind.Number && Number(value) == Number(expected));

    static double Number(JsonNode node) => double.Parse(node.ToJsonString(), CultureInfo.InvariantCulture);

    static double Number(JsonElement element) => double.Parse(element.GetRawText(), CultureInfo.InvariantCulture);
}

using System.Collections.Frozen;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Server.OpenApi;

/// <summary>The schema of a field: of its words, or of its name where words are too few.</summary>
static class FieldSchemas
{
    const string Messages = """
        {
          "type": "array", "minItems": 1,
          "items": {
            "type": "object", "required": ["role"],
            "properties": {
              "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
              "content": {"anyOf": [
                {"type": "string"},
                {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}, "text": {"type": "string"}}}},
                {"type": "null"}]},
              "name": {"type": "string", "maxLength": 256}
            }
          }
        }
        """;

    const string ResponseFormat = """
        {
          "anyOf": [
            {"type": "object", "required": ["type"], "additionalProperties": false, "properties": {"type": {"enum": ["text", "json_object"]}}},
            {"type": "object", "required": ["type", "json_schema"], "additionalProperties": false, "properties": {
              "type": {"const": "json_schema"},
              "json_schema": {"type": "object", "required": ["schema"], "additionalProperties": false, "properties": {
                "name": {"type": "string", "maxLength": 64}, "description": {"type": "string"}, "strict": {"type": ["boolean", "null"]},
                "schema": {"type": ["object", "boolean", "string"]}}}}},
            {"type": "null"}]
        }
        """;

    const string StreamOptions = """
        {"type": ["object", "null"], "additionalProperties": false, "properties": {"include_usage": {"type": ["boolean", "null"]}, "include_obfuscation": {"const": false}}}
        """;

    const string LogitBias = """
        {"type": ["object", "null"], "maxProperties": 1024, "propertyNames": {"pattern": "^(0|[1-9][0-9]*)$"}, "additionalProperties": {"type": "number", "minimum": -100, "maximum": 100}}
        """;

    static readonly FrozenDictionary<string, string> Known = new Dictionary<string, string>
    {
        ["messages"] = Messages,
        ["response_format"] = ResponseFormat,
        ["stream_options"] = StreamOptions,
        ["logit_bias"] = LogitBias,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static JsonObject Of(DocumentedField field)
    {
        JsonObject schema = Known.TryGetValue(field.Name, out string? known) ? JsonNode.Parse(known)!.AsObject() : ValueText.Schema(field.Values, field.Meaning);
        schema["description"] = $"{field.Meaning} Values: {field.Values}.";
        return schema;
    }

    /// <summary>The schema of an object of these fields and no others.</summary>
    public static JsonObject Of(IEnumerable<DocumentedField> fields)
    {
        JsonObject properties = [];
        JsonArray required = [];
        foreach (DocumentedField field in fields)
        {
            properties[field.Name] = Of(field);
            if (ValueText.IsRequired(field.Values))
            {
                required.Add((JsonNode)field.Name);
            }
        }

        JsonObject schema = new() { ["type"] = "object", ["properties"] = properties, ["additionalProperties"] = false };
        if (required.Count > 0)
        {
            schema["required"] = required;
        }

        return schema;
    }
}

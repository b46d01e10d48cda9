using System.Text.Json;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>A call that was written as one JSON object: {"name": …, "arguments": {…}}.</summary>
static class JsonCall
{
    /// <summary>The name and the arguments' JSON; null where the object is no call of a known tool.</summary>
    public static (string Name, string Arguments)? Read(string json, IReadOnlyList<Tool> tools)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return Read(document.RootElement, tools);
        }
        catch (JsonException)
        {
            return null;
        }
        catch (InvalidOperationException)
        {
            return null; // A string in it has half a surrogate pair.
        }
    }

    /// <inheritdoc cref="Read(string, IReadOnlyList{Tool})"/>
    public static (string Name, string Arguments)? Read(JsonElement call, IReadOnlyList<Tool> tools)
    {
        if (call.ValueKind != JsonValueKind.Object || !call.TryGetProperty("name", out JsonElement name) || name.ValueKind != JsonValueKind.String
            || !tools.Any(tool => name.ValueEquals(tool.Name)))
        {
            return null;
        }

        bool hasArguments = call.TryGetProperty("arguments", out JsonElement arguments) || call.TryGetProperty("parameters", out arguments);
        return !hasArguments || arguments.ValueKind == JsonValueKind.Null ? (name.GetString()!, "{}")
            : arguments.ValueKind == JsonValueKind.Object ? (name.GetString()!, arguments.GetRawText())
            : arguments.ValueKind == JsonValueKind.String && IsObject(arguments.GetString()!) ? (name.GetString()!, arguments.GetString()!)
            : null;
    }

    /// <summary>Whether a text is a JSON object.</summary>
    public static bool IsObject(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}

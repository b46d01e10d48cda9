using System.Text.Json;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>A tool that an answer may call.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Parameters">The JSON schema of its arguments; null where anything goes.</param>
/// <param name="IsStrict">Whether its arguments must match the schema even where the model may do as it likes.</param>
/// <param name="Path">Where it stands in the request: tools[0].</param>
sealed record Tool(string Name, JsonObject? Parameters, bool IsStrict, string Path)
{
    /// <summary>Most tools of one conversation.</summary>
    public const int MaxTools = 256;

    const int LongestName = 128;

    /// <summary>Where its schema stands in the request.</summary>
    public string ParametersPath => Path + ".function.parameters";

    /// <summary>The properties that the schema names.</summary>
    public IEnumerable<KeyValuePair<string, JsonNode?>> Properties => Parameters?["properties"] as JsonObject ?? [];

    /// <summary>Whether an argument is a text and nothing else, so that forms without quotes need none.</summary>
    public bool IsText(string argument) => SchemaOf(argument) is { } schema && IsTextSchema(schema);

    /// <summary>The schema of an argument, references within the tool's schema followed; null where there is none.</summary>
    public JsonObject? SchemaOf(string argument)
    {
        JsonNode? schema = Parameters?["properties"]?[argument];
        for (int steps = 0; steps < 16 && schema is JsonObject { } reference && reference["$ref"] is JsonValue value && value.TryGetValue(out string? target); steps++)
        {
            schema = target.StartsWith("#/", StringComparison.Ordinal) ? Follow(Parameters, target[2..].Split('/')) : null;
        }

        return schema as JsonObject;
    }

    /// <summary>Reads tools as the OpenAI chat API has them.</summary>
    /// <exception cref="RequestRefusedException">One is none; the parameter says which.</exception>
    public static IReadOnlyList<Tool> Read(JsonArray tools)
    {
        Require(tools.Count <= MaxTools, "tools", $"tools has {tools.Count} tools; at most {MaxTools} are allowed.");
        List<Tool> read = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        for (int index = 0; index < tools.Count; index++)
        {
            string path = $"tools[{index}]";
            JsonObject? function = (tools[index] as JsonObject)?["function"] as JsonObject;
            string? name = function?["name"] is JsonValue value && value.TryGetValue(out string? text) ? text : null;
            Require(name is not null, path + ".function.name", $"{path} must be a function with a name.");
            Require(IsName(name!), path + ".function.name", $"{path}.function.name must have 1 to {LongestName} letters, digits, '_', '-' or '.'.");
            Require(names.Add(name!), path + ".function.name", $"{path}.function.name is '{name}', which another tool has already.");
            JsonNode? parameters = function!["parameters"];
            Require(parameters is null or JsonObject, path + ".function.parameters", $"{path}.function.parameters must be an object: a JSON schema.");
            bool isStrict = function["strict"] is JsonValue strict && strict.GetValueKind() == JsonValueKind.True;
            read.Add(new Tool(name!, parameters as JsonObject, isStrict, path));
        }

        return read;
    }

    static bool IsName(string name) =>
        name.Length is > 0 and <= LongestName && name.All(character => char.IsAsciiLetterOrDigit(character) || character is '_' or '-' or '.');

    static bool IsTextSchema(JsonObject schema) => schema["type"] switch
    {
        JsonValue type when type.GetValueKind() == JsonValueKind.String => type.GetValue<string>() == "string",
        JsonArray { Count: 1 } types => types[0] is JsonValue only && only.GetValueKind() == JsonValueKind.String && only.GetValue<string>() == "string",
        null => schema["enum"] is JsonArray { Count: > 0 } values && values.All(value => value?.GetValueKind() == JsonValueKind.String),
        _ => false,
    };

    static JsonNode? Follow(JsonNode? node, IEnumerable<string> steps) =>
        steps.Aggregate(node, (at, step) => at is JsonObject holder ? holder[Uri.UnescapeDataString(step).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)] : null);

    static void Require(bool holds, string parameter, string otherwise)
    {
        if (!holds)
        {
            throw new RequestRefusedException(RefusalReason.InvalidParameter, parameter, otherwise);
        }
    }
}

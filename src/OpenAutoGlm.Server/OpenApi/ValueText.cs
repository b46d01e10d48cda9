using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace OpenAutoGlm.Server.OpenApi;

/// <summary>
/// Reads the words in which parameter tables say what a value may be ("integer 1 … 128; default 1") and makes a JSON schema of
/// them, so that the documentation, the OpenAPI document and the tables cannot contradict one another. Words that it does not
/// know leave a part open: a schema never refuses what the server takes.
/// </summary>
static partial class ValueText
{
    /// <summary>Whether a field must be there.</summary>
    public static bool IsRequired(string words) => words.EndsWith("required", StringComparison.Ordinal);

    /// <summary>The schema of the words; null, which means absent everywhere, is allowed by it unless the field is required.</summary>
    public static JsonObject Schema(string words, string meaning)
    {
        string[] parts = words.Split(';', StringSplitOptions.TrimEntries);
        string kinds = parts[0].EndsWith(", required", StringComparison.Ordinal) ? parts[0][..^", required".Length] : parts[0];
        JsonObject[] alternatives = [.. Alternatives(kinds).Select(Alternative)];
        JsonObject schema = alternatives switch
        {
            _ when alternatives.Any(one => one.Count == 0) => [],
            [var only] => only,
            _ => new JsonObject { ["anyOf"] = new JsonArray([.. alternatives.Cast<JsonNode>()]) },
        };
        if (!IsRequired(words) && schema.Count > 0)
        {
            schema = Nullable(schema);
        }

        schema["description"] = meaning;
        if (parts.FirstOrDefault(part => part.StartsWith("default ", StringComparison.Ordinal)) is { } given && Literal(given["default ".Length..]) is { } value)
        {
            schema["default"] = value;
        }

        return schema;
    }

    static JsonObject Nullable(JsonObject schema)
    {
        if (schema["type"] is JsonValue type && type.GetValueKind() == JsonValueKind.String && (string)type! != "null")
        {
            schema["type"] = new JsonArray((string)type!, "null");
            return schema;
        }

        if (schema["anyOf"] is JsonArray any)
        {
            any.Add((JsonNode)new JsonObject { ["type"] = "null" });
            return schema;
        }

        return schema["type"] is null ? new JsonObject { ["anyOf"] = new JsonArray(schema, new JsonObject { ["type"] = "null" }) } : schema;
    }

    static IEnumerable<string> Alternatives(string kinds) => Or().Split(kinds).Select(part => part.Trim()).Where(part => part.Length > 0);

    static JsonObject Alternative(string words)
    {
        string plain = words.EndsWith(" only", StringComparison.Ordinal) ? words[..^" only".Length] : words;
        if (Literal(plain) is { } literal)
        {
            return new JsonObject { ["const"] = literal };
        }

        return plain switch
        {
            "null" => new JsonObject { ["type"] = "null" },
            _ when Number().Match(plain) is { Success: true } number => NumberSchema(number.Groups[1].Value.EndsWith("integer", StringComparison.Ordinal) ? "integer" : "number", number.Groups[2].Value),
            _ when plain.StartsWith("boolean", StringComparison.Ordinal) => new JsonObject { ["type"] = "boolean" },
            _ when plain.StartsWith("array", StringComparison.Ordinal) => ArraySchema(plain),
            _ when plain.StartsWith("object", StringComparison.Ordinal) || plain[0] == '{' => Sized(new JsonObject { ["type"] = "object" }, plain, "Properties", "entries"),
            _ when plain.StartsWith("string", StringComparison.Ordinal) || plain.StartsWith("a string", StringComparison.Ordinal) =>
                Sized(new JsonObject { ["type"] = "string" }, plain, "Length", "characters"),
            _ => [],
        };
    }

    static JsonObject NumberSchema(string type, string range)
    {
        JsonObject schema = new() { ["type"] = type };
        if (Between().Match(range) is { Success: true } between)
        {
            schema["minimum"] = Literal(between.Groups[1].Value);
            schema["maximum"] = Literal(between.Groups[2].Value);
        }

        foreach (Match bound in Bound().Matches(range))
        {
            schema[bound.Groups[1].Value switch { "≥" => "minimum", "over" => "exclusiveMinimum", _ => "maximum" }] = Literal(bound.Groups[2].Value);
        }

        return schema;
    }

    static JsonObject ArraySchema(string words)
    {
        JsonObject schema = new() { ["type"] = "array" };
        if (words.Contains("arrays of ids", StringComparison.Ordinal))
        {
            schema["items"] = ArraySchema("array of ids");
        }
        else if (words.Contains("ids", StringComparison.Ordinal))
        {
            schema["items"] = new JsonObject { ["type"] = "integer", ["minimum"] = 0 };
        }
        else if (words.Contains("strings", StringComparison.Ordinal))
        {
            schema["items"] = Sized(new JsonObject { ["type"] = "string" }, words, "Length", "characters");
        }

        return Sized(schema, words, "Items", "(?:strings|token ids|ids|objects)");
    }

    /// <summary>Adds "at most 16 strings" and "1 … 10000 strings".</summary>
    static JsonObject Sized(JsonObject schema, string words, string suffix, string unit)
    {
        Match most = Regex.Match(words, $"at most (\\d+) {unit}", RegexOptions.None, TimeSpan.FromSeconds(1));
        Match both = Regex.Match(words, $"(\\d+) … (\\d+) {unit}", RegexOptions.None, TimeSpan.FromSeconds(1));
        if (both.Success)
        {
            schema["min" + suffix] = Literal(both.Groups[1].Value);
            schema["max" + suffix] = Literal(both.Groups[2].Value);
        }
        else if (most.Success)
        {
            schema["max" + suffix] = Literal(most.Groups[1].Value);
        }

        return schema;
    }

    /// <summary>A number, truth value, string or array that is spelled out; null for words.</summary>
    static JsonNode? Literal(string words)
    {
        string spelled = words.Trim().Replace('−', '-');
        if (long.TryParse(spelled, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole))
        {
            return JsonValue.Create(whole);
        }

        if (spelled is not ("true" or "false") && (spelled.Length == 0 || spelled[0] is not ('"' or '[') || spelled[^1] is not ('"' or ']')))
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(spelled);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // "integer ≥ 0, or −1", "\"auto\" or \"default\"", "string, array of strings": a comma divides only before the name of a kind.
    [GeneratedRegex(""", or |(?<=\S) or (?=["\[{−\-\d]|a |an |true|false|null|string|array|object|integer|number|boolean)|, (?=a string|string|array|object|integer|number|boolean|true|false|null|"|\[)(?![^{]*\})""")]
    private static partial Regex Or();

    [GeneratedRegex("^(64-bit integer|integer|number)\\b(.*)$")]
    private static partial Regex Number();

    [GeneratedRegex("([−-]?\\d+) … ([−-]?\\d+)")]
    private static partial Regex Between();

    [GeneratedRegex("(≥|over|at most) ([−-]?\\d+)")]
    private static partial Regex Bound();
}

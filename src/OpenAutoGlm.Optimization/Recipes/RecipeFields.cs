using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace OpenAutoGlm.Optimization.Recipes;

/// <summary>A JSON object whose fields know their lines, and which refuses fields that nobody asked for.</summary>
sealed class RecipeFields
{
    readonly string _path;
    readonly string _place;
    readonly Dictionary<string, (JsonElement Value, int Line)> _fields = new(StringComparer.Ordinal);
    readonly IReadOnlyDictionary<string, int> _lines;

    RecipeFields(string path, string place, JsonElement element, IReadOnlyDictionary<string, int> lines)
    {
        (_path, _place, _lines) = (path, place, lines);
        foreach (JsonProperty property in element.EnumerateObject())
        {
            string inner = place.Length == 0 ? property.Name : $"{place}.{property.Name}";
            if (!_fields.TryAdd(property.Name, (property.Value, lines.GetValueOrDefault(inner))))
            {
                throw new RecipeException($"{path}, line {lines.GetValueOrDefault(inner)}: '{inner}' is there twice.");
            }
        }
    }

    /// <summary>Names, in the order of the file.</summary>
    internal IEnumerable<string> Names => _fields.Keys;

    internal static RecipeFields Of(string json, string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 16 });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new RecipeFields(path, "", document.RootElement.Clone(), LinesOf(json))
                : throw new RecipeException($"{path}: a recipe is a JSON object, not {document.RootElement.ValueKind.ToString().ToLowerInvariant()}.");
        }
        catch (JsonException error)
        {
            throw new RecipeException($"{path}, line {error.LineNumber + 1}, column {error.BytePositionInLine + 1}: this is no JSON: {error.Message.Split(" LineNumber", 2)[0]}", error);
        }
    }

    /// <summary>Refuses a field.</summary>
    internal RecipeException Wrong(string name, string what) => new($"{_path}, line {_fields[name].Line}, '{Full(name)}': {what}");

    internal void AllowOnly(params ReadOnlySpan<string> names)
    {
        string[] known = names.ToArray();
        foreach (string name in _fields.Keys.Where(name => !known.Contains(name)))
        {
            throw Wrong(name, $"there is no such field.{NearestName.Hint(name, known)} Known are {string.Join(", ", known)}.");
        }
    }

    internal string? Text(string name) => !_fields.TryGetValue(name, out (JsonElement Value, int) field) ? null
        : field.Value.ValueKind == JsonValueKind.String ? field.Value.GetString() : throw Wrong(name, $"a text is wanted, not {field.Value.GetRawText()}.");

    internal int? Whole(string name, int least) => Number(name) switch
    {
        null => null,
        double value when value >= least && value <= int.MaxValue && value == Math.Floor(value) => (int)value,
        double value => throw Wrong(name, $"a whole number of at least {least} is wanted, not {value.ToString(CultureInfo.InvariantCulture)}."),
    };

    internal double? Number(string name) => !_fields.TryGetValue(name, out (JsonElement Value, int) field) || field.Value.ValueKind == JsonValueKind.Null ? null
        : field.Value.ValueKind == JsonValueKind.Number && field.Value.TryGetDouble(out double number) && double.IsFinite(number) ? number
        : throw Wrong(name, $"a number is wanted, not {field.Value.GetRawText()}.");

    /// <summary>A text or an array of texts; null where there is neither.</summary>
    internal ImmutableArray<string>? Texts(string name)
    {
        if (!_fields.TryGetValue(name, out (JsonElement Value, int) field))
        {
            return null;
        }

        return field.Value.ValueKind switch
        {
            JsonValueKind.String => [field.Value.GetString()!],
            JsonValueKind.Array when field.Value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) => [.. field.Value.EnumerateArray().Select(item => item.GetString()!)],
            _ => throw Wrong(name, $"a text or a list of texts is wanted, not {field.Value.GetRawText()}."),
        };
    }

    internal RecipeFields? Object(string name) => !_fields.TryGetValue(name, out (JsonElement Value, int) field) ? null
        : field.Value.ValueKind == JsonValueKind.Object ? new RecipeFields(_path, Full(name), field.Value, _lines) : throw Wrong(name, "an object is wanted.");

    internal IEnumerable<RecipeFields> Objects(string name)
    {
        if (!_fields.TryGetValue(name, out (JsonElement Value, int) field))
        {
            yield break;
        }

        if (field.Value.ValueKind != JsonValueKind.Array || field.Value.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.Object))
        {
            throw Wrong(name, "a list of objects is wanted.");
        }

        int index = 0;
        foreach (JsonElement item in field.Value.EnumerateArray())
        {
            yield return new RecipeFields(_path, $"{Full(name)}[{index++}]", item, _lines);
        }
    }

    string Full(string name) => _place.Length == 0 ? name : $"{_place}.{name}";

    /// <summary>The line of every field, by its place: rules[2].format.</summary>
    static Dictionary<string, int> LinesOf(string json)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(json);
        Utf8JsonReader reader = new(bytes, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 16 });
        Dictionary<string, int> lines = new(StringComparer.Ordinal);
        Stack<(string Place, int Index)> open = new();
        string name = "";
        (int line, int counted) = (1, 0);
        while (reader.Read())
        {
            for (; counted < reader.TokenStartIndex; counted++)
            {
                line += bytes[counted] == '\n' ? 1 : 0;
            }

            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName:
                    string parent = open.Count > 0 ? open.Peek().Place : "";
                    name = parent.Length == 0 ? reader.GetString()! : $"{parent}.{reader.GetString()}";
                    lines.TryAdd(name, line);
                    break;

                case JsonTokenType.StartArray:
                    open.Push((name, 0));
                    break;

                case JsonTokenType.StartObject when open.Count > 0 && open.Peek().Index >= 0 && open.Peek() is (string place, int index) && IsArray(open):
                    open.Pop();
                    open.Push((place, index + 1));
                    open.Push(($"{place}[{index}]", -1));
                    break;

                case JsonTokenType.StartObject:
                    open.Push((open.Count == 0 ? "" : name, -1));
                    break;

                case JsonTokenType.EndObject or JsonTokenType.EndArray:
                    open.Pop();
                    break;
            }
        }

        return lines;
    }

    static bool IsArray(Stack<(string Place, int Index)> open) => open.Peek().Index >= 0;
}

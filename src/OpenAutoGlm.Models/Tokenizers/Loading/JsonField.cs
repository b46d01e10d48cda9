using System.Text.Json;

namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>A value in a JSON file together with where it stands, so that a wrong one is refused by name.</summary>
readonly struct JsonField
{
    const long MaxFileBytes = 1L << 29;

    readonly string _file;
    readonly string _path;
    readonly JsonElement _element;

    JsonField(string file, string path, JsonElement element) => (_file, _path, _element) = (file, path, element);

    public JsonValueKind Kind => _element.ValueKind;

    public int Count => _element.ValueKind == JsonValueKind.Array ? _element.GetArrayLength() : 0;

    /// <summary>Reads a whole file.</summary>
    /// <exception cref="ModelFormatException">The file is too large, or no JSON.</exception>
    public static JsonField Read(string file)
    {
        long length = new FileInfo(file).Length;
        if (length > MaxFileBytes)
        {
            throw new ModelFormatException(file, "file", $"it has {length} bytes; at most {MaxFileBytes} are read.");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file).AsMemory(), new JsonDocumentOptions { MaxDepth = 64 });
            return new JsonField(file, "$", document.RootElement.Clone()).Of(JsonValueKind.Object);
        }
        catch (JsonException error)
        {
            throw new ModelFormatException(file, $"line {error.LineNumber + 1}", "this is no JSON: " + error.Message, error);
        }
    }

    /// <summary>A member of this object; null where it is absent or null.</summary>
    public JsonField? Find(string name) =>
        Of(JsonValueKind.Object)._element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? new JsonField(_file, $"{_path}.{name}", value)
            : null;

    /// <summary>A member that must be there.</summary>
    public JsonField this[string name] => Find(name) ?? throw new ModelFormatException(_file, $"{_path}.{name}", "the field is missing.");

    /// <summary>The members of this object with their names.</summary>
    public IEnumerable<(string Name, JsonField Value)> Members()
    {
        foreach (JsonProperty member in Of(JsonValueKind.Object)._element.EnumerateObject())
        {
            string name = Text(member, static property => property.Name);
            yield return (name, new JsonField(_file, $"{_path}.{name}", member.Value));
        }
    }

    /// <summary>The elements of this array.</summary>
    public IEnumerable<JsonField> Elements()
    {
        int index = 0;
        foreach (JsonElement element in Of(JsonValueKind.Array)._element.EnumerateArray())
        {
            yield return new JsonField(_file, $"{_path}[{index++}]", element);
        }
    }

    public string String() => Text(Of(JsonValueKind.String)._element, static element => element.GetString()!);

    public bool Flag() => Kind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong("true or false"),
    };

    public long Integer() => Of(JsonValueKind.Number)._element.TryGetInt64(out long value) ? value : throw Wrong("a whole number");

    public float Number() => Of(JsonValueKind.Number)._element.TryGetSingle(out float value) && float.IsFinite(value) ? value : throw Wrong("a number");

    /// <summary>What is wrong with this value.</summary>
    public ModelFormatException Error(string message) => new(_file, _path, message);

    JsonField Of(JsonValueKind kind) => Kind == kind ? this : throw Wrong(kind.ToString().ToLowerInvariant());

    ModelFormatException Wrong(string wanted)
    {
        string found = _element.GetRawText();
        return Error($"{(found.Length <= 40 ? found : found[..40] + "…")} is not {wanted}.");
    }

    /// <summary>Strings with half a surrogate pair cannot be read, and say so with an exception of another kind.</summary>
    string Text<T>(T source, Func<T, string> read)
    {
        try
        {
            return read(source);
        }
        catch (InvalidOperationException error)
        {
            throw new ModelFormatException(_file, _path, "there is a string with half a surrogate pair.", error);
        }
    }
}

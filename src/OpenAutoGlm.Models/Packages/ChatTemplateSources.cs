using System.Collections.Immutable;
using System.Text.Json;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models.Packages;

/// <summary>The texts of a model's chat templates. They are programs of strangers: nothing here runs them.</summary>
/// <param name="Default">The template for plain use; null if the model has none.</param>
/// <param name="Named">Others, such as tool_use or rag, by name.</param>
public sealed record ChatTemplateSources(string? Default, ImmutableSortedDictionary<string, string> Named)
{
    const string DefaultName = "default";
    const string GgufKey = "tokenizer.chat_template";
    const long MaxBytes = 4 << 20;

    /// <summary>No template at all.</summary>
    public static ChatTemplateSources None { get; } = new(null, ImmutableSortedDictionary<string, string>.Empty);

    /// <summary>Reads tokenizer.chat_template and the named ones beside it.</summary>
    internal static ChatTemplateSources Read(GgufMetadata metadata)
    {
        var named = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (string key in metadata.Keys.Where(key => key.StartsWith(GgufKey + ".", StringComparison.Ordinal)))
        {
            named[key[(GgufKey.Length + 1)..]] = metadata.GetString(key);
        }

        return new ChatTemplateSources(metadata.TryGetString(GgufKey, out string? text) ? text : null, named.ToImmutable());
    }

    /// <summary>
    /// Reads a folder: chat_template.jinja, else chat_template.json, else the member of tokenizer_config.json, a text or
    /// a list of named ones; and additional_chat_templates/*.jinja.
    /// </summary>
    internal static ChatTemplateSources Read(string folder)
    {
        ChatTemplateSources found = Member(Path.Combine(folder, "tokenizer_config.json"));
        if (Member(Path.Combine(folder, "chat_template.json")).Default is { } json)
        {
            found = found with { Default = json };
        }

        if (File.Exists(Path.Combine(folder, "chat_template.jinja")))
        {
            found = found with { Default = ReadText(Path.Combine(folder, "chat_template.jinja")) };
        }

        string additional = Path.Combine(folder, "additional_chat_templates");
        if (Directory.Exists(additional))
        {
            var named = found.Named.ToBuilder();
            foreach (string path in Directory.EnumerateFiles(additional, "*.jinja"))
            {
                named[Path.GetFileNameWithoutExtension(path)] = ReadText(path);
            }

            found = found with { Named = named.ToImmutable() };
        }

        return found;
    }

    static ChatTemplateSources Member(string path)
    {
        if (!File.Exists(path))
        {
            return None;
        }

        using JsonDocument document = JsonFile.ReadObject(path);
        if (!document.RootElement.TryGetProperty("chat_template", out JsonElement member) || member.ValueKind == JsonValueKind.Null)
        {
            return None;
        }

        if (member.ValueKind == JsonValueKind.String)
        {
            return None with { Default = Text(path, member) };
        }

        if (member.ValueKind != JsonValueKind.Array)
        {
            throw new ModelFormatException(path, "chat_template", "a text or a list of named texts belongs here.");
        }

        var named = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (JsonElement entry in member.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Object || !entry.TryGetProperty("name", out JsonElement name) || !entry.TryGetProperty("template", out JsonElement template))
            {
                throw new ModelFormatException(path, "chat_template", "each entry of the list is to have a name and a template.");
            }

            named[Text(path, name)] = Text(path, template);
        }

        string? standard = named.GetValueOrDefault(DefaultName);
        named.Remove(DefaultName);
        return new ChatTemplateSources(standard, named.ToImmutable());
    }

    static string Text(string path, JsonElement element)
    {
        try
        {
            return element.ValueKind == JsonValueKind.String
                ? element.GetString()!
                : throw new ModelFormatException(path, "chat_template", $"a text belongs here, not {element.ValueKind}.");
        }
        catch (InvalidOperationException error)
        {
            throw new ModelFormatException(path, "chat_template", "holds half a surrogate pair.", error);
        }
    }

    static string ReadText(string path) => new FileInfo(path).Length is <= MaxBytes
        ? File.ReadAllText(path)
        : throw new ModelFormatException(path, "file", $"a chat template has at most {MaxBytes} bytes.");
}

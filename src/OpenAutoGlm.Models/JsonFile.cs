using System.Text.Json;

namespace OpenAutoGlm.Models;

/// <summary>Reads the JSON files that lie beside the weights of a model.</summary>
static class JsonFile
{
    /// <summary>Far above any configuration or index, far below what would hurt.</summary>
    const long MaxBytes = 64 << 20;
    const int MaxDepth = 64;

    /// <summary>The object in a file.</summary>
    /// <exception cref="ModelFormatException">The file is too large, no JSON, no object, or names a member twice.</exception>
    public static JsonDocument ReadObject(string path)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        if (stream.Length > MaxBytes)
        {
            throw new ModelFormatException(path, "file", $"it has {stream.Length} bytes; a JSON file beside a model has at most {MaxBytes}.");
        }

        try
        {
            JsonDocument document = JsonDocument.Parse(stream, new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return document;
            }

            JsonValueKind kind = document.RootElement.ValueKind;
            document.Dispose();
            throw new ModelFormatException(path, "root", $"a JSON object belongs here, not {kind}.");
        }
        catch (JsonException error)
        {
            throw new ModelFormatException(path, error.LineNumber is { } line ? $"line {line + 1}" : "JSON", error.Message, error);
        }
    }
}

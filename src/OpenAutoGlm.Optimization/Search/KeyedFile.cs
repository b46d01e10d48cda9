using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Search;

/// <summary>
/// A JSON file of what was measured, to save time later: with a key that holds everything that it depends on, and a checksum. A
/// file of another key, and one that is cut or damaged, is as good as none.
/// </summary>
static class KeyedFile
{
    /// <summary>What was kept under a key; null for nothing that can be used.</summary>
    internal static JsonObject? Read(string? path, string key)
    {
        if (path is null || !File.Exists(path))
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(File.ReadAllText(path)) is JsonObject file && (string?)file["key"] == key && file["content"] is JsonObject content && (string?)file["sum"] == SumOf(key, content)
                ? content
                : null;
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException or InvalidOperationException or FormatException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Writes in place of an older file.</summary>
    /// <returns>Whether it could be written.</returns>
    internal static bool TryWrite(string path, string key, JsonObject content)
    {
        string sum = SumOf(key, content);
        return WholeFile.TryWrite(path, new JsonObject { ["key"] = key, ["sum"] = sum, ["content"] = content }.ToJsonString());
    }

    static string SumOf(string key, JsonObject content) => $"{ContentSum.Of(Encoding.UTF8.GetBytes(content.ToJsonString()), ContentSum.Of(Encoding.UTF8.GetBytes(key))):x16}";
}

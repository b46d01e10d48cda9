using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>Makes ids of calls fit templates that want so many letters and digits: equal ids stay equal.</summary>
static class CallIds
{
    /// <summary>A conversation whose ids all have this length.</summary>
    public static JsonArray Shorten(JsonArray messages, int length)
    {
        JsonArray copy = messages.DeepClone().AsArray();
        foreach (JsonObject message in copy.OfType<JsonObject>())
        {
            Replace(message, "tool_call_id", length);
            foreach (JsonObject call in (message["tool_calls"] as JsonArray ?? []).OfType<JsonObject>())
            {
                Replace(call, "id", length);
            }
        }

        return copy;
    }

    static void Replace(JsonObject holder, string name, int length)
    {
        if (holder[name] is JsonValue value && value.TryGetValue(out string? id) && (id.Length != length || !id.All(char.IsAsciiLetterOrDigit)))
        {
            holder[name] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(id)))[..length];
        }
    }
}

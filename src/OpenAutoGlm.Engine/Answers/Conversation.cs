using System.Text.Json;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>Makes a conversation in OpenAI's form fit for chat templates, whoever sent it.</summary>
static class Conversation
{
    /// <summary>
    /// The messages with the arguments of earlier calls as objects, which is what templates expect, where they came as
    /// texts of JSON. The same array where there is nothing to change.
    /// </summary>
    /// <exception cref="RequestRefusedException">Arguments are no JSON object.</exception>
    public static JsonArray WithArgumentObjects(JsonArray messages)
    {
        if (!messages.Any(message => message is JsonObject fields && fields["tool_calls"] is JsonArray))
        {
            return messages;
        }

        JsonArray copy = messages.DeepClone().AsArray();
        for (int index = 0; index < copy.Count; index++)
        {
            JsonArray calls = (copy[index] as JsonObject)?["tool_calls"] as JsonArray ?? [];
            for (int call = 0; call < calls.Count; call++)
            {
                if (calls[call]?["function"] is JsonObject function && function["arguments"] is JsonValue value && value.TryGetValue(out string? text))
                {
                    function["arguments"] = Parse(text, $"messages[{index}].tool_calls[{call}].function.arguments");
                }
            }
        }

        return copy;
    }

    static JsonObject Parse(string text, string path)
    {
        try
        {
            if (string.IsNullOrWhiteSpace(text))
            {
                return [];
            }

            using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return JsonObject.Create(document.RootElement.Clone())!;
            }
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw new RequestRefusedException(RefusalReason.InvalidParameter, path, $"{path} must be a JSON object, written as a string.");
    }
}

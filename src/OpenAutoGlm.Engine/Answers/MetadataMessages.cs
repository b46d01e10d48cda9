using System.Text.Json.Nodes;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>
/// A conversation as GLM-4's templates know it: a call is an assistant's message with the tool's name as metadata and the
/// arguments as content, its result a message of the role observation, and the tools may stand in a system message.
/// </summary>
static class MetadataMessages
{
    /// <summary>Rewrites a conversation in OpenAI's form.</summary>
    public static (JsonArray Messages, JsonArray? Tools) Arrange(JsonArray messages, JsonArray? tools, bool toolsInMessage)
    {
        JsonArray arranged = [];
        if (tools is not null && toolsInMessage)
        {
            arranged.Add((JsonNode)new JsonObject { ["role"] = "system", ["content"] = "", ["tools"] = tools.DeepClone() });
        }

        foreach (JsonNode? message in messages)
        {
            if (message is JsonObject fields)
            {
                Add(arranged, fields);
            }
            else
            {
                arranged.Add(message?.DeepClone());
            }
        }

        return (arranged, toolsInMessage ? null : tools);
    }

    static void Add(JsonArray arranged, JsonObject message)
    {
        JsonObject copy = message.DeepClone().AsObject();
        switch ((string?)message["role"])
        {
            case "tool":
                copy["role"] = "observation";
                arranged.Add((JsonNode)copy);
                break;
            case "assistant" when message["tool_calls"] is JsonArray calls:
                copy.Remove("tool_calls");
                if (copy["content"] is JsonValue content && content.TryGetValue(out string? text) && text.Length > 0)
                {
                    arranged.Add((JsonNode)copy);
                }

                foreach (JsonObject function in calls.Select(call => call?["function"]).OfType<JsonObject>())
                {
                    arranged.Add((JsonNode)new JsonObject { ["role"] = "assistant", ["metadata"] = function["name"]?.DeepClone(), ["content"] = Text(function["arguments"]) });
                }

                break;
            default:
                arranged.Add((JsonNode)copy);
                break;
        }
    }

    static string Text(JsonNode? arguments) => arguments switch
    {
        null => "{}",
        JsonValue value when value.TryGetValue(out string? text) => text,
        _ => RelaxedJson.Write(arguments),
    };
}

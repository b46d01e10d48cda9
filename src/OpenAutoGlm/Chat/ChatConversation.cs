using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.AI;

namespace OpenAutoGlm.Chat;

/// <summary>Messages as chat templates expect them: objects with role and content, calls with their arguments as objects.</summary>
static class ChatConversation
{
    // Models read characters, not their escapes.
    static readonly JsonSerializerOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The conversation, with instructions as its first message.</summary>
    /// <exception cref="NotSupportedException">A role or a content is not text, a call or a result.</exception>
    public static JsonArray Read(IEnumerable<ChatMessage> messages, string? instructions)
    {
        JsonArray conversation = [];
        if (!string.IsNullOrEmpty(instructions))
        {
            conversation.Add((JsonNode)new JsonObject { ["role"] = "system", ["content"] = instructions });
        }

        Dictionary<string, string> toolNames = new(StringComparer.Ordinal);
        foreach (ChatMessage message in messages)
        {
            Add(conversation, message, toolNames);
        }

        return conversation;
    }

    /// <summary>A value of .NET as JSON; without reflection for the types that tools usually give.</summary>
    /// <exception cref="NotSupportedException">The program was published without what it takes to serialise this type.</exception>
    public static JsonNode? ToJson(object? value)
    {
        if (value is null)
        {
            return null;
        }

        JsonTypeInfo type = AIJsonUtilities.DefaultOptions.GetTypeInfo(value.GetType());
        return JsonSerializer.SerializeToNode(value, type);
    }

    static void Add(JsonArray conversation, ChatMessage message, Dictionary<string, string> toolNames)
    {
        string role = RoleOf(message);
        List<string> texts = [];
        List<string> thoughts = [];
        JsonArray calls = [];
        bool hasResults = false;
        foreach (AIContent content in message.Contents)
        {
            switch (content)
            {
                case TextContent text:
                    texts.Add(text.Text);
                    break;

                case TextReasoningContent thinking when role == "assistant":
                    thoughts.Add(thinking.Text);
                    break;

                case FunctionCallContent call when role == "assistant":
                    toolNames[call.CallId] = call.Name;
                    calls.Add((JsonNode)CallOf(call));
                    break;

                case FunctionResultContent result:
                    hasResults = true;
                    conversation.Add((JsonNode)ResultOf(result, toolNames));
                    break;

                case UsageContent:
                    break;

                default:
                    throw new NotSupportedException($"A message of the role {role} has a {content.GetType().Name}, which this model cannot read: it reads text, its own thinking and calls, and results of tools.");
            }
        }

        if (hasResults && texts.Count == 0 && calls.Count == 0)
        {
            return;
        }

        JsonObject written = new() { ["role"] = role, ["content"] = string.Concat(texts) };
        if (message.AuthorName is { Length: > 0 } author)
        {
            written["name"] = author;
        }

        if (thoughts.Count > 0)
        {
            written["reasoning_content"] = string.Concat(thoughts);
        }

        if (calls.Count > 0)
        {
            written["tool_calls"] = calls;
        }

        conversation.Add((JsonNode)written);
    }

    static string RoleOf(ChatMessage message) => message.Role.Value.ToLowerInvariant() switch
    {
        "system" or "developer" => "system",
        "user" => "user",
        "assistant" => "assistant",
        "tool" => "tool",
        string other => throw new NotSupportedException($"A message has the role '{other}'; it must be system, user, assistant or tool."),
    };

    static JsonObject CallOf(FunctionCallContent call)
    {
        JsonObject arguments = [];
        foreach ((string name, object? value) in call.Arguments ?? new Dictionary<string, object?>())
        {
            arguments[name] = ToJson(value);
        }

        return new JsonObject
        {
            ["id"] = call.CallId,
            ["type"] = "function",
            ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = arguments },
        };
    }

    static JsonObject ResultOf(FunctionResultContent result, Dictionary<string, string> toolNames)
    {
        JsonObject message = new() { ["role"] = "tool", ["tool_call_id"] = result.CallId, ["content"] = TextOf(result) };
        if (toolNames.TryGetValue(result.CallId, out string? name))
        {
            message["name"] = name;
        }

        return message;
    }

    /// <summary>Strings as they are, everything else as JSON; a failure as a sentence, so that the model can try otherwise.</summary>
    static string TextOf(FunctionResultContent result)
    {
        if (result is { Result: null, Exception: { } error })
        {
            return $"Error: {error.Message}";
        }

        return ToJson(result.Result) switch
        {
            null => "null",
            JsonValue value when value.TryGetValue(out string? text) => text,
            JsonNode node => node.ToJsonString(Compact),
        };
    }
}

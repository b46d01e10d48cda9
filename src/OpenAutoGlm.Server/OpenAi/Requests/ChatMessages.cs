using System.Collections.Frozen;
using System.Text.Json.Nodes;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.Requests;

/// <summary>
/// Reads a conversation into what chat templates expect: objects with role and content, the content one string. Text
/// parts are joined by a line feed; "developer" becomes "system", which is what templates know.
/// </summary>
static class ChatMessages
{
    const int LongestName = 256;

    static readonly FrozenSet<string> Media = FrozenSet.ToFrozenSet(["image_url", "input_audio", "audio_url", "video_url", "file"]);

    public static JsonArray Read(RequestValue value)
    {
        JsonArray messages = [];
        foreach (RequestValue message in value.Array(shortest: 1))
        {
            messages.Add(ReadMessage(message));
        }

        return messages;
    }

    static JsonNode ReadMessage(RequestValue value)
    {
        Dictionary<string, RequestValue> fields = value.Properties().Where(field => !field.Value.IsNull)
            .ToDictionary(field => field.Name, field => field.Value, StringComparer.Ordinal);
        RequestValue roleValue = Take(fields, "role") ?? throw new ApiException(ApiError.Missing(value.Path + ".role"));
        string role = roleValue.String() switch
        {
            "developer" or "system" => "system",
            "user" => "user",
            "assistant" => "assistant",
            "tool" => "tool",
            string other => throw roleValue.Invalid($"is '{ApiError.Clip(other)}'; it must be system, developer, user, assistant or tool"),
        };
        bool calls = role == "assistant" && fields.TryGetValue("tool_calls", out RequestValue made) && made.IsArray && made.Element.GetArrayLength() > 0;
        RequestValue? content = Take(fields, "content");
        string text = content is { } said ? ReadContent(said) : calls ? "" : throw new ApiException(ApiError.Missing(value.Path + ".content"));
        JsonObject message = new() { ["role"] = role, ["content"] = text };
        foreach ((string name, RequestValue field) in fields)
        {
            ReadField(role, message, name, field);
        }

        return message;
    }

    static void ReadField(string role, JsonObject message, string name, RequestValue field)
    {
        switch (role, name)
        {
            case (_, "name"):
                message["name"] = field.String(LongestName);
                break;
            case ("tool", "tool_call_id"):
                message["tool_call_id"] = field.String(LongestName);
                break;
            case ("assistant", "reasoning_content"):
                message["reasoning_content"] = field.String();
                break;

            // Clients send an answer back as they got it, empty lists included.
            case ("assistant", "tool_calls" or "annotations") when field.IsArray && field.Element.GetArrayLength() == 0:
                break;
            case ("assistant", "tool_calls"):
                message["tool_calls"] = new JsonArray([.. field.Array(ToolList.MaxTools).Select(ToolParameters.ReadCall)]);
                break;
            case ("assistant", "function_call" or "audio" or "refusal"):
                throw field.Unsupported("is not supported yet");
            default:
                throw new ApiException(ApiError.Unknown(field.Path, $"{field.Path} is not a field of a message with the role {role}."));
        }
    }

    static string ReadContent(RequestValue content)
    {
        if (content.IsString)
        {
            return content.String();
        }

        return content.IsArray
            ? string.Join('\n', content.Array(shortest: 1).Select(ReadPart))
            : throw content.Mismatch("a string or an array of parts");
    }

    static string ReadPart(RequestValue part)
    {
        Dictionary<string, RequestValue> fields = part.Properties().ToDictionary(field => field.Name, field => field.Value, StringComparer.Ordinal);
        RequestValue type = Take(fields, "type") ?? throw new ApiException(ApiError.Missing(part.Path + ".type"));
        string typeName = type.String();
        if (Media.Contains(typeName))
        {
            throw type.Unsupported($"is {typeName}: this model reads text only; images and sound are not supported yet");
        }

        if (typeName != "text")
        {
            throw type.Invalid($"is '{ApiError.Clip(typeName)}'; it must be text");
        }

        RequestValue text = Take(fields, "text") ?? throw new ApiException(ApiError.Missing(part.Path + ".text"));
        return fields.Values.Select(value => value.Path).FirstOrDefault() is { } unknown
            ? throw new ApiException(ApiError.Unknown(unknown, $"{unknown} is not a field of a text part."))
            : text.String();
    }

    static RequestValue? Take(Dictionary<string, RequestValue> fields, string name) => fields.Remove(name, out RequestValue value) ? value : null;
}

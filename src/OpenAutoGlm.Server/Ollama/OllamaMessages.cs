using System.Text.Json.Nodes;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.OpenAi.Requests;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Ollama;

/// <summary>Reads the messages of /api/chat into a conversation.</summary>
static class OllamaMessages
{
    const int LongestName = 256;

    public static void Read(Conversation conversation, RequestValue value)
    {
        foreach (RequestValue message in value.Array(shortest: 1))
        {
            RequestFields fields = new(message);
            RequestValue role = fields.Need("role");
            string text = fields.TakeString("content") ?? "";
            if (fields.Take("images") is { } images)
            {
                RefuseImages(null, images);
            }

            switch (role.String())
            {
                case "system":
                    conversation.System(text);
                    break;
                case "user":
                    conversation.User(text);
                    break;
                case "assistant":
                    string thinking = fields.TakeString("thinking") ?? "";
                    conversation.Assistant(text, thinking, fields.Take("tool_calls") is { } calls ? [.. calls.Array(ToolList.MaxTools).Select(ReadCall)] : []);
                    break;
                case "tool":
                    conversation.Tool(fields.TakeString("tool_call_id", LongestName), fields.TakeString("tool_name", LongestName) ?? fields.TakeString("name", LongestName), text);
                    break;
                case var other:
                    throw role.Invalid($"is '{ApiError.Clip(other)}'; it must be system, user, assistant or tool");
            }

            fields.End($"a message with the role {role.String()}");
        }
    }

    public static void RefuseImages(OllamaDraft? draft, RequestValue value)
    {
        if (value.Array().Count > 0)
        {
            throw value.Unsupported("has images: this model reads text only; images are not supported yet");
        }
    }

    static PastCall ReadCall(RequestValue call)
    {
        RequestFields fields = new(call);
        string? id = fields.TakeString("id", LongestName);
        if (fields.Take("type") is { } type && type.String() != "function")
        {
            throw type.Unsupported("must be \"function\"");
        }

        RequestFields function = new(fields.Need("function"));
        string name = function.Need("name").String(LongestName);
        JsonObject arguments = function.Take("arguments") is not { } given ? []
            : given.IsObject ? RequestDraft.Copy(given.Element)!.AsObject()
            : throw given.Mismatch("an object");
        function.Take("index")?.Int(0);
        function.End("a function");
        fields.End("a tool call");
        return new PastCall(id, name, arguments);
    }
}

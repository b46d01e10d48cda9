using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.OpenAi.Requests;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Anthropic;

/// <summary>
/// Reads turns into a conversation. Texts of a turn that follow one another are joined by a line feed; the results of
/// tools become messages of their own, in their place.
/// </summary>
static class MessageContent
{
    public static void Read(Conversation conversation, RequestValue value)
    {
        string role = "";
        foreach (RequestValue message in value.Array(shortest: 1))
        {
            RequestFields fields = new(message);
            RequestValue roleValue = fields.Need("role");
            role = roleValue.String();
            RequestValue content = fields.Need("content");
            switch (role)
            {
                case "user":
                    ReadUser(conversation, content);
                    break;
                case "assistant":
                    ReadAssistant(conversation, content);
                    break;
                default:
                    throw roleValue.Invalid($"is '{ApiError.Clip(role)}'; it must be user or assistant. What the system says stands in the parameter system");
            }

            fields.End("a message");
        }

        if (role == "assistant")
        {
            throw value.Unsupported("ends with the assistant: answers that are begun by the client are not supported yet");
        }
    }

    public static string ReadSystem(RequestValue value) => ReadText(value, "a string or an array of text blocks");

    public static void CheckCacheControl(RequestValue value)
    {
        RequestFields fields = new(value);
        RequestValue type = fields.Need("type");
        if (type.String() != "ephemeral")
        {
            throw type.Invalid("must be \"ephemeral\"");
        }

        if (fields.Take("ttl") is { } ttl && ttl.String() is not ("5m" or "1h"))
        {
            throw ttl.Invalid("must be \"5m\" or \"1h\"");
        }

        fields.End("cache_control");
    }

    static void ReadUser(Conversation conversation, RequestValue content)
    {
        if (content.IsString)
        {
            conversation.User(content.String());
            return;
        }

        List<string> texts = [];
        foreach (RequestValue block in Blocks(content))
        {
            (RequestFields fields, RequestValue type) = Open(block);
            switch (type.String())
            {
                case "text":
                    texts.Add(ReadText(fields));
                    break;
                case "tool_result":
                    Flush();
                    ReadToolResult(conversation, fields);
                    break;
                default:
                    throw WrongType(type, "text or tool_result");
            }
        }

        Flush();

        void Flush()
        {
            if (texts.Count > 0)
            {
                conversation.User(string.Join('\n', texts));
                texts.Clear();
            }
        }
    }

    static void ReadAssistant(Conversation conversation, RequestValue content)
    {
        if (content.IsString)
        {
            conversation.Assistant(content.String(), "", []);
            return;
        }

        List<string> texts = [];
        List<string> thoughts = [];
        List<PastCall> calls = [];
        foreach (RequestValue block in Blocks(content))
        {
            (RequestFields fields, RequestValue type) = Open(block);
            switch (type.String())
            {
                case "text":
                    texts.Add(ReadText(fields));
                    break;
                case "thinking":
                    thoughts.Add(fields.Need("thinking").String());
                    fields.TakeString("signature");
                    fields.End("a thinking block");
                    break;
                case "tool_use":
                    calls.Add(ReadToolUse(fields));
                    break;
                case "redacted_thinking":
                    throw type.Unsupported("is redacted_thinking, which only those who redacted it can read");
                default:
                    throw WrongType(type, "text, thinking or tool_use");
            }
        }

        conversation.Assistant(string.Join('\n', texts), string.Join('\n', thoughts), calls);
    }

    static PastCall ReadToolUse(RequestFields fields)
    {
        string id = fields.Need("id").String();
        string name = fields.Need("name").String();
        RequestValue input = fields.Need("input");
        CheckCaching(fields);
        if (fields.Take("caller") is { } caller)
        {
            RequestFields parts = new(caller);
            RequestValue type = parts.Need("type");
            if (type.String() != "direct")
            {
                throw type.Unsupported("must be \"direct\": tools are called by the model only");
            }

            parts.End("a caller");
        }

        fields.End("a tool_use block");
        return new PastCall(id, name, input.IsObject ? RequestDraft.Copy(input.Element)!.AsObject() : throw input.Mismatch("an object"));
    }

    static void ReadToolResult(Conversation conversation, RequestFields fields)
    {
        RequestValue id = fields.Need("tool_use_id");
        if (!conversation.HasCall(id.String()))
        {
            throw id.Invalid("names no tool_use block of an earlier turn");
        }

        string text = fields.Take("content") is { } content ? ReadText(content, "a string or an array of text blocks") : "";
        bool isError = fields.Take("is_error") is { } error && error.Bool();
        CheckCaching(fields);
        fields.End("a tool_result block");

        // Templates know no failed calls, so it is said in words.
        conversation.Tool(id.String(), name: null, isError ? "Error: " + text : text);
    }

    static string ReadText(RequestValue value, string expected) => value.IsString
        ? value.String()
        : value.IsArray ? string.Join('\n', value.Array().Select(ReadTextBlock)) : throw value.Mismatch(expected);

    static string ReadTextBlock(RequestValue block)
    {
        (RequestFields fields, RequestValue type) = Open(block);
        return type.String() == "text" ? ReadText(fields) : throw WrongType(type, "text");
    }

    static string ReadText(RequestFields fields)
    {
        string text = fields.Need("text").String();
        CheckCaching(fields);
        if (fields.Take("citations") is { } citations && !(citations.IsArray && citations.Element.GetArrayLength() == 0))
        {
            throw citations.Unsupported("is not supported yet");
        }

        fields.End("a text block");
        return text;
    }

    static void CheckCaching(RequestFields fields)
    {
        if (fields.Take("cache_control") is { } control)
        {
            CheckCacheControl(control);
        }
    }

    static IReadOnlyList<RequestValue> Blocks(RequestValue content) =>
        content.IsArray ? content.Array(shortest: 1) : throw content.Mismatch("a string or an array of blocks");

    static (RequestFields Fields, RequestValue Type) Open(RequestValue block)
    {
        RequestFields fields = new(block);
        return (fields, fields.Need("type"));
    }

    static ApiException WrongType(RequestValue type, string right) => type.String() is "image" or "document" or "search_result"
        ? type.Unsupported($"is {type.String()}: this model reads text only; images and documents are not supported yet")
        : type.Invalid($"is '{ApiError.Clip(type.String())}'; here it must be {right}");
}

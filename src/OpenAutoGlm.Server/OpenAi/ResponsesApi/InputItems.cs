using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.OpenAi.Requests;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.ResponsesApi;

/// <summary>
/// Reads items into a conversation. What an assistant thought, said and called between two other items is one message
/// there.
/// </summary>
/// <param name="conversation">Where they go.</param>
/// <param name="find">An item that was stored, by its id.</param>
sealed class InputItems(Conversation conversation, Func<string, JsonElement?> find)
{
    readonly List<string> _texts = [];
    readonly List<string> _thoughts = [];
    readonly List<PastCall> _calls = [];

    /// <summary>The items as they are told and stored, each with an id.</summary>
    public List<JsonElement> Items { get; } = [];

    /// <summary>Reads input: a text of the user's, or items.</summary>
    public void ReadInput(RequestValue value)
    {
        if (value.IsString)
        {
            conversation.User(value.String());
            Keep(new JsonObject
            {
                ["type"] = "message",
                ["role"] = "user",
                ["content"] = new JsonArray(new JsonObject { ["type"] = "input_text", ["text"] = value.String() }),
            });
            return;
        }

        foreach (RequestValue item in value.IsArray ? value.Array(shortest: 1) : throw value.Mismatch("a string or an array of items"))
        {
            Read(item);
        }

        Flush();
    }

    /// <summary>Reads items that an earlier response had.</summary>
    public void ReadStored(IEnumerable<JsonElement> items)
    {
        foreach (JsonElement item in items)
        {
            Read(new RequestValue("previous_response_id", item), isStored: true);
        }

        Flush();
    }

    void Read(RequestValue item, bool isStored = false)
    {
        RequestFields fields = new(item);
        RequestValue? type = fields.Take("type");
        string kind = type?.String() ?? "message";
        if (kind == "item_reference")
        {
            RequestValue id = fields.Need("id");
            fields.End("an item_reference");
            Read(new RequestValue(item.Path, find(id.String()) ?? throw new ApiException(ApiError.ItemNotFound(id.Path, id.String()))), isStored: true);
            return;
        }

        fields.TakeString("id");
        string status = ReadStatus(fields);

        switch (kind)
        {
            case "message":
                ReadMessage(fields);
                break;
            case "function_call":
                ReadCall(fields, isWhole: status == "completed");
                break;
            case "function_call_output":
                ReadOutput(fields);
                break;
            case "reasoning":
                ReadReasoning(fields);
                break;
            default:
                throw type!.Value.Unsupported($"is '{ApiError.Clip(kind)}'; message, function_call, function_call_output, reasoning and item_reference are supported");
        }

        if (isStored)
        {
            Items.Add(item.Element);
            return;
        }

        JsonObject kept = RequestDraft.Copy(item.Element)!.AsObject();
        kept.Remove("type");
        kept.Insert(0, "type", kind);
        Keep(kept);
    }

    void ReadMessage(RequestFields fields)
    {
        RequestValue role = fields.Need("role");
        string speaker = role.String();
        string text = ReadText(fields.Need("content"));
        fields.Take("phase")?.String();
        fields.End("a message");
        if (speaker == "assistant")
        {
            _texts.Add(text);
            return;
        }

        Flush();
        switch (speaker)
        {
            case "user":
                conversation.User(text);
                break;
            case "system" or "developer":
                conversation.System(text);
                break;
            default:
                throw role.Invalid($"is '{ApiError.Clip(speaker)}'; it must be user, assistant, system or developer");
        }
    }

    /// <summary>A call that was cut off is no call: nobody can have answered it.</summary>
    void ReadCall(RequestFields fields, bool isWhole)
    {
        string id = fields.Need("call_id").String();
        string name = fields.Need("name").String();
        RequestValue arguments = fields.Need("arguments");
        fields.End("a function_call");
        if (isWhole || Conversation.ParseObject(arguments.String()) is not null)
        {
            _calls.Add(new PastCall(id, name, Conversation.Arguments(arguments)));
        }
    }

    static string ReadStatus(RequestFields fields)
    {
        if (fields.Take("status") is not { } status)
        {
            return "completed";
        }

        return status.String() is "completed" or "incomplete" or "in_progress"
            ? status.String()
            : throw status.Invalid("must be completed, incomplete or in_progress");
    }

    void ReadOutput(RequestFields fields)
    {
        RequestValue id = fields.Need("call_id");
        string text = ReadText(fields.Need("output"));
        fields.End("a function_call_output");
        Flush();
        if (!conversation.HasCall(id.String()))
        {
            throw id.Invalid("names no function_call before it");
        }

        conversation.Tool(id.String(), name: null, text);
    }

    void ReadReasoning(RequestFields fields)
    {
        string summary = fields.Take("summary") is { } parts ? ReadParts(parts, "summary_text") : "";
        string content = fields.Take("content") is { } full ? ReadParts(full, "reasoning_text") : "";
        fields.Refuse("encrypted_content", "was not made here and cannot be read");
        fields.End("a reasoning item");
        if ((content.Length > 0 ? content : summary) is { Length: > 0 } thought)
        {
            _thoughts.Add(thought);
        }
    }

    void Flush()
    {
        if (_texts.Count + _thoughts.Count + _calls.Count > 0)
        {
            conversation.Assistant(string.Join('\n', _texts), string.Join('\n', _thoughts), [.. _calls]);
            _texts.Clear();
            _thoughts.Clear();
            _calls.Clear();
        }
    }

    void Keep(JsonObject item)
    {
        if (item["id"] is null)
        {
            string prefix = (string)item["type"]! switch { "message" => "msg", "function_call" => "fc", "function_call_output" => "fco", _ => "rs" };
            item["id"] = $"{prefix}_{Guid.NewGuid():N}";
        }

        Items.Add(JsonElement.Parse(item.ToJsonString(WireJson.Wire.Options)));
    }

    static string ReadText(RequestValue content) => content.IsString ? content.String() : ReadParts(content, "input_text", "output_text", "refusal");

    static string ReadParts(RequestValue value, params string[] types) =>
        string.Join('\n', (value.IsArray ? value.Array() : throw value.Mismatch("a string or an array of parts")).Select(part => ReadPart(part, types)));

    static string ReadPart(RequestValue part, string[] types)
    {
        RequestFields fields = new(part);
        RequestValue type = fields.Need("type");
        string kind = type.String();
        if (kind is "input_image" or "input_file" or "input_audio")
        {
            throw type.Unsupported($"is {kind}: this model reads text only; images, files and sound are not supported yet");
        }

        if (!types.Contains(kind))
        {
            throw type.Invalid($"is '{ApiError.Clip(kind)}'; it must be {string.Join(" or ", types)}");
        }

        string text = fields.Need(kind == "refusal" ? "refusal" : "text").String();

        // What answers carry along, and clients send back as they got it.
        if (kind == "output_text")
        {
            fields.Take("annotations")?.Array();
            fields.Take("logprobs")?.Array();
        }

        fields.End($"a part of the type {kind}");
        return text;
    }
}

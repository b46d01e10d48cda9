using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.Requests;

/// <summary>Tools, the choice among them, and calls that earlier answers made.</summary>
static class ToolParameters
{
    const int LongestId = 256;

    public static void Read(RequestDraft draft, RequestValue value)
    {
        foreach (RequestValue tool in value.Array(ToolList.MaxTools))
        {
            RequestFields fields = new(tool);
            CheckType(fields.Need("type"), "a tool");
            RequestFields function = new(fields.Need("function"));
            fields.End("a tool");
            bool isStrict = function.Take("strict")?.Bool() ?? false;
            draft.Tools.Add(function.Need("name"), function.Take("description"), function.Take("parameters"), isStrict);
            function.End("a function");
        }
    }

    public static void ReadChoice(RequestDraft draft, RequestValue value)
    {
        draft.ToolChoice = (value.Path, value.IsString ? Word(value) : value.IsObject ? Named(value) : throw value.Mismatch("a string or an object"));
    }

    /// <summary>A call of an earlier answer, its arguments as the object that templates look into.</summary>
    public static JsonNode ReadCall(RequestValue value)
    {
        RequestFields fields = new(value);
        RequestValue id = fields.Need("id");
        if (fields.Take("type") is { } type)
        {
            CheckType(type, "a call");
        }

        RequestFields function = new(fields.Need("function"));
        fields.Take("index")?.Int(0); // Clients that put a stream together leave it in.
        fields.End("a call");
        JsonObject called = new()
        {
            ["name"] = function.Need("name").String(LongestId),
            ["arguments"] = function.Take("arguments") is { } arguments ? Conversation.Arguments(arguments) : new JsonObject(),
        };
        function.End("a call's function");
        return new JsonObject { ["id"] = id.String(LongestId), ["type"] = "function", ["function"] = called };
    }

    static ToolChoice Word(RequestValue value) => value.String() switch
    {
        "none" => ToolChoice.None,
        "auto" => ToolChoice.Auto,
        "required" => ToolChoice.Required,
        string other => throw value.Invalid($"is '{ApiError.Clip(other)}'; it must be none, auto, required or an object"),
    };

    static ToolChoice Named(RequestValue value)
    {
        RequestFields fields = new(value);
        CheckType(fields.Need("type"), "tool_choice");
        RequestFields function = new(fields.Need("function"));
        fields.End("tool_choice");
        ToolChoice choice = ToolChoice.Named(function.Need("name").String(LongestId));
        function.End("tool_choice");
        return choice;
    }

    static void CheckType(RequestValue type, string what)
    {
        if (type.String() is var name && name != "function")
        {
            throw type.Unsupported($"is '{ApiError.Clip(name)}'; {what} is a function here");
        }
    }
}

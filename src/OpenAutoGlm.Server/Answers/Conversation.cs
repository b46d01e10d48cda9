using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Answers;

/// <summary>
/// A conversation as chat templates expect it, which is OpenAI's form: objects with role and content, the content one
/// string. Only the arguments of calls are objects and not text, as templates want to look into them.
/// </summary>
sealed class Conversation
{
    readonly Dictionary<string, string> _toolNames = new(StringComparer.Ordinal);

    public JsonArray Messages { get; } = [];

    public void System(string text) => Add("system", text);

    /// <summary>Puts a text before everything, joined with a system message that is there.</summary>
    public void Preface(string text)
    {
        if (Messages is [JsonObject first, ..] && (string?)first["role"] == "system")
        {
            first["content"] = text + "\n" + (string?)first["content"];
        }
        else
        {
            Messages.Insert(0, new JsonObject { ["role"] = "system", ["content"] = text });
        }
    }

    public void User(string text) => Add("user", text);

    public void Assistant(string text, string thinking, IReadOnlyList<PastCall> calls)
    {
        JsonObject message = Add("assistant", text);
        if (thinking.Length > 0)
        {
            message["reasoning_content"] = thinking;
        }

        if (calls.Count > 0)
        {
            message["tool_calls"] = new JsonArray([.. calls.Select(Describe)]);
        }
    }

    /// <summary>Adds what a tool answered.</summary>
    /// <param name="callId">The call that it answers.</param>
    /// <param name="name">The tool, where the client says it; else the one that the call named.</param>
    /// <param name="text">Its answer.</param>
    public void Tool(string? callId, string? name, string text)
    {
        JsonObject message = Add("tool", text);
        if (callId is not null)
        {
            message["tool_call_id"] = callId;
            name ??= _toolNames.GetValueOrDefault(callId);
        }

        if (name is not null)
        {
            message["name"] = name;
        }
    }

    /// <summary>Whether a call of this id is in the conversation.</summary>
    public bool HasCall(string id) => _toolNames.ContainsKey(id);

    /// <summary>An object from the text of a call's arguments.</summary>
    /// <exception cref="ApiException">The text is no JSON object.</exception>
    public static JsonObject Arguments(RequestValue value)
    {
        string text = value.String();
        return text.Length == 0 ? [] : ParseObject(text) ?? throw value.Invalid("must be the text of a JSON object");
    }

    /// <summary>The JSON object that a text is; null where it is none that everybody reads alike.</summary>
    public static JsonObject? ParseObject(string text)
    {
        try
        {
            using JsonDocument document = JsonBody.Parse(Encoding.UTF8.GetBytes(text));
            return JsonObject.Create(document.RootElement.Clone());
        }
        catch (ApiException)
        {
            return null;
        }
    }

    JsonObject Add(string role, string text)
    {
        JsonObject message = new() { ["role"] = role, ["content"] = text };
        Messages.Add((JsonNode)message);
        return message;
    }

    JsonNode Describe(PastCall call)
    {
        JsonObject described = new() { ["type"] = "function", ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = call.Arguments } };
        if (call.Id is not null)
        {
            described["id"] = call.Id;
            _toolNames[call.Id] = call.Name;
        }

        return described;
    }
}

/// <summary>A call that an earlier answer made.</summary>
sealed record PastCall(string? Id, string Name, JsonObject Arguments);

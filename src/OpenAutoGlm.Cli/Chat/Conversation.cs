using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Cli.Chat;

/// <summary>The messages so far, in the form of the OpenAI chat API.</summary>
sealed class Conversation
{
    const long MostFileBytes = 64 << 20;

    readonly List<JsonObject> _messages = [];

    /// <summary>What the model is told before everything else; null for nothing.</summary>
    public string? System { get; set; }

    /// <summary>Messages without the system's.</summary>
    public int Count => _messages.Count;

    /// <summary>The messages for a request: copies, the system's first.</summary>
    public JsonArray ToMessages()
    {
        JsonArray messages = [];
        if (System is not null)
        {
            messages.Add((JsonNode)Message("system", System));
        }

        foreach (JsonObject message in _messages)
        {
            messages.Add(message.DeepClone());
        }

        return messages;
    }

    public void AddUser(string content) => _messages.Add(Message("user", content));

    public void AddAssistant(string content, string thinking)
    {
        JsonObject message = Message("assistant", content);
        if (thinking.Length > 0)
        {
            message["reasoning_content"] = thinking;
        }

        _messages.Add(message);
    }

    public void Clear() => _messages.Clear();

    /// <summary>Takes back the last message: a question that got no answer.</summary>
    public void RemoveLast() => _messages.RemoveAt(_messages.Count - 1);

    /// <summary>Forgets the last answer; false where there is no question to answer again.</summary>
    public bool ForgetAnswer()
    {
        if (_messages.Count > 0 && Role(_messages[^1]) == "assistant")
        {
            RemoveLast();
        }

        return _messages.Count > 0 && Role(_messages[^1]) == "user";
    }

    /// <summary>Writes {"messages": […]}.</summary>
    public void Save(string path)
    {
        using FileStream stream = File.Create(path);
        using Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        new JsonObject { ["messages"] = ToMessages() }.WriteTo(writer);
    }

    /// <summary>Reads what <see cref="Save"/> wrote, or an array of messages.</summary>
    /// <exception cref="CommandFailedException">The file holds something else; this conversation stays as it was.</exception>
    public void Load(string path)
    {
        if (new FileInfo(path) is { Exists: true, Length: > MostFileBytes } file)
        {
            throw new CommandFailedException($"{path} has {file.Length:N0} bytes; a conversation has at most {MostFileBytes:N0}.");
        }

        JsonNode? root;
        try
        {
            root = JsonNode.Parse(File.ReadAllText(path, Encoding.UTF8));
        }
        catch (JsonException exception)
        {
            throw new CommandFailedException($"{path} is no JSON: {exception.Message}", inner: exception);
        }

        JsonArray messages = root as JsonArray ?? (root as JsonObject)?["messages"] as JsonArray
            ?? throw new CommandFailedException($"{path} holds no conversation: wanted is {{\"messages\": [{{\"role\": …, \"content\": …}}]}}.");
        List<JsonObject> loaded = [.. messages.Select((message, index) => Checked(message, index, path))];
        System = loaded.FirstOrDefault(message => Role(message) == "system")?["content"]!.GetValue<string>();
        _messages.Clear();
        _messages.AddRange(loaded.Where(message => Role(message) != "system"));
    }

    static JsonObject Checked(JsonNode? node, int index, string path)
    {
        JsonObject copy = node?.DeepClone() as JsonObject ?? throw new CommandFailedException($"{path}: messages[{index}] is no object.");
        string? role = copy["role"] is JsonValue value && value.TryGetValue(out string? text) ? text : null;
        if (role is not ("system" or "user" or "assistant"))
        {
            throw new CommandFailedException($"{path}: messages[{index}].role is '{role}'; a chat knows system, user and assistant.");
        }

        return copy["content"] is JsonValue content && content.TryGetValue(out string? _)
            ? copy
            : throw new CommandFailedException($"{path}: messages[{index}].content is no text.");
    }

    static string Role(JsonObject message) => message["role"]!.GetValue<string>();

    static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };
}

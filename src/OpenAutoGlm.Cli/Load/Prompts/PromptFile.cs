using System.Collections.Immutable;
using System.Text.Json;
using OpenAutoGlm.Cli.Load.Shape;

namespace OpenAutoGlm.Cli.Load.Prompts;

/// <summary>
/// Prompts from a file of JSON lines: {"prompt": "…"} or {"messages": [{"role": …, "content": "…"}, …]}. Of messages,
/// those of users are turns and those before the first of them open the conversation; answers in the file are passed
/// over, since the server's own stand in their place.
/// </summary>
static class PromptFile
{
    const int MaxLines = 1_000_000;

    /// <exception cref="CommandFailedException">A line is no prompt; the message names file, line and field.</exception>
    public static FileWorkload Read(string path, Lengths outputTokens, int seed)
    {
        Random random = new(seed);
        var conversations = ImmutableArray.CreateBuilder<Conversation>();
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            try
            {
                using JsonDocument document = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = 32 });
                conversations.Add(Of(document.RootElement, outputTokens, random));
            }
            catch (Exception error) when (error is JsonException or FormatException or InvalidOperationException)
            {
                throw new CommandFailedException($"{path}: line {number}: {error.Message.ReplaceLineEndings(" ")}", inner: error);
            }

            if (conversations.Count > MaxLines)
            {
                throw new CommandFailedException($"{path} has more than {MaxLines} prompts; give a part of it.");
            }
        }

        return conversations.Count > 0 ? new FileWorkload(conversations.ToImmutable()) : throw new CommandFailedException($"{path} has no prompt in it.");
    }

    static Conversation Of(JsonElement line, Lengths outputTokens, Random random)
    {
        if (line.ValueKind == JsonValueKind.Object && line.TryGetProperty("prompt", out JsonElement prompt))
        {
            return Conversation.Of(new Turn(Text(prompt, "prompt"), [], outputTokens.Draw(random)));
        }

        if (line.ValueKind != JsonValueKind.Object || !line.TryGetProperty("messages", out JsonElement messages) || messages.ValueKind != JsonValueKind.Array)
        {
            throw new FormatException("""{"prompt": "…"} or {"messages": […]} belongs here.""");
        }

        var opening = ImmutableArray.CreateBuilder<Message>();
        var turns = ImmutableArray.CreateBuilder<Turn>();
        foreach (JsonElement message in messages.EnumerateArray())
        {
            string role = Text(Member(message, "role"), "role");
            string content = Text(Member(message, "content"), "content");
            if (role == "user")
            {
                turns.Add(new Turn(content, [], outputTokens.Draw(random)));
            }
            else if (turns.Count == 0)
            {
                opening.Add(new Message(role, content));
            }
        }

        return turns.Count > 0 ? new Conversation(opening.ToImmutable(), turns.ToImmutable()) : throw new FormatException("messages has none of role user.");
    }

    static JsonElement Member(JsonElement message, string name) =>
        message.ValueKind == JsonValueKind.Object && message.TryGetProperty(name, out JsonElement value) ? value : throw new FormatException($"a message lacks {name}.");

    static string Text(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : throw new FormatException($"{name} must be a string that is not empty.");
}

using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using OpenAutoGlm.Engine.Traces;

namespace OpenAutoGlm.Cli.Load.Prompts;

/// <summary>Makes what a request says out of made-up tokens.</summary>
abstract record PromptWriter
{
    /// <summary>The text of some parts.</summary>
    public abstract string Text(ImmutableArray<PromptPart> parts);

    /// <summary>Writes the value of "prompt".</summary>
    public virtual void WritePrompt(Utf8JsonWriter json, ImmutableArray<PromptPart> parts) => json.WriteStringValue(Text(parts));
}

/// <summary>Prompts as token ids: exactly as many tokens as wanted, and no work for the server's tokenizer.</summary>
/// <param name="First">The least id.</param>
/// <param name="Count">How many ids from there.</param>
sealed record TokenIdPrompts(int First, int Count) : PromptWriter
{
    public override string Text(ImmutableArray<PromptPart> parts) => throw new InvalidOperationException("Token ids have no text here.");

    public override void WritePrompt(Utf8JsonWriter json, ImmutableArray<PromptPart> parts)
    {
        json.WriteStartArray();
        foreach (PromptPart part in parts)
        {
            for (int i = 0; i < part.Tokens; i++)
            {
                json.WriteNumberValue(First + part.Choose(i, Count));
            }
        }

        json.WriteEndArray();
    }
}

/// <summary>
/// Prompts as common English words. How many tokens a word and the frame around a prompt take is found by asking the
/// server; with that, lengths are right on average, and reports compare what was meant with what was counted.
/// </summary>
/// <param name="TokensPerWord">Tokens for each further word.</param>
/// <param name="Frame">Tokens of a prompt without words: marks, template.</param>
sealed record WordPrompts(double TokensPerWord, double Frame) : PromptWriter
{
    const string Words =
        "the of and to in is that it for was on are as with his they at be this from have or by one had not but what all were when we there can an your which their said if do will each about how up out them then she many some so these would other into has more her two like him see time could no make than first been its who now people my made over did down only way find use may water long little very after words called just where most know";

    static readonly string[] Choices = Words.Split(' ');

    public override string Text(ImmutableArray<PromptPart> parts)
    {
        StringBuilder text = new();
        double tokens = -Frame;
        int words = 0;
        for (int i = 0; i < parts.Length; i++)
        {
            // Rounded over the whole, so that the errors of the parts do not add up; the frame is the last part's.
            tokens += parts[i].Tokens;
            double until = i == parts.Length - 1 ? tokens : tokens + Frame;
            int wanted = Math.Max(i == parts.Length - 1 && words == 0 ? 1 : 0, (int)Math.Round(until / TokensPerWord) - words);
            for (int word = 0; word < wanted; word++)
            {
                text.Append(text.Length == 0 ? "" : " ").Append(Choices[parts[i].Choose(word, Choices.Length)]);
            }

            words += wanted;
        }

        return text.ToString();
    }
}

/// <summary>Writes the bodies of requests.</summary>
sealed record RequestBody
{
    static readonly JsonWriterOptions Plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public required string Model { get; init; }

    public required bool Chat { get; init; }

    public required PromptWriter Prompts { get; init; }

    /// <summary>Whether the answer is to be as long as asked for.</summary>
    public bool IgnoreEos { get; init; } = true;

    /// <summary>Whether usage is asked for at the end of the stream.</summary>
    public bool Usage { get; init; } = true;

    /// <summary>Further members, which replace those made here.</summary>
    public ImmutableArray<KeyValuePair<string, JsonElement>> Extra { get; init; } = [];

    /// <summary>The body of a turn.</summary>
    /// <param name="turn">What is said.</param>
    /// <param name="history">What was said before; chats only.</param>
    public ReadOnlyMemory<byte> Of(Turn turn, IReadOnlyList<Message> history)
    {
        ArrayBufferWriter<byte> bytes = new(256 + (turn.PromptTokens * 7));
        using Utf8JsonWriter json = new(bytes, Plain);
        json.WriteStartObject();
        json.WriteString("model", Model);
        if (Chat)
        {
            json.WriteStartArray("messages");
            foreach (Message message in history)
            {
                Write(json, message);
            }

            Write(json, new Message("user", TextOf(turn)));
            json.WriteEndArray();
        }
        else
        {
            json.WritePropertyName("prompt");
            if (turn.Text is { } text)
            {
                json.WriteStringValue(text);
            }
            else
            {
                Prompts.WritePrompt(json, turn.Parts);
            }
        }

        Member(json, "max_tokens", () => json.WriteNumberValue(turn.MaxTokens));
        Member(json, "temperature", () => json.WriteNumberValue(0));
        Member(json, "stream", () => json.WriteBooleanValue(true));
        if (Usage)
        {
            Member(json, "stream_options", () =>
            {
                json.WriteStartObject();
                json.WriteBoolean("include_usage", true);
                json.WriteEndObject();
            });
        }

        if (IgnoreEos)
        {
            Member(json, "ignore_eos", () => json.WriteBooleanValue(true));
        }

        foreach ((string name, JsonElement value) in Extra)
        {
            json.WritePropertyName(name);
            value.WriteTo(json);
        }

        json.WriteEndObject();
        json.Flush();
        return bytes.WrittenMemory;
    }

    /// <summary>What a turn says, as text.</summary>
    public string TextOf(Turn turn) => turn.Text ?? Prompts.Text(turn.Parts);

    static void Write(Utf8JsonWriter json, Message message)
    {
        json.WriteStartObject();
        json.WriteString("role", message.Role);
        json.WriteString("content", message.Content);
        json.WriteEndObject();
    }

    void Member(Utf8JsonWriter json, string name, Action write)
    {
        if (!Extra.Any(member => member.Key == name))
        {
            json.WritePropertyName(name);
            write();
        }
    }
}

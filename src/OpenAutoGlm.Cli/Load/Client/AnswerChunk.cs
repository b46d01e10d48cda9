using System.Buffers;
using System.Text;
using System.Text.Json;

namespace OpenAutoGlm.Cli.Load.Client;

/// <summary>What one event of a streamed answer says, read from its bytes without making objects.</summary>
struct AnswerChunk
{
    const int MaxReason = 200;

    /// <summary>Whether it carries text, thoughts or a call of a tool.</summary>
    public bool HasText;

    /// <summary>Whether it tells why the answer ended.</summary>
    public bool Ended;

    /// <summary>Usage: tokens of the prompt; −1 where nothing is said.</summary>
    public int PromptTokens;

    /// <summary>Usage: tokens of the answer; −1 where nothing is said.</summary>
    public int OutputTokens;

    /// <summary>Usage: tokens that the server had already; −1 where nothing is said.</summary>
    public int CachedTokens;

    /// <summary>The error that it tells of.</summary>
    public string? Error;

    /// <summary>Reads an event.</summary>
    /// <param name="data">JSON in UTF-8.</param>
    /// <param name="text">Takes the text, where somebody wants it.</param>
    /// <exception cref="JsonException">It is no JSON object, or has values of the wrong kind.</exception>
    public static AnswerChunk Read(ReadOnlySpan<byte> data, IBufferWriter<byte>? text)
    {
        AnswerChunk chunk = new() { PromptTokens = -1, OutputTokens = -1, CachedTokens = -1 };
        Utf8JsonReader reader = new(data);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("a JSON object belongs into an event");
        }

        try
        {
            while (Property(ref reader))
            {
                if (reader.ValueTextEquals("choices"u8))
                {
                    reader.Read();
                    chunk.ReadChoices(ref reader, text);
                }
                else if (reader.ValueTextEquals("usage"u8))
                {
                    reader.Read();
                    chunk.ReadUsage(ref reader);
                }
                else if (reader.ValueTextEquals("error"u8))
                {
                    reader.Read();
                    chunk.Error = ReadError(ref reader);
                }
                else
                {
                    Pass(ref reader);
                }
            }

            while (reader.Read())
            {
                // Nothing may follow; the reader throws at anything but blanks.
            }
        }
        catch (InvalidOperationException error)
        {
            throw new JsonException("a value has the wrong kind", error);
        }

        return chunk;
    }

    /// <summary>The message of an error body, or the body itself; short and on one line.</summary>
    public static string ErrorOf(ReadOnlySpan<byte> body)
    {
        try
        {
            if (Read(body, null).Error is { } message)
            {
                return message;
            }
        }
        catch (JsonException)
        {
            // Then it is shown as it stands.
        }

        return Shorten(Encoding.UTF8.GetString(body[..Math.Min(body.Length, 4 * MaxReason)]));
    }

    /// <summary>Fit for one line of a table: the text is the server's, and nobody has vouched for it.</summary>
    public static string Shorten(string text)
    {
        string line = string.Concat(text.Select(character => char.IsControl(character) ? ' ' : character)).Trim();
        return line.Length <= MaxReason ? line : $"{line[..MaxReason]}…";
    }

    void ReadChoices(ref Utf8JsonReader reader, IBufferWriter<byte>? text)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return;
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.StartObject)
            {
                ReadChoice(ref reader, text);
            }
            else
            {
                reader.Skip();
            }
        }
    }

    void ReadChoice(ref Utf8JsonReader reader, IBufferWriter<byte>? text)
    {
        while (Property(ref reader))
        {
            if (reader.ValueTextEquals("delta"u8))
            {
                reader.Read();
                if (reader.TokenType == JsonTokenType.StartObject)
                {
                    ReadDelta(ref reader, text);
                }
                else
                {
                    reader.Skip();
                }
            }
            else if (reader.ValueTextEquals("text"u8))
            {
                reader.Read();
                ReadText(ref reader, text);
            }
            else if (reader.ValueTextEquals("finish_reason"u8))
            {
                reader.Read();
                Ended |= reader.TokenType == JsonTokenType.String;
                reader.Skip();
            }
            else
            {
                Pass(ref reader);
            }
        }
    }

    void ReadDelta(ref Utf8JsonReader reader, IBufferWriter<byte>? text)
    {
        while (Property(ref reader))
        {
            bool content = reader.ValueTextEquals("content"u8);
            bool thought = reader.ValueTextEquals("reasoning_content"u8) || reader.ValueTextEquals("reasoning"u8);
            bool call = reader.ValueTextEquals("tool_calls"u8);
            reader.Read();
            if (content || thought)
            {
                // The history of a conversation carries answers and no thoughts.
                ReadText(ref reader, content ? text : null);
            }
            else
            {
                HasText |= call && reader.TokenType == JsonTokenType.StartArray;
                reader.Skip();
            }
        }
    }

    void ReadText(ref Utf8JsonReader reader, IBufferWriter<byte>? text)
    {
        if (reader.TokenType == JsonTokenType.String && !reader.ValueSpan.IsEmpty)
        {
            HasText = true;
            if (text is not null)
            {
                text.Advance(reader.CopyString(text.GetSpan(reader.ValueSpan.Length)));
            }
        }

        reader.Skip();
    }

    void ReadUsage(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return;
        }

        while (Property(ref reader))
        {
            if (reader.ValueTextEquals("prompt_tokens"u8))
            {
                PromptTokens = Count(ref reader);
            }
            else if (reader.ValueTextEquals("completion_tokens"u8))
            {
                OutputTokens = Count(ref reader);
            }
            else if (reader.ValueTextEquals("prompt_tokens_details"u8))
            {
                reader.Read();
                ReadDetails(ref reader);
            }
            else
            {
                Pass(ref reader);
            }
        }
    }

    void ReadDetails(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return;
        }

        while (Property(ref reader))
        {
            if (reader.ValueTextEquals("cached_tokens"u8))
            {
                CachedTokens = Count(ref reader);
            }
            else
            {
                Pass(ref reader);
            }
        }
    }

    static string? ReadError(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (reader.TokenType == JsonTokenType.String)
        {
            return Shorten(reader.GetString()!);
        }

        string message = "an error without a message";
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return message;
        }

        while (Property(ref reader))
        {
            bool wanted = reader.ValueTextEquals("message"u8);
            reader.Read();
            if (wanted && reader.TokenType == JsonTokenType.String)
            {
                message = Shorten(reader.GetString()!);
            }

            reader.Skip();
        }

        return message;
    }

    static int Count(ref Utf8JsonReader reader)
    {
        reader.Read();
        int count = reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int value) && value >= 0 ? value : -1;
        reader.Skip();
        return count;
    }

    static bool Property(ref Utf8JsonReader reader) => reader.Read() && reader.TokenType == JsonTokenType.PropertyName;

    static void Pass(ref Utf8JsonReader reader)
    {
        reader.Read();
        reader.Skip();
    }
}

using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>A text or a conversation.</summary>
/// <param name="Source">Where it came from: file, or file and line.</param>
/// <param name="Plain">The text; of a conversation, what was said, with an empty line between turns.</param>
/// <param name="Messages">The turns with role and content; null for a text.</param>
public sealed record CalibrationDocument(string Source, string Plain, JsonElement? Messages)
{
    /// <summary>A line of a JSONL file.</summary>
    /// <exception cref="EvaluationException">The object has none of the known forms.</exception>
    internal static CalibrationDocument Of(string source, JsonElement line)
    {
        if (line.TryGetProperty("text", out JsonElement text) && text.ValueKind == JsonValueKind.String)
        {
            return string.IsNullOrWhiteSpace(text.GetString()) ? throw new EvaluationException($"{source}: the text is empty.") : new CalibrationDocument(source, text.GetString()!, null);
        }

        JsonElement messages = line.TryGetProperty("messages", out JsonElement own) ? own
            : line.TryGetProperty("conversations", out JsonElement shared) ? Renamed(source, shared)
            : throw new EvaluationException($"{source}: an object with \"text\", \"messages\" or \"conversations\" belongs here.");
        return new CalibrationDocument(source, string.Join("\n\n", Turns(source, messages).Select(turn => turn.Content)) + "\n\n", messages);
    }

    /// <summary>The conversation as the template has it.</summary>
    /// <exception cref="EvaluationException">The template refuses it.</exception>
    internal string Render(ChatTemplate template, Tokenizer tokenizer)
    {
        try
        {
            return template.Render(ChatTemplateInput.FromJson(Messages!.Value) with
            {
                AddGenerationPrompt = false,
                BosToken = tokenizer.BosId is { } bos ? tokenizer.TokenText(bos) : null,
                EosToken = tokenizer.EosId is { } eos ? tokenizer.TokenText(eos) : null,
            });
        }
        catch (TemplateException error)
        {
            throw new EvaluationException($"{Source}: the chat template refused the conversation: {error.Reason}", error);
        }
    }

    static IEnumerable<(string Role, string Content)> Turns(string source, JsonElement messages, string role = "role", string content = "content")
    {
        if (messages.ValueKind != JsonValueKind.Array || messages.GetArrayLength() == 0)
        {
            throw new EvaluationException($"{source}: a conversation is a list of messages, and not empty.");
        }

        foreach (JsonElement message in messages.EnumerateArray())
        {
            yield return message.ValueKind == JsonValueKind.Object
                && message.TryGetProperty(role, out JsonElement who) && who.ValueKind == JsonValueKind.String
                && message.TryGetProperty(content, out JsonElement what) && what.ValueKind == JsonValueKind.String
                ? (who.GetString()!, what.GetString()!)
                : throw new EvaluationException($"{source}: a message has \"{role}\" and \"{content}\", both text.");
        }
    }

    /// <summary>The form with "from" and "value" in that with "role" and "content".</summary>
    static JsonElement Renamed(string source, JsonElement conversation)
    {
        JsonArray messages = [];
        foreach ((string who, string content) in Turns(source, conversation, "from", "value"))
        {
            string role = who switch
            {
                "human" => "user",
                "gpt" => "assistant",
                _ => who,
            };
            messages.Add((JsonNode)new JsonObject { ["role"] = role, ["content"] = content });
        }

        return JsonElement.Parse(messages.ToJsonString());
    }
}

using System.Collections.Immutable;
using System.Text.Json;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Optimization.Training.Data;

/// <summary>
/// Conversations as a model would see them, of which only what the assistant says is learnt, with the token that ends its
/// turn. Every turn is tokenised as in use: what stands before an answer for itself, and the answer for itself.
/// </summary>
/// <param name="tokenizer">The model's tokenizer.</param>
/// <param name="template">The model's chat template.</param>
public sealed class ChatEncoder(Tokenizer tokenizer, ChatTemplate template)
{
    /// <summary>An example from {"messages": […], "tools": […], "variables": {…}}; a message may have a "weight".</summary>
    /// <exception cref="InvalidDataException">It is no conversation, or has no assistant's turn.</exception>
    /// <exception cref="TemplateException">The template refuses it.</exception>
    public TrainingExample Encode(JsonElement conversation)
    {
        if (conversation.ValueKind != JsonValueKind.Object || !conversation.TryGetProperty("messages", out JsonElement list) || list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0)
        {
            throw new InvalidDataException("A conversation is an object with messages, a list that is not empty.");
        }

        JsonElement[] messages = [.. list.EnumerateArray()];
        int[] answers = [.. Enumerable.Range(0, messages.Length).Where(i => RoleOf(messages[i]) == "assistant")];
        if (answers.Length == 0)
        {
            throw new InvalidDataException("The conversation has no message of the role assistant, so there is nothing to learn.");
        }

        TemplateValue[] values = [.. messages.Select(TemplateValue.FromJson)];
        string whole = Render(conversation, values, open: false);
        List<Span> spans = [.. answers.Select(answer => SpanOf(conversation, values, answer, WeightOf(messages[answer])))];
        return spans.TrueForAll(span => whole.StartsWith(span.Before, StringComparison.Ordinal) && whole.StartsWith(span.Before + span.Answer, StringComparison.Ordinal))
            ? Encode(whole, spans)

            // Such templates write an earlier turn otherwise than the last, without its thinking for example: the last one counts.
            : Encode(spans[^1].Before + spans[^1].Answer, [spans[^1]]);
    }

    TrainingExample Encode(string whole, List<Span> spans)
    {
        var ids = ImmutableArray.CreateBuilder<int>();
        var weights = ImmutableArray.CreateBuilder<float>();
        int at = 0;
        float ending = 0; // what the token that ends the answer counts, where the template leaves it to the next turn
        foreach (Span span in spans)
        {
            Append(whole[at..span.Before.Length], 0, ending);
            at = span.Before.Length + span.Answer.Length;
            int start = ids.Count;
            Append(span.Answer, span.Weight, 0);

            // Many templates write a line end behind the end of a turn: nobody lets a model write that far.
            int end = ids.Count - 1;
            while (end >= start && !tokenizer.EosIds.Contains(ids[end]))
            {
                end--;
            }

            for (int i = end + 1; end >= start && i < ids.Count; i++)
            {
                weights[i] = 0;
            }

            ending = end >= start ? 0 : span.Weight;
        }

        Append(whole[at..], 0, ending);
        if (at == whole.Length && ending != 0 && !tokenizer.EosIds.IsEmpty)
        {
            ids.Add(tokenizer.EosIds[0]);
            weights.Add(ending);
        }

        return new TrainingExample(ids.ToImmutable(), weights.ToImmutable());

        void Append(string text, float weight, float firstIfEnd)
        {
            int[] more = text.Length == 0 ? [] : tokenizer.Encode(text, parseSpecials: true, addSpecials: false);
            for (int i = 0; i < more.Length; i++)
            {
                ids.Add(more[i]);
                weights.Add(i == 0 && firstIfEnd != 0 && tokenizer.EosIds.Contains(more[i]) ? firstIfEnd : weight);
            }
        }
    }

    Span SpanOf(JsonElement conversation, TemplateValue[] messages, int answer, float weight)
    {
        string before = Render(conversation, messages[..answer], open: true);
        string after = Render(conversation, messages[..(answer + 1)], open: false);
        int common = before.AsSpan().CommonPrefixLength(after);
        return common == before.Length
            ? new Span(before, after[common..], weight)
            : throw new InvalidDataException($"The chat template writes the turn before message {answer} otherwise once it is answered ('{Cut(before, common)}' and '{Cut(after, common)}'), so the answer cannot be told from the question.");
    }

    string Render(JsonElement conversation, TemplateValue[] messages, bool open) => template.Render(new ChatTemplateInput
    {
        Messages = TemplateValue.List(messages),
        Tools = conversation.TryGetProperty("tools", out JsonElement tools) && tools.ValueKind != JsonValueKind.Null ? TemplateValue.FromJson(tools) : null,
        AddGenerationPrompt = open,
        BosToken = tokenizer.BosId is int bos ? tokenizer.TokenText(bos) : null,
        EosToken = tokenizer.EosId is int eos ? tokenizer.TokenText(eos) : null,
        Extra = conversation.TryGetProperty("variables", out JsonElement variables) && variables.ValueKind == JsonValueKind.Object
            ? variables.EnumerateObject().ToDictionary(variable => variable.Name, variable => TemplateValue.FromJson(variable.Value))
            : [],
    });

    static string Cut(string text, int around) => text[Math.Max(0, around - 8)..Math.Min(text.Length, around + 16)].ReplaceLineEndings(" ");

    static string? RoleOf(JsonElement message) =>
        message.ValueKind == JsonValueKind.Object && message.TryGetProperty("role", out JsonElement role) && role.ValueKind == JsonValueKind.String ? role.GetString() : null;

    static float WeightOf(JsonElement message) => message.TryGetProperty("weight", out JsonElement weight) && weight.ValueKind == JsonValueKind.Number ? weight.GetSingle() : 1;

    /// <summary>An answer, the text that stands before it when it is asked for, and what it counts.</summary>
    readonly record struct Span(string Before, string Answer, float Weight);
}

using System.Text.Json;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Optimization.Evaluation.Tasks;

/// <summary>
/// Questions in the form in which their authors published them, turned into ours:
/// LAMBADA, {"text"}: the last word is to be predicted from what stands before it (Paperno et al. 2016);
/// GSM8K, {"question", "answer"} with "#### n" at its end: the last number that the model writes must be n (Cobbe et al. 2021).
/// </summary>
static class PublishedForms
{
    const string Mark = "####";
    const string LastNumber = "-?[0-9][0-9,]*(?:\\.[0-9]+)?";

    /// <summary>The item of a line; null where it has none of these forms.</summary>
    internal static TaskItem? Read(string source, JsonElement line) =>
        Text(line, "text") is { } text ? Lambada(source, text)
        : Text(line, "question") is { } question && Text(line, "answer") is { } answer && answer.Contains(Mark, StringComparison.Ordinal) ? Gsm8k(source, question, answer)
        : null;

    static LossItem Lambada(string source, string text)
    {
        string whole = text.TrimEnd();
        int space = whole.LastIndexOf(' ');
        return space > 0
            ? new LossItem(source, "", whole[..space], whole[space..])
            : throw new EvaluationException($"{source}: text has one word, but the last is to be predicted from others.");
    }

    static GenerateItem Gsm8k(string source, string question, string answer) =>
        new(source, "", new GenerationPrompt.Text($"Question: {question}\nAnswer:"), [answer[(answer.LastIndexOf(Mark, StringComparison.Ordinal) + Mark.Length)..].Trim()])
        {
            Extract = ItemReader.Pattern(LastNumber),
            Stop = ["\nQuestion:"],
            MaxTokens = 512,
        };

    static string? Text(JsonElement line, string name) => line.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

using System.Text.Json;

namespace OpenAutoGlm.Optimization.Evaluation;

/// <summary>Files with one JSON object a line.</summary>
static class JsonLines
{
    /// <summary>The objects with the numbers of their lines, from 1; empty lines are passed over.</summary>
    /// <exception cref="EvaluationException">A line is no JSON object; file and line are named.</exception>
    internal static IEnumerable<(int Line, JsonElement Value)> Parse(string name, string content)
    {
        int number = 0;
        using StringReader reader = new(content);
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line))
            {
                yield return (number, ParseLine(name, number, line));
            }
        }
    }

    static JsonElement ParseLine(string name, int number, string line)
    {
        try
        {
            JsonElement value = JsonElement.Parse(line, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return value.ValueKind == JsonValueKind.Object ? value : throw new EvaluationException($"{name}, line {number}: a JSON object belongs here, not {value.ValueKind}.");
        }
        catch (JsonException error)
        {
            throw new EvaluationException($"{name}, line {number}: no JSON: {error.Message}", error);
        }
    }
}

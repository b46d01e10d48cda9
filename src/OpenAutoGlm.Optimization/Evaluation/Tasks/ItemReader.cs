using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Optimization.Evaluation.Tasks;

/// <summary>Reads one line of a task: every field is known, of the right kind and in its range, or the line is refused.</summary>
sealed class ItemReader
{
    const int MostTokens = 1 << 20;

    readonly string _source;
    readonly JsonElement _line;
    readonly HashSet<string> _read = ["kind", "id", "group"];

    ItemReader(string source, JsonElement line) => (_source, _line) = (source, line);

    internal static TaskItem Read(string source, JsonElement line)
    {
        ItemReader reader = new(source, line);
        string? kind = reader.OptionalText("kind");
        TaskItem item = kind switch
        {
            "choice" => reader.Choice(),
            "loss" => new LossItem(source, reader.Group, reader.Text("prompt", empty: true), reader.Text("continuation")),
            "generate" => reader.Generate(),
            null => PublishedForms.Read(source, line) ?? throw reader.Wrong("kind", "is missing: choice, generate or loss belongs there"),
            _ => throw reader.Wrong("kind", $"is '{kind}', but must be choice, generate or loss"),
        };
        if (kind is not null && line.EnumerateObject().FirstOrDefault(member => !reader._read.Contains(member.Name)) is { Value.ValueKind: not JsonValueKind.Undefined } unknown)
        {
            throw reader.Wrong(unknown.Name, $"is not a field of the kind {kind}; known are {string.Join(", ", reader._read)}");
        }

        return item;
    }

    internal static Regex Pattern(string pattern) => new(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);

    string Group => OptionalText("group") ?? "";

    ChoiceItem Choice()
    {
        ImmutableArray<string> choices = Texts("choices");
        if (choices.Length < 2)
        {
            throw Wrong("choices", $"has {choices.Length} entries, but a choice needs two");
        }

        int answer = Whole("answer", null, 0, choices.Length - 1);
        return new ChoiceItem(_source, Group, Text("prompt", empty: true), choices, answer, Flag("normalise") ?? false);
    }

    GenerateItem Generate()
    {
        bool? thinking = Flag("thinking");
        bool isChat = TryGet("messages", out JsonElement messages);
        if (isChat == TryGet("prompt", out _))
        {
            throw Wrong("prompt", "or messages must be there, and not both");
        }

        if (thinking is not null && !isChat)
        {
            throw Wrong("thinking", "is a matter of conversations: give messages instead of a prompt");
        }

        GenerationPrompt prompt = isChat ? Chat(messages, thinking) : new GenerationPrompt.Text(Text("prompt", empty: true));
        return new GenerateItem(_source, Group, prompt, TryGet("answer", out JsonElement answer) && answer.ValueKind == JsonValueKind.Array ? Texts("answer") : [Text("answer")])
        {
            Extract = OptionalText("extract") is { } pattern ? Checked(pattern) : null,
            Stop = TryGet("stop", out _) ? Texts("stop") : [],
            MaxTokens = Whole("max_tokens", GenerateItem.DefaultMaxTokens, 1, MostTokens),
        };
    }

    GenerationPrompt.Chat Chat(JsonElement messages, bool? thinking)
    {
        if (messages.ValueKind != JsonValueKind.Array || messages.GetArrayLength() == 0
            || !messages.EnumerateArray().All(message => message.ValueKind == JsonValueKind.Object && IsText(message, "role") && IsText(message, "content")))
        {
            throw Wrong("messages", "must be a list of objects with role and content, and not empty");
        }

        return new GenerationPrompt.Chat(JsonNode.Parse(messages.GetRawText())!.AsArray())
        {
            Variables = thinking is { } wanted ? new JsonObject { ["enable_thinking"] = wanted } : null,
        };
    }

    Regex Checked(string pattern)
    {
        try
        {
            return Pattern(pattern);
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            throw Wrong("extract", $"is no pattern that can be searched in linear time: {error.Message}");
        }
    }

    string Text(string name, bool empty = false)
    {
        string text = OptionalText(name) ?? throw Wrong(name, "is missing");
        return text.Length > 0 || empty ? text : throw Wrong(name, "is empty");
    }

    string? OptionalText(string name) =>
        !TryGet(name, out JsonElement value) ? null : value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(name, $"must be a text, not {value.GetRawText()}");

    ImmutableArray<string> Texts(string name)
    {
        if (!TryGet(name, out JsonElement value) || value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0
            || value.EnumerateArray().Any(entry => entry.ValueKind != JsonValueKind.String || entry.GetString()!.Length == 0))
        {
            throw Wrong(name, "must be a list of texts, none of them empty");
        }

        return [.. value.EnumerateArray().Select(entry => entry.GetString()!)];
    }

    bool? Flag(string name) => !TryGet(name, out JsonElement value) ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(name, $"must be true or false, not {value.GetRawText()}");

    int Whole(string name, int? otherwise, int least, int most)
    {
        if (!TryGet(name, out JsonElement value))
        {
            return otherwise ?? throw Wrong(name, "is missing");
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= least && number <= most
            ? number
            : throw Wrong(name, $"must be a whole number from {least} to {most}, not {value.GetRawText()}");
    }

    static bool IsText(JsonElement value, string name) => value.TryGetProperty(name, out JsonElement text) && text.ValueKind == JsonValueKind.String;

    bool TryGet(string name, out JsonElement value)
    {
        _read.Add(name);
        return _line.TryGetProperty(name, out value);
    }

    EvaluationException Wrong(string field, string what) => new($"{_source}: {field} {what}.");
}

using System.Text.Json;
using System.Text.Json.Serialization;

namespace OpenAutoGlm.Server.Ollama;

// The bodies of answers, field for field as Ollama's reference has them; what is null is left out. Durations are in
// nanoseconds.

sealed record ErrorBody(string Error);

/// <summary>A line of an answer, or all of it.</summary>
record AnswerLine(string Model, DateTimeOffset CreatedAt)
{
    /// <summary>What /api/chat says.</summary>
    public AnswerMessage? Message { get; init; }

    /// <summary>What /api/generate says.</summary>
    public string? Response { get; init; }

    /// <summary>What /api/generate thinks.</summary>
    public string? Thinking { get; init; }

    public bool Done => DoneReason is not null;

    public string? DoneReason { get; init; }

    public long? TotalDuration { get; init; }

    public long? LoadDuration { get; init; }

    public int? PromptEvalCount { get; init; }

    public long? PromptEvalDuration { get; init; }

    public int? EvalCount { get; init; }

    public long? EvalDuration { get; init; }
}

sealed record AnswerMessage(string Content)
{
    public string Role => "assistant";

    public string? Thinking { get; init; }

    public IReadOnlyList<AnswerCall>? ToolCalls { get; init; }
}

sealed record AnswerCall(string Id, AnswerFunction Function);

sealed record AnswerFunction(int Index, string Name, JsonElement Arguments);

sealed record TagList(IReadOnlyList<TagEntry> Models);

sealed record TagEntry(string Name, string Model, DateTimeOffset ModifiedAt, long Size, string Digest, ModelDetails Details)
{
    /// <summary>When it will be unloaded, of a model that is loaded.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    public long? SizeVram { get; init; }

    public int? ContextLength { get; init; }
}

sealed record ModelDetails
{
    public string ParentModel => "";

    public string Format => "";

    public string Family => "";

    public IReadOnlyList<string> Families => [];

    public string ParameterSize => "";

    public string QuantizationLevel => "";
}

sealed record ShowBody(string Modelfile, string Parameters, string Template, ModelDetails Details, ShowInfo ModelInfo, IReadOnlyList<string> Capabilities, DateTimeOffset ModifiedAt);

sealed record ShowInfo(
    [property: JsonPropertyName("general.architecture")] string Architecture,
    [property: JsonPropertyName("general.basename")] string Basename,
    [property: JsonPropertyName("autoglm.context_length")] int? ContextLength);

sealed record VersionBody(string Version);

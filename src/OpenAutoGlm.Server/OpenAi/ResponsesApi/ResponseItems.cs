using System.Text.Json;
using System.Text.Json.Serialization;

namespace OpenAutoGlm.Server.OpenAi.ResponsesApi;

// What a response is made of, field for field as OpenAI's reference has it.

/// <summary>A part of an answer with an id of its own.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(MessageItem), "message")]
[JsonDerivedType(typeof(CallItem), "function_call")]
[JsonDerivedType(typeof(ReasoningItem), "reasoning")]
abstract record OutputItem(string Id, string Status);

sealed record MessageItem(string Id, string Status, IReadOnlyList<ContentPart> Content) : OutputItem(Id, Status)
{
    public string Role => "assistant";
}

sealed record CallItem(string Id, string Status, string Arguments, string CallId, string Name) : OutputItem(Id, Status);

/// <summary>What the model thought: as content, or where a summary was asked for as that.</summary>
sealed record ReasoningItem(string Id, string Status, IReadOnlyList<ContentPart> Summary, IReadOnlyList<ContentPart> Content) : OutputItem(Id, Status);

[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(OutputText), "output_text")]
[JsonDerivedType(typeof(ReasoningText), "reasoning_text")]
[JsonDerivedType(typeof(SummaryText), "summary_text")]
abstract record ContentPart(string Text);

sealed record OutputText(string Text) : ContentPart(Text)
{
    public IReadOnlyList<string> Annotations => [];

    public IReadOnlyList<string> Logprobs => [];
}

sealed record ReasoningText(string Text) : ContentPart(Text);

sealed record SummaryText(string Text) : ContentPart(Text);

/// <summary>A response, whatever its state.</summary>
sealed record ResponseBody(string Id, long CreatedAt, string Status, string Model, IReadOnlyList<OutputItem> Output, ResponseEcho Echo)
{
    public string Object => "response";

    public bool Background => false;

    public long? CompletedAt { get; init; }

    public ResponseError? Error { get; init; }

    public IncompleteDetails? IncompleteDetails { get; init; }

    public ResponseUsage? Usage { get; init; }

    public string? Instructions => Echo.Instructions;

    public int? MaxOutputTokens => Echo.MaxOutputTokens;

    public IReadOnlyDictionary<string, string> Metadata => Echo.Metadata;

    public bool ParallelToolCalls => Echo.ParallelToolCalls;

    public string? PreviousResponseId => Echo.PreviousResponseId;

    public ReasoningSettings Reasoning => Echo.Reasoning;

    public string ServiceTier => "default";

    public bool Store => Echo.Store;

    public float Temperature => Echo.Temperature;

    public JsonElement Text => Echo.Text;

    public JsonElement ToolChoice => Echo.ToolChoice;

    public JsonElement Tools => Echo.Tools;

    public int TopLogprobs => 0;

    public float TopP => Echo.TopP;

    public string Truncation => "disabled";

    public string? User => Echo.User;

    [JsonIgnore]
    public ResponseEcho Echo { get; init; } = Echo;
}

/// <summary>What a response repeats of its request.</summary>
sealed record ResponseEcho
{
    public string? Instructions { get; init; }

    public int? MaxOutputTokens { get; init; }

    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    public bool ParallelToolCalls { get; init; }

    public string? PreviousResponseId { get; init; }

    public ReasoningSettings Reasoning { get; init; } = new(null, null);

    public bool Store { get; init; }

    public float Temperature { get; init; }

    public float TopP { get; init; }

    public JsonElement Text { get; init; }

    public JsonElement ToolChoice { get; init; }

    public JsonElement Tools { get; init; }

    public string? User { get; init; }
}

sealed record ReasoningSettings(string? Effort, string? Summary);

sealed record ResponseError(string Code, string Message);

sealed record IncompleteDetails(string Reason);

sealed record ResponseUsage(int InputTokens, InputDetails InputTokensDetails, int OutputTokens, OutputDetails OutputTokensDetails, int TotalTokens);

sealed record InputDetails(int CachedTokens);

/// <summary>The engine does not tell thinking from the rest, so this counts none.</summary>
sealed record OutputDetails(int ReasoningTokens);

sealed record DeletedBody(string Id)
{
    public string Object => "response";

    public bool Deleted => true;
}

sealed record ItemList(IReadOnlyList<JsonElement> Data, string? FirstId, string? LastId, bool HasMore)
{
    public string Object => "list";
}

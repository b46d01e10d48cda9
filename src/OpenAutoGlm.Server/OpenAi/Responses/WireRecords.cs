using System.Text.Json.Serialization;

namespace OpenAutoGlm.Server.OpenAi.Responses;

// The bodies of answers, field for field as OpenAI's reference has them. A null field that clients look for is written;
// a field that would only be noise is left out where it is null.

sealed record ErrorBody(ErrorDetail Error);

sealed record ErrorDetail(string Message, string Type, string? Param, string? Code);

sealed record ModelList(IReadOnlyList<ModelEntry> Data)
{
    public string Object => "list";
}

sealed record ModelEntry(string Id, long Created, string Root, int? MaxModelLen, string Status)
{
    public string Object => "model";

    public string OwnedBy => "open-autoglm";
}

sealed record UsageBody(int PromptTokens, int CompletionTokens, int TotalTokens, PromptTokensDetails PromptTokensDetails);

sealed record PromptTokensDetails(int CachedTokens);

sealed record ChatCompletion(string Id, long Created, string Model, IReadOnlyList<ChatChoice> Choices, UsageBody Usage)
{
    public string Object => "chat.completion";
}

sealed record ChatChoice(int Index, ChatMessage Message, ChatLogprobs? Logprobs, string FinishReason);

sealed record ChatMessage(string? Content)
{
    public string Role => "assistant";

    public string? Refusal => null;

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ReasoningContent { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ToolCallBody>? ToolCalls { get; init; }
}

sealed record ToolCallBody(string Id, FunctionBody Function)
{
    public string Type => "function";
}

sealed record FunctionBody(string Name, string Arguments);

sealed record ChatChunk(string Id, long Created, string Model, IReadOnlyList<ChatChunkChoice> Choices)
{
    public string Object => "chat.completion.chunk";

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public UsageBody? Usage { get; init; }
}

sealed record ChatChunkChoice(int Index, ChatDelta Delta, ChatLogprobs? Logprobs, string? FinishReason);

sealed record ChatDelta
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Role { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Content { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ReasoningContent { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ToolCallChunk>? ToolCalls { get; init; }
}

sealed record ToolCallChunk(
    int Index,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Id,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Type,
    FunctionChunk Function);

sealed record FunctionChunk([property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Name, string Arguments);

sealed record ChatLogprobs(IReadOnlyList<ChatLogprob> Content)
{
    public IReadOnlyList<ChatLogprob>? Refusal => null;
}

sealed record ChatLogprob(string Token, float Logprob, IReadOnlyList<int> Bytes)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ChatLogprob>? TopLogprobs { get; init; }
}

/// <summary>A completion, and also a chunk of one: this API has one shape for both.</summary>
sealed record Completion(string Id, long Created, string Model, IReadOnlyList<CompletionChoice> Choices)
{
    public string Object => "text_completion";

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public UsageBody? Usage { get; init; }
}

sealed record CompletionChoice(int Index, string Text, CompletionLogprobs? Logprobs, string? FinishReason);

sealed record CompletionLogprobs(
    IReadOnlyList<string> Tokens,
    IReadOnlyList<float> TokenLogprobs,
    IReadOnlyList<IReadOnlyDictionary<string, float>> TopLogprobs,
    IReadOnlyList<int> TextOffset);

sealed record HealthBody(string Status);

sealed record VersionBody(string Name, string Version);

using System.Collections.Immutable;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.OpenAi.Requests;
using OpenAutoGlm.Server.OpenAi.Responses;

namespace OpenAutoGlm.Server.OpenAi;

/// <summary>A request to /v1/chat/completions or /v1/completions.</summary>
sealed record OpenAiRequest(Routes Route, string Model, ImmutableArray<GenerationRequest> Prompts) : TextRequest(Model, Prompts)
{
    public bool IncludeUsage { get; init; }

    public bool Logprobs { get; init; }

    public override Reply Answer(AnswerHead head) => Route == Routes.Chat ? new ChatReply(head, this) : new CompletionReply(head, this);
}

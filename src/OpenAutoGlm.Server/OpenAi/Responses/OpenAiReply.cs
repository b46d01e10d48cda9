using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.Responses;

/// <summary>What the answers of the two text routes share.</summary>
abstract class OpenAiReply(AnswerHead head, OpenAiRequest request, string idPrefix) : EventReply
{
    /// <summary>The answer's id.</summary>
    protected string Id { get; } = $"{idPrefix}-{Guid.NewGuid():N}";

    /// <summary>Seconds since 1970.</summary>
    protected long Created { get; } = head.Created.ToUnixTimeSeconds();

    /// <summary>The model's id.</summary>
    protected string Model => head.Model;

    /// <summary>Whether log probabilities were asked for.</summary>
    protected bool Logprobs => request.Logprobs;

    public sealed override void WriteEnd(AnswerUsage usage)
    {
        if (request.IncludeUsage)
        {
            WriteUsage(Body(usage));
        }

        Events.WriteDone();
    }

    public sealed override void WriteError(ApiError error) => Events.Write(OpenAiErrors.Body(error), WireJson.Wire.ErrorBody);

    /// <summary>Writes the usage of a whole stream.</summary>
    protected abstract void WriteUsage(UsageBody usage);

    protected static UsageBody Body(AnswerUsage usage) =>
        new(usage.PromptTokens, usage.CompletionTokens, usage.PromptTokens + usage.CompletionTokens, new PromptTokensDetails(usage.CachedTokens));

    protected static string ReasonOf(ChoiceFinished finished) => finished switch
    {
        { Reason: FinishReason.Length } => "length",
        { ToolCalls: > 0 } => "tool_calls",
        _ => "stop",
    };

    /// <summary>JSON has no infinities: a token that cannot come has the number that OpenAI gives it.</summary>
    protected static float Finite(float logprob) => float.IsFinite(logprob) ? logprob : -9999f;
}

using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.Responses;

/// <summary>The shape of an answer, whole or in chunks: what the two text routes do not share.</summary>
/// <param name="Id">The answer's id.</param>
/// <param name="Created">Seconds since 1970.</param>
/// <param name="Model">The model's id.</param>
/// <param name="Logprobs">Whether log probabilities were asked for.</param>
abstract record Reply(string Id, long Created, string Model, bool Logprobs)
{
    /// <summary>Writes what comes before a choice's text.</summary>
    public abstract void WriteStart(ServerSentEvents events, int choice);

    /// <summary>Writes a piece of text.</summary>
    public abstract void WriteDelta(ServerSentEvents events, TextDelta delta);

    /// <summary>Writes a piece of thinking.</summary>
    public abstract void WriteThinking(ServerSentEvents events, ThinkingDelta delta);

    /// <summary>Writes a piece of a call.</summary>
    public abstract void WriteToolCall(ServerSentEvents events, ToolCallDelta delta);

    /// <summary>Writes why a choice ended.</summary>
    public abstract void WriteFinish(ServerSentEvents events, ChoiceFinished finished);

    /// <summary>Writes the usage of a whole stream.</summary>
    public abstract void WriteUsage(ServerSentEvents events, UsageBody usage);

    /// <summary>Writes all choices in one body.</summary>
    public abstract Task WriteWholeAsync(Microsoft.AspNetCore.Http.HttpResponse response, IReadOnlyList<CollectedChoice> choices, UsageBody usage, CancellationToken cancellation);

    public static string ReasonOf(ChoiceFinished finished) => finished switch
    {
        { Reason: FinishReason.Length } => "length",
        { ToolCalls: > 0 } => "tool_calls",
        _ => "stop",
    };

    /// <summary>JSON has no infinities: a token that cannot come has the number that OpenAI gives it.</summary>
    public static float Finite(float logprob) => float.IsFinite(logprob) ? logprob : -9999f;
}

/// <summary>A choice in one piece.</summary>
sealed record CollectedChoice(string Text, string Thinking, IReadOnlyList<CollectedCall> Calls, IReadOnlyList<GeneratedToken> Tokens, ChoiceFinished Finish);

/// <summary>A call of a tool in one piece.</summary>
sealed record CollectedCall(string Id, string Name, string Arguments);

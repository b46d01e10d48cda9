using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.Responses;

/// <summary>The answers of /v1/chat/completions.</summary>
sealed record ChatReply(string Id, long Created, string Model, bool Logprobs) : Reply(Id, Created, Model, Logprobs)
{
    public override void WriteStart(ServerSentEvents events, int choice) =>
        Write(events, new ChatChunkChoice(choice, new ChatDelta { Role = "assistant", Content = "" }, null, null));

    public override void WriteDelta(ServerSentEvents events, TextDelta delta) =>
        Write(events, new ChatChunkChoice(delta.Choice, new ChatDelta { Content = delta.Text }, Describe(delta.Tokens), null));

    public override void WriteThinking(ServerSentEvents events, ThinkingDelta delta) =>
        Write(events, new ChatChunkChoice(delta.Choice, new ChatDelta { ReasoningContent = delta.Text }, Describe(delta.Tokens), null));

    public override void WriteToolCall(ServerSentEvents events, ToolCallDelta delta) =>
        Write(events, new ChatChunkChoice(delta.Choice, new ChatDelta { ToolCalls = [new ToolCallChunk(delta.Call, delta.Id, delta.Id is null ? null : "function", new FunctionChunk(delta.Name, delta.Arguments))] }, Describe(delta.Tokens), null));

    public override void WriteFinish(ServerSentEvents events, ChoiceFinished finished) =>
        Write(events, new ChatChunkChoice(finished.Choice, new ChatDelta(), null, ReasonOf(finished)));

    public override void WriteUsage(ServerSentEvents events, UsageBody usage) =>
        events.Write(new ChatChunk(Id, Created, Model, []) { Usage = usage }, WireJson.Wire.ChatChunk);

    public override Task WriteWholeAsync(HttpResponse response, IReadOnlyList<CollectedChoice> choices, UsageBody usage, CancellationToken cancellation) =>
        WireJson.WriteAsync(response, new ChatCompletion(Id, Created, Model, [.. choices.Select(Describe)], usage), WireJson.Wire.ChatCompletion, cancellation);

    void Write(ServerSentEvents events, ChatChunkChoice choice) =>
        events.Write(new ChatChunk(Id, Created, Model, [choice]), WireJson.Wire.ChatChunk);

    ChatChoice Describe(CollectedChoice choice, int index) =>
        new(index, Message(choice), Describe(choice.Tokens), ReasonOf(choice.Finish));

    static ChatMessage Message(CollectedChoice choice) => new(choice.Text.Length > 0 || choice.Calls.Count == 0 ? choice.Text : null)
    {
        ReasoningContent = choice.Thinking.Length > 0 ? choice.Thinking : null,
        ToolCalls = choice.Calls.Count > 0 ? [.. choice.Calls.Select(call => new ToolCallBody(call.Id, new FunctionBody(call.Name, call.Arguments)))] : null,
    };

    ChatLogprobs? Describe(IReadOnlyList<GeneratedToken> tokens) => Logprobs
        ? new ChatLogprobs([.. tokens.Select(token => Describe(token.Token) with { TopLogprobs = [.. token.Top.Select(Describe)] })])
        : null;

    static ChatLogprob Describe(TokenText token) => new(token.Text, Finite(token.Logprob), [.. token.Bytes.Select(value => (int)value)]);
}

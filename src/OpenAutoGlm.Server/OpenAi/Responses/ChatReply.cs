using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.Responses;

/// <summary>The answers of /v1/chat/completions.</summary>
sealed class ChatReply(AnswerHead head, OpenAiRequest request) : OpenAiReply(head, request, "chatcmpl")
{
    public override void WriteStart(int choice) =>
        Write(new ChatChunkChoice(choice, new ChatDelta { Role = "assistant", Content = "" }, null, null));

    public override void WriteDelta(TextDelta delta) =>
        Write(new ChatChunkChoice(delta.Choice, new ChatDelta { Content = delta.Text }, Describe(delta.Tokens), null));

    public override void WriteThinking(ThinkingDelta delta) =>
        Write(new ChatChunkChoice(delta.Choice, new ChatDelta { ReasoningContent = delta.Text }, Describe(delta.Tokens), null));

    public override void WriteToolCall(ToolCallDelta delta) =>
        Write(new ChatChunkChoice(delta.Choice, new ChatDelta { ToolCalls = [new ToolCallChunk(delta.Call, delta.Id, delta.Id is null ? null : "function", new FunctionChunk(delta.Name, delta.Arguments))] }, Describe(delta.Tokens), null));

    public override void WriteFinish(ChoiceFinished finished) =>
        Write(new ChatChunkChoice(finished.Choice, new ChatDelta(), null, ReasonOf(finished)));

    protected override void WriteUsage(UsageBody usage) =>
        Events.Write(new ChatChunk(Id, Created, Model, []) { Usage = usage }, WireJson.Wire.ChatChunk);

    public override Task WriteWholeAsync(HttpResponse response, IReadOnlyList<CollectedChoice> choices, AnswerUsage usage, CancellationToken cancellation) =>
        WireJson.WriteAsync(response, new ChatCompletion(Id, Created, Model, [.. choices.Select(Describe)], Body(usage)), WireJson.Wire.ChatCompletion, cancellation);

    void Write(ChatChunkChoice choice) =>
        Events.Write(new ChatChunk(Id, Created, Model, [choice]), WireJson.Wire.ChatChunk);

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

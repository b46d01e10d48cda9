using System.Text;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.Responses;

/// <summary>The answers of /v1/completions.</summary>
sealed record CompletionReply(string Id, long Created, string Model, bool Logprobs) : Reply(Id, Created, Model, Logprobs)
{
    readonly Dictionary<int, int> _offsets = [];

    public override void WriteStart(ServerSentEvents events, int choice)
    {
    }

    public override void WriteDelta(ServerSentEvents events, TextDelta delta) =>
        Write(events, new CompletionChoice(delta.Choice, delta.Text, Describe(delta.Choice, delta.Tokens), null));

    // A continuation is text and nothing else: it was not asked to think apart or to call anything.
    public override void WriteThinking(ServerSentEvents events, ThinkingDelta delta) =>
        Write(events, new CompletionChoice(delta.Choice, delta.Text, Describe(delta.Choice, delta.Tokens), null));

    public override void WriteToolCall(ServerSentEvents events, ToolCallDelta delta) =>
        throw new InvalidOperationException("A continuation calls no tools.");

    public override void WriteFinish(ServerSentEvents events, ChoiceFinished finished) =>
        Write(events, new CompletionChoice(finished.Choice, "", null, ReasonOf(finished)));

    public override void WriteUsage(ServerSentEvents events, UsageBody usage) =>
        events.Write(new Completion(Id, Created, Model, []) { Usage = usage }, WireJson.Wire.Completion);

    public override Task WriteWholeAsync(HttpResponse response, IReadOnlyList<CollectedChoice> choices, UsageBody usage, CancellationToken cancellation)
    {
        CompletionChoice[] described = [.. choices.Select((choice, index) => new CompletionChoice(index, choice.Text, Describe(index, choice.Tokens), ReasonOf(choice.Finish)))];
        return WireJson.WriteAsync(response, new Completion(Id, Created, Model, described) { Usage = usage }, WireJson.Wire.Completion, cancellation);
    }

    void Write(ServerSentEvents events, CompletionChoice choice) =>
        events.Write(new Completion(Id, Created, Model, [choice]), WireJson.Wire.Completion);

    /// <summary>
    /// Offsets count Unicode characters of the tokens' own texts from the start of the choice, so they lie a little
    /// beside the text where a token ends within a character or a stop string was cut off.
    /// </summary>
    CompletionLogprobs? Describe(int choice, IReadOnlyList<GeneratedToken> tokens)
    {
        if (!Logprobs)
        {
            return null;
        }

        int offset = _offsets.GetValueOrDefault(choice);
        int[] offsets = new int[tokens.Count];
        for (int index = 0; index < tokens.Count; index++)
        {
            offsets[index] = offset;
            offset += tokens[index].Token.Text.EnumerateRunes().Count();
        }

        _offsets[choice] = offset;
        return new CompletionLogprobs(
            [.. tokens.Select(token => token.Token.Text)],
            [.. tokens.Select(token => Finite(token.Token.Logprob))],
            [.. tokens.Select(Rivals)],
            offsets);
    }

    /// <summary>The chosen token is always among them. Of tokens with the same text the most likely one stays.</summary>
    static Dictionary<string, float> Rivals(GeneratedToken token)
    {
        Dictionary<string, float> rivals = [];
        foreach (TokenText rival in token.Top.Append(token.Token))
        {
            rivals.TryAdd(rival.Text, Finite(rival.Logprob));
        }

        return rivals;
    }
}

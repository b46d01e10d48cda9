using System.Text;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.Responses;

/// <summary>The answers of /v1/completions.</summary>
sealed class CompletionReply(AnswerHead head, OpenAiRequest request) : OpenAiReply(head, request, "cmpl")
{
    readonly Dictionary<int, int> _offsets = [];

    public override void WriteDelta(TextDelta delta) =>
        Write(new CompletionChoice(delta.Choice, delta.Text, Describe(delta.Choice, delta.Tokens), null));

    // A continuation is text and nothing else: it was not asked to think apart or to call anything.
    public override void WriteThinking(ThinkingDelta delta) =>
        Write(new CompletionChoice(delta.Choice, delta.Text, Describe(delta.Choice, delta.Tokens), null));

    public override void WriteToolCall(ToolCallDelta delta) =>
        throw new InvalidOperationException("A continuation calls no tools.");

    public override void WriteFinish(ChoiceFinished finished) =>
        Write(new CompletionChoice(finished.Choice, "", null, ReasonOf(finished)));

    protected override void WriteUsage(UsageBody usage) =>
        Events.Write(new Completion(Id, Created, Model, []) { Usage = usage }, WireJson.Wire.Completion);

    public override Task WriteWholeAsync(HttpResponse response, IReadOnlyList<CollectedChoice> choices, AnswerUsage usage, CancellationToken cancellation)
    {
        CompletionChoice[] described = [.. choices.Select((choice, index) => new CompletionChoice(index, choice.Text, Describe(index, choice.Tokens), ReasonOf(choice.Finish)))];
        return WireJson.WriteAsync(response, new Completion(Id, Created, Model, described) { Usage = Body(usage) }, WireJson.Wire.Completion, cancellation);
    }

    void Write(CompletionChoice choice) =>
        Events.Write(new Completion(Id, Created, Model, [choice]), WireJson.Wire.Completion);

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

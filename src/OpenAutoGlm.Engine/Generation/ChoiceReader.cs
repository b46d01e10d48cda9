using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using OpenAutoGlm.Engine.Answers;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Engine.Generation;

/// <summary>Turns what the engine says of one or more choices into their events.</summary>
abstract class AnswerReader
{
    /// <summary>The events, each choice ending with a <see cref="ChoiceFinished"/>. Leaving early cancels.</summary>
    internal abstract IAsyncEnumerable<GenerationEvent> ReadAsync(CancellationToken cancellation);

    /// <summary>Cancels what still runs.</summary>
    internal abstract void Cancel();

    /// <summary>Tokens written so far; 0 where that is not known before the end.</summary>
    internal virtual int Written => 0;
}

/// <summary>Turns the tokens of one choice into its events.</summary>
/// <param name="choice">Its index.</param>
/// <param name="sequence">Where its tokens come from.</param>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="decoder">Makes text of tokens.</param>
/// <param name="marks">Special tokens that count as text by their names.</param>
/// <param name="stopStrings">Texts that end it.</param>
/// <param name="parser">Finds thinking and calls in the text; null where it is all text.</param>
sealed class ChoiceReader(
    int choice, Sequence sequence, Tokenizer tokenizer, StreamingDecoder decoder, IReadOnlySet<int> marks, StopStrings stopStrings, AnswerParser? parser) : AnswerReader
{
    readonly StringBuilder _text = new();
    readonly List<GeneratedToken> _tokens = [];
    readonly List<GenerationEvent> _events = [];
    readonly PiecewiseSpan? _detokenise = GenerationSpans.BeginPieces("detokenise");
    int _read;

    bool IsDone => parser is { IsDone: true };

    internal override void Cancel() => sequence.Cancel();

    internal override int Written => sequence.GeneratedCount;

    /// <inheritdoc/>
    internal override async IAsyncEnumerable<GenerationEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        try
        {
            string? stopString = null;
            while (stopString is null && !IsDone && await HasMoreAsync(cancellation).ConfigureAwait(false))
            {
                while (stopString is null && !IsDone && sequence.Events.TryRead(out TokenEvent token))
                {
                    stopString = Take(token);
                }

                foreach (GenerationEvent delta in Deltas())
                {
                    yield return delta;
                }
            }

            if (stopString is null && !IsDone)
            {
                stopString = stopStrings.Push(decoder.Flush(), _text);
                stopStrings.Flush(_text);
            }

            Parse();
            parser?.Flush(_events);
            foreach (GenerationEvent delta in Deltas())
            {
                yield return delta;
            }

            sequence.Cancel();
            _detokenise?.End(choice);
            SequenceOutcome outcome = await sequence.Completion.WaitAsync(cancellation).ConfigureAwait(false);
            yield return Finish(outcome, stopString);
        }
        finally
        {
            sequence.Cancel();
        }
    }

    async ValueTask<bool> HasMoreAsync(CancellationToken cancellation)
    {
        try
        {
            return await sequence.Events.WaitToReadAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SequenceFailedException or SequenceCancelledException)
        {
            // How it ended stands in the outcome, which becomes the last event.
            return false;
        }
    }

    string? Take(in TokenEvent token)
    {
        _read++;
        if (token.Logprobs is { } logprobs)
        {
            _tokens.Add(new GeneratedToken(Describe(token.Token, logprobs.Chosen), [.. logprobs.Top.Select(top => Describe(top.Token, top.Logprob))]));
        }

        long started = _detokenise is null ? 0 : Stopwatch.GetTimestamp();
        string? found = stopStrings.Push(Text(token.Token), _text);
        Parse();
        _detokenise?.Add(started);
        return found;
    }

    string Text(int token) =>
        token >= tokenizer.VocabularySize || sequence.Request.StopTokens.Contains(token) ? ""
        : marks.Contains(token) ? decoder.Flush() + tokenizer.TokenText(token)
        : decoder.Push(token);

    void Parse()
    {
        if (parser is not null)
        {
            parser.Push(_text.ToString(), _events);
            _text.Clear();
        }
    }

    /// <summary>What happened since the last call. Tokens are told with the first of it.</summary>
    IReadOnlyList<GenerationEvent> Deltas()
    {
        if (_events.Count == 0 && _text.Length == 0 && _tokens.Count == 0)
        {
            return [];
        }

        List<GenerationEvent> deltas = [.. _events];
        if (_text.Length > 0 || (deltas.Count == 0 && _tokens.Count > 0))
        {
            deltas.Add(new TextDelta(choice, _text.ToString()));
        }

        if (_tokens.Count > 0)
        {
            deltas[0] = deltas[0] switch
            {
                ThinkingDelta thinking => thinking with { Tokens = [.. _tokens] },
                ToolCallDelta call => call with { Tokens = [.. _tokens] },
                TextDelta text => text with { Tokens = [.. _tokens] },
                GenerationEvent other => other,
            };
        }

        _events.Clear();
        _text.Clear();
        _tokens.Clear();
        return deltas;
    }

    ChoiceFinished Finish(SequenceOutcome outcome, string? stopString)
    {
        // The engine may have run ahead of the text in which the stop string stood; those tokens are not of the answer.
        bool isOurs = stopString is not null || IsDone;
        TokenUsage usage = !isOurs ? outcome.Usage : outcome.Usage with { CompletionTokens = _read };
        return !isOurs
            ? new ChoiceFinished(choice, outcome.Reason, usage, outcome.Timings)
            {
                ToolCalls = parser?.Calls ?? 0,
                StopToken = outcome.StopToken,
                Cancellation = outcome.Cancellation,
                Error = outcome.Error,
            }
            : new ChoiceFinished(choice, FinishReason.Stop, usage, outcome.Timings) { StopString = stopString, ToolCalls = parser?.Calls ?? 0 };
    }

    TokenText Describe(int id, float logprob)
    {
        ReadOnlySpan<byte> bytes = id < tokenizer.VocabularySize ? tokenizer.TokenBytes(id) : [];
        return new TokenText(id, Encoding.UTF8.GetString(bytes), [.. bytes], logprob);
    }
}

using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;
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
sealed class ChoiceReader(int choice, Sequence sequence, Tokenizer tokenizer, StreamingDecoder decoder, StopStrings stopStrings) : AnswerReader
{
    readonly StringBuilder _text = new();
    readonly List<GeneratedToken> _tokens = [];
    int _read;

    internal override void Cancel() => sequence.Cancel();

    internal override int Written => sequence.GeneratedCount;

    /// <inheritdoc/>
    internal override async IAsyncEnumerable<GenerationEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        try
        {
            string? stopString = null;
            while (stopString is null && await HasMoreAsync(cancellation).ConfigureAwait(false))
            {
                while (stopString is null && sequence.Events.TryRead(out TokenEvent token))
                {
                    stopString = Take(token);
                }

                if (Delta() is { } delta)
                {
                    yield return delta;
                }
            }

            if (stopString is null)
            {
                stopString = stopStrings.Push(decoder.Flush(), _text);
                stopStrings.Flush(_text);
                if (Delta() is { } rest)
                {
                    yield return rest;
                }
            }

            sequence.Cancel();
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

        bool isText = token.Token < tokenizer.VocabularySize && !sequence.Request.StopTokens.Contains(token.Token);
        return isText ? stopStrings.Push(decoder.Push(token.Token), _text) : null;
    }

    TextDelta? Delta()
    {
        if (_text.Length == 0 && _tokens.Count == 0)
        {
            return null;
        }

        TextDelta delta = new(choice, _text.ToString()) { Tokens = [.. _tokens] };
        _text.Clear();
        _tokens.Clear();
        return delta;
    }

    ChoiceFinished Finish(SequenceOutcome outcome, string? stopString)
    {
        // The engine may have run ahead of the text in which the stop string stood; those tokens are not of the answer.
        TokenUsage usage = stopString is null ? outcome.Usage : outcome.Usage with { CompletionTokens = _read };
        return stopString is null
            ? new ChoiceFinished(choice, outcome.Reason, usage, outcome.Timings)
            {
                StopToken = outcome.StopToken,
                Cancellation = outcome.Cancellation,
                Error = outcome.Error,
            }
            : new ChoiceFinished(choice, FinishReason.Stop, usage, outcome.Timings) { StopString = stopString };
    }

    TokenText Describe(int id, float logprob)
    {
        ReadOnlySpan<byte> bytes = id < tokenizer.VocabularySize ? tokenizer.TokenBytes(id) : [];
        return new TokenText(id, Encoding.UTF8.GetString(bytes), [.. bytes], logprob);
    }
}

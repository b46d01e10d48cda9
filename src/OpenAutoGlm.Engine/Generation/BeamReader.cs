using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using OpenAutoGlm.Engine.Beams;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Engine.Generation;

/// <summary>Turns the answers of a beam search into events, all at its end: before, none of them is certain.</summary>
sealed class BeamReader(BeamSearch search, int choices, Tokenizer tokenizer, Func<StreamingDecoder> decoder, ImmutableArray<int> stopTokens) : AnswerReader
{
    internal override void Cancel() => search.Cancel();

    /// <inheritdoc/>
    internal override async IAsyncEnumerable<GenerationEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        ImmutableArray<BeamResult> results = [];
        SequenceOutcome outcome;
        try
        {
            outcome = await search.Branches[0].Completion.WaitAsync(cancellation).ConfigureAwait(false);
            if (outcome.Reason is FinishReason.Stop or FinishReason.Length)
            {
                results = await search.Completion.WaitAsync(cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            search.Cancel();
        }

        for (int choice = 0; choice < choices; choice++)
        {
            if (choice < results.Length)
            {
                BeamResult result = results[choice];
                yield return new TextDelta(choice, TextOf(result));
                yield return new ChoiceFinished(choice, result.Reason, new TokenUsage(search.PromptTokens, result.Tokens.Length, outcome.Usage.CachedTokens), outcome.Timings);
            }
            else
            {
                yield return new ChoiceFinished(choice, results.IsEmpty ? outcome.Reason : FinishReason.Stop, new TokenUsage(search.PromptTokens, 0), outcome.Timings)
                {
                    Cancellation = outcome.Cancellation,
                    Error = outcome.Error,
                };
            }
        }
    }

    string TextOf(BeamResult result)
    {
        StreamingDecoder text = decoder();
        return string.Concat(result.Tokens.Where(token => token < tokenizer.VocabularySize && !stopTokens.Contains(token)).Select(text.Push)) + text.Flush();
    }
}

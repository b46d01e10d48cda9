using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;

namespace OpenAutoGlm.Engine.Generation;

/// <summary>A request for text that was accepted. Read its events, or dispose it to cancel what still runs.</summary>
public sealed class TextGeneration : IAsyncDisposable
{
    const int MergeBuffer = 16; // events of each choice that wait for the reader

    readonly ImmutableArray<AnswerReader> _readers;
    readonly int _choices;
    int _reading;

    internal TextGeneration(int promptTokens, int choices, ImmutableArray<AnswerReader> readers)
    {
        PromptTokens = promptTokens;
        _choices = choices;
        _readers = readers;
    }

    /// <summary>Tokens of the prompt.</summary>
    public int PromptTokens { get; }

    /// <summary>Tokens that all choices have written so far; a beam search tells at its end. From any thread, at any time.</summary>
    public int GeneratedTokens => _readers.Sum(reader => reader.Written);

    /// <summary>
    /// The events of all choices as they come, once and for one reader; every choice ends with one
    /// <see cref="ChoiceFinished"/>. Failures and cancellations are events too and do not throw. Leaving early cancels.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token given here was cancelled; the sequences are cancelled with it.</exception>
    /// <exception cref="InvalidOperationException">The events are read a second time.</exception>
    public IAsyncEnumerable<GenerationEvent> ReadAllAsync(CancellationToken cancellation = default)
    {
        if (Interlocked.Exchange(ref _reading, 1) != 0)
        {
            throw new InvalidOperationException("The events of a generation can be read once.");
        }

        return _readers.Length == 1 ? _readers[0].ReadAsync(cancellation) : MergeAsync(cancellation);
    }

    /// <summary>Reads all events and puts each choice together.</summary>
    /// <exception cref="OperationCanceledException">The token given here was cancelled; the sequences are cancelled with it.</exception>
    public async Task<IReadOnlyList<GeneratedText>> CompleteAsync(CancellationToken cancellation = default)
    {
        StringBuilder[] texts = [.. Enumerable.Range(0, _choices).Select(_ => new StringBuilder())];
        List<GeneratedToken>[] tokens = [.. Enumerable.Range(0, _choices).Select(_ => new List<GeneratedToken>())];
        ChoiceFinished[] ends = new ChoiceFinished[_choices];
        await foreach (GenerationEvent happened in ReadAllAsync(cancellation).ConfigureAwait(false))
        {
            switch (happened)
            {
                case TextDelta delta:
                    texts[delta.Choice].Append(delta.Text);
                    tokens[delta.Choice].AddRange(delta.Tokens);
                    break;
                case ChoiceFinished end:
                    ends[end.Choice] = end;
                    break;
            }
        }

        return [.. ends.Select((end, i) => new GeneratedText(texts[i].ToString(), tokens[i], end))];
    }

    /// <summary>Cancels the choices that still run. Any number of calls, at any time.</summary>
    public void Cancel()
    {
        foreach (AnswerReader reader in _readers)
        {
            reader.Cancel();
        }
    }

    /// <summary>Cancels the choices that still run.</summary>
    public ValueTask DisposeAsync()
    {
        Cancel();
        return ValueTask.CompletedTask;
    }

    async IAsyncEnumerable<GenerationEvent> MergeAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        Channel<GenerationEvent> merged = Channel.CreateBounded<GenerationEvent>(MergeBuffer * _readers.Length);
        using CancellationTokenSource left = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task pumps = PumpAllAsync(merged.Writer, left.Token);
        try
        {
            await foreach (GenerationEvent happened in merged.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                yield return happened;
            }
        }
        finally
        {
            await left.CancelAsync().ConfigureAwait(false);
            await pumps.ConfigureAwait(false);
        }
    }

    async Task PumpAllAsync(ChannelWriter<GenerationEvent> merged, CancellationToken cancellation)
    {
        try
        {
            await Task.WhenAll(_readers.Select(PumpAsync)).ConfigureAwait(false);
            merged.Complete();
        }
        catch (Exception error)
        {
            merged.Complete(error);
        }

        async Task PumpAsync(AnswerReader reader)
        {
            await foreach (GenerationEvent happened in reader.ReadAsync(cancellation).ConfigureAwait(false))
            {
                await merged.WriteAsync(happened, cancellation).ConfigureAwait(false);
            }
        }
    }
}

/// <summary>A choice in one piece.</summary>
/// <param name="Text">Its text.</param>
/// <param name="Tokens">Its tokens, where log probabilities were asked for.</param>
/// <param name="Finish">How it ended.</param>
public sealed record GeneratedText(string Text, IReadOnlyList<GeneratedToken> Tokens, ChoiceFinished Finish);

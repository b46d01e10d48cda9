namespace OpenAutoGlm.Engine.Generation;

/// <summary>A request for text that was accepted. Read its events, or dispose it to cancel what still runs.</summary>
public sealed class TextGeneration : IAsyncDisposable
{
    internal TextGeneration()
    {
    }

    /// <summary>Tokens of the prompt.</summary>
    public int PromptTokens => throw new NotSupportedException();

    /// <summary>
    /// The events of all choices as they come, for one reader; every choice ends with one <see cref="ChoiceFinished"/>.
    /// Failures and cancellations are events too and do not throw.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token given here was cancelled; the sequences are cancelled with it.</exception>
    public IAsyncEnumerable<GenerationEvent> ReadAllAsync(CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>Reads all events and puts each choice together.</summary>
    public Task<IReadOnlyList<GeneratedText>> CompleteAsync(CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>Cancels the choices that still run. Any number of calls, at any time.</summary>
    public void Cancel() => throw new NotSupportedException();

    /// <summary>Cancels the choices that still run.</summary>
    public ValueTask DisposeAsync() => throw new NotSupportedException();
}

/// <summary>A choice in one piece.</summary>
/// <param name="Text">Its text.</param>
/// <param name="Tokens">Its tokens, where log probabilities were asked for.</param>
/// <param name="Finish">How it ended.</param>
public sealed record GeneratedText(string Text, IReadOnlyList<GeneratedToken> Tokens, ChoiceFinished Finish);

namespace OpenAutoGlm.Engine.Speculation;

/// <summary>Guesses what sequences will say next. Called on the engine's thread.</summary>
interface IProposer : IDisposable
{
    /// <summary>Seconds that making a guess takes, beside the running of it; 0 where that is nothing.</summary>
    double SecondsPerGuess { get; }

    /// <summary>Writes guesses into the <see cref="Sequence.Drafts"/> of sequences that are about to write a token, at most as many as each may have.</summary>
    /// <param name="writing">The sequences, with empty drafts.</param>
    /// <param name="room">For each: most guesses that are of use.</param>
    void Propose(ReadOnlySpan<Sequence> writing, ReadOnlySpan<int> room);

    /// <summary>Forgets a sequence that ended.</summary>
    void Forget(Sequence sequence);
}

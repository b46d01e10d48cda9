namespace OpenAutoGlm.Engine.Speculation;

/// <summary>Guesses what sequences will say next. Called on the engine's thread.</summary>
interface IProposer : IDisposable
{
    /// <summary>Seconds that making a guess takes, beside the running of it; 0 where that is nothing.</summary>
    double SecondsPerGuess { get; }

    /// <summary>What evidence there is for guesses for a sequence that is about to write a token.</summary>
    Evidence EvidenceFor(Sequence sequence);

    /// <summary>Writes guesses into the <see cref="Sequence.Drafts"/> of sequences for which there is evidence, no more than each may have.</summary>
    /// <param name="writing">The sequences, with empty drafts.</param>
    /// <param name="room">For each: guesses that are wanted, which may be none.</param>
    void Propose(ReadOnlySpan<Sequence> writing, ReadOnlySpan<int> room);

    /// <summary>Lets go of a sequence that ended, and may learn from it.</summary>
    void Ended(Sequence sequence);
}

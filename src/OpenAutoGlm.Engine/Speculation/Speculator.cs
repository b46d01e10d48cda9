using OpenAutoGlm.Engine.Scheduling;

namespace OpenAutoGlm.Engine.Speculation;

/// <summary>Decides before every step for whom guesses are worth their time, has them made, and learns from what came of them.</summary>
sealed class Speculator(IProposer proposer, SpeculationOptions options, EngineLimits limits, StepTimes times) : IDisposable
{
    readonly Sequence[] _writing = new Sequence[limits.MaxSequences];
    readonly int[] _room = new int[limits.MaxSequences];
    readonly Guessing _all = new();

    /// <summary>Guesses that were run.</summary>
    internal long Guessed { get; private set; }

    /// <summary>Guesses that were right, each of them a step less.</summary>
    internal long Right { get; private set; }

    /// <summary>Why no guesses are made any more; null while they are.</summary>
    internal Exception? Failure { get; private set; }

    /// <summary>Fills the drafts of those among the running sequences that are about to write a token.</summary>
    internal void Guess(ReadOnlySpan<Sequence> running)
    {
        int count = 0;
        bool isOff = Failure is not null;
        foreach (Sequence sequence in running)
        {
            sequence.Drafts.Clear();
            if (!isOff && sequence.Pending == 1 && sequence.GeneratedCount > 0 && !sequence.IsReadOnly && sequence.Beam is null)
            {
                _writing[count++] = sequence;
            }
        }

        int stepTokens = count;
        int left = Math.Min(limits.MaxExtraLogits, limits.MaxTokens - count);
        bool any = false;
        for (int i = 0; i < count; i++)
        {
            Sequence sequence = _writing[i];
            _room[i] = Room(sequence, left, stepTokens);
            any |= _room[i] > 0;
            left -= _room[i];
            stepTokens += _room[i];
        }

        if (any)
        {
            Propose(_writing.AsSpan(0, count), _room.AsSpan(0, count));
        }
    }

    /// <summary>How many guesses a sequence gets in a step that has so many tokens already and room for so many more.</summary>
    int Room(Sequence sequence, int left, int stepTokens)
    {
        Guessing guessing = sequence.Guessing ??= new Guessing(_all);

        // The last token that may be written needs no guess behind it.
        int most = Math.Min(Math.Min(options.MaxGuesses, left), sequence.MaxTokens - sequence.GeneratedCount - 1);
        guessing.Evidence = most > 0 ? proposer.EvidenceFor(sequence) : default;
        if (guessing.Evidence.Origin == GuessOrigin.None)
        {
            return 0;
        }

        int room = options.IsAdaptive ? guessing.Worth(guessing.Evidence, most, stepTokens, times, proposer.SecondsPerGuess) : most;
        if (room == 0)
        {
            guessing.Skipped(guessing.Evidence);
        }

        return room;
    }

    void Propose(ReadOnlySpan<Sequence> writing, ReadOnlySpan<int> room)
    {
        try
        {
            proposer.Propose(writing, room);
        }
        catch (Exception error)
        {
            // Nobody needs guesses. Those that were made before the failure may stay: they are checked like any other.
            Failure = error;
        }
    }

    /// <summary>Notes that a sequence's guesses were checked, and how many of the first were right.</summary>
    internal void Checked(Sequence sequence, int guessed, int right)
    {
        Guessed += guessed;
        Right += right;
        Guessing guessing = sequence.Guessing!;
        guessing.Checked(guessing.Evidence, guessed, right);
        _all.Checked(guessing.Evidence, guessed, right, newestWeight: 0.01);
    }

    internal void Ended(Sequence sequence) => proposer.Ended(sequence);

    public void Dispose() => proposer.Dispose();
}

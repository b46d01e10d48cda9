using OpenAutoGlm.Engine.Scheduling;

namespace OpenAutoGlm.Engine.Speculation;

/// <summary>How good a reason there is for a guess, from none to the best.</summary>
enum Reason
{
    /// <summary>None.</summary>
    None,

    /// <summary>The last token stood before.</summary>
    Weak,

    /// <summary>The last two did.</summary>
    Fair,

    /// <summary>The last three to five did, or a model says so.</summary>
    Good,

    /// <summary>More did.</summary>
    Strong,
}

/// <summary>
/// How guessing goes: for each kind of reason how likely a guess is right, learnt from those that were checked, and from that how many
/// are worth running. Every sequence has its own, which begins with what all sequences before it came to.
/// </summary>
sealed class Guessing
{
    const double Recovery = 0.005; // towards the first belief, for every token that might have been guessed and was not

    readonly double[] _first;
    readonly double[] _right;

    /// <summary>Beliefs to begin with.</summary>
    internal Guessing()
        : this([0, 0.3, 0.5, 0.7, 0.85])
    {
    }

    /// <summary>A sequence's, that begins with those of all.</summary>
    internal Guessing(Guessing all)
        : this(all._right)
    {
    }

    Guessing(double[] right)
    {
        _first = [.. right];
        _right = [.. right];
    }

    /// <summary>Where else the last tokens of the sequence stood; made by who looks there.</summary>
    internal NgramIndex? Ngrams { get; set; }

    /// <summary>What was found there for the coming step.</summary>
    internal EarlierPlace Place { get; set; }

    /// <summary>The reason of the guesses that run in the coming step.</summary>
    internal Reason Reason { get; set; }

    /// <summary>How likely a guess is right.</summary>
    internal double Right(Reason reason) => _right[(int)reason];

    /// <summary>Notes that guesses were checked, and so many of the first were right. Others believe more slowly what one sequence found.</summary>
    internal void Checked(Reason reason, int guessed, int right, double newestWeight = 0.15)
    {
        ref double belief = ref _right[(int)reason];
        for (int i = 0; i < Math.Min(right + 1, guessed); i++)
        {
            belief += newestWeight * ((i < right ? 1 : 0) - belief);
        }
    }

    /// <summary>Notes that there was a reason to guess, but not enough.</summary>
    internal void Skipped(Reason reason) => _right[(int)reason] += Recovery * (_first[(int)reason] - _right[(int)reason]);

    /// <summary>
    /// How many guesses to run beside a step of so many tokens: where tokens per second are expected to be most. None
    /// where none gains.
    /// </summary>
    internal int Worth(Reason reason, int most, int stepTokens, StepTimes times, double secondsPerGuess)
    {
        double without = times.Predict(stepTokens);
        if (without == 0)
        {
            return Math.Min(most, 1);
        }

        double bestRate = stepTokens / without;
        int best = 0;
        double expected = 0;
        double chance = 1;
        for (int guesses = 1; guesses <= most; guesses++)
        {
            chance *= Right(reason);
            expected += chance;
            double rate = (stepTokens + expected) / (times.Predict(stepTokens + guesses) + (guesses * secondsPerGuess));
            if (rate > bestRate)
            {
                (best, bestRate) = (guesses, rate);
            }
        }

        return best;
    }
}

using OpenAutoGlm.Engine.Scheduling;

namespace OpenAutoGlm.Engine.Speculation;

/// <summary>
/// How guessing goes: for each kind of evidence how likely a guess is right, learnt from those that were checked, and from that how many
/// are worth running. Every sequence has its own, which begins with what all sequences before it came to.
/// </summary>
sealed class Guessing
{
    const double Recovery = 0.005; // towards the first belief, for every token that might have been guessed and was not

    // A model; the text itself with 1, 2, 3 to 5, more tokens that agree; earlier answers with as many.
    static readonly double[] FirstBeliefs = [0.7, 0.3, 0.5, 0.7, 0.85, 0.2, 0.45, 0.7, 0.85];

    readonly double[] _first;
    readonly double[] _right;

    /// <summary>Beliefs to begin with.</summary>
    internal Guessing()
        : this(FirstBeliefs)
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

    /// <summary>What was found for the coming step.</summary>
    internal Passage Passage { get; set; }

    /// <summary>The evidence for the guesses that run in the coming step.</summary>
    internal Evidence Evidence { get; set; }

    /// <summary>Notes that guesses were checked, and so many of the first were right. Others believe more slowly what one sequence found.</summary>
    internal void Checked(Evidence evidence, int guessed, int right, double newestWeight = 0.15)
    {
        for (int i = 0; i < Math.Min(right + 1, guessed); i++)
        {
            ref double belief = ref _right[evidence.KindOf(i)];
            belief += newestWeight * ((i < right ? 1 : 0) - belief);
        }
    }

    /// <summary>Notes that there was evidence, but not enough.</summary>
    internal void Skipped(Evidence evidence)
    {
        int kind = evidence.KindOf(0);
        _right[kind] += Recovery * (_first[kind] - _right[kind]);
    }

    /// <summary>
    /// How many guesses to run beside a step of so many tokens: where tokens per second are expected to be most. None
    /// where none gains.
    /// </summary>
    internal int Worth(Evidence evidence, int most, int stepTokens, StepTimes times, double secondsPerGuess)
    {
        double without = times.Predict(stepTokens);
        if (without == 0)
        {
            return Math.Min(most, 1);
        }

        double perGuess = times.SecondsPerFurtherToken + secondsPerGuess;
        double bestRate = stepTokens / without;
        int best = 0;
        double expected = 0;
        double chance = 1;
        for (int guesses = 1; guesses <= most; guesses++)
        {
            chance *= _right[evidence.KindOf(guesses - 1)];
            expected += chance;
            double rate = (stepTokens + expected) / (without + (guesses * perGuess));
            if (rate > bestRate)
            {
                (best, bestRate) = (guesses, rate);
            }
        }

        return best;
    }
}

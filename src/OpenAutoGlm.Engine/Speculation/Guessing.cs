using OpenAutoGlm.Engine.Scheduling;

namespace OpenAutoGlm.Engine.Speculation;

/// <summary>
/// How guessing goes for one sequence: how likely a guess is right, learnt from those that were checked, and from that how
/// many are worth running.
/// </summary>
sealed class Guessing
{
    const double First = 0.7; // a guess is offered only where there is a reason for it
    const double NewestWeight = 0.15;
    const double Recovery = 0.002; // towards the first belief, for every token that nobody guessed

    double _right = First;

    /// <summary>Where else the last tokens of the sequence stood; made by who looks there.</summary>
    internal NgramIndex? Ngrams { get; set; }

    /// <summary>How likely the next guess is right.</summary>
    internal double Right => _right;

    /// <summary>Notes that guesses were checked, and so many of the first were right.</summary>
    internal void Checked(int guessed, int right)
    {
        for (int i = 0; i < Math.Min(right + 1, guessed); i++)
        {
            _right += NewestWeight * ((i < right ? 1 : 0) - _right);
        }
    }

    /// <summary>Notes a token that nobody guessed.</summary>
    internal void Skipped() => _right += Recovery * (First - _right);

    /// <summary>
    /// How many guesses to run beside a step of so many tokens: where tokens per second are expected to be most. None
    /// where none gains.
    /// </summary>
    internal int Worth(int most, int stepTokens, StepTimes times, double secondsPerGuess)
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
            chance *= _right;
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

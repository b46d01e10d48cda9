using System.Numerics;

namespace OpenAutoGlm.Engine.Scheduling;

/// <summary>
/// How long steps of so many tokens take on this machine, learnt from those that ran: a moving average for every power
/// of two, straight lines between them.
/// </summary>
/// <remarks>
/// The first step of a size meets cold code and cold memory and counts only until there is a second; one that takes less than half
/// of what was believed is believed at once, for nothing but the machine makes a step fast, and much else makes it slow.
/// </remarks>
sealed class StepTimes
{
    const double NewestWeight = 1.0 / 8;

    const double Forgetting = 1.0 / 64; // of what guesses cost, with every step that has some
    const double TrustInSlope = 64; // as much as in so many steps of one guess

    readonly double[] _tokens = new double[32];
    readonly double[] _seconds = new double[32];
    readonly bool[] _isWarm = new bool[32];
    double _guessSeconds; // sums over steps with guesses: guesses × seconds beyond those without, and guesses²
    double _guessWeight;

    /// <summary>Notes a step.</summary>
    internal void Add(int tokens, double seconds)
    {
        int bucket = BitOperations.Log2((uint)Math.Max(1, tokens));
        if (!_isWarm[bucket] || seconds < _seconds[bucket] / 2)
        {
            _isWarm[bucket] = _tokens[bucket] > 0;
            (_tokens[bucket], _seconds[bucket]) = (tokens, seconds);
            return;
        }

        _tokens[bucket] += NewestWeight * (tokens - _tokens[bucket]);
        _seconds[bucket] += NewestWeight * (seconds - _seconds[bucket]);
    }

    /// <summary>Seconds that a step of so many tokens should take; 0 where no step has run.</summary>
    internal double Predict(int tokens)
    {
        int below = -1;
        int above = -1;
        for (int bucket = 0; bucket < _tokens.Length && above < 0; bucket++)
        {
            if (_tokens[bucket] > 0)
            {
                if (_tokens[bucket] <= tokens)
                {
                    below = bucket;
                }
                else
                {
                    above = bucket;
                }
            }
        }

        if (below < 0)
        {
            // Fewer tokens than ever: they cost no more, and how much less is not known.
            return above < 0 ? 0 : _seconds[above];
        }

        if (above < 0)
        {
            // More than ever: every further token costs what one costs on average in the largest step, which is too much rather than too little.
            return _seconds[below] * tokens / _tokens[below];
        }

        double part = (tokens - _tokens[below]) / (_tokens[above] - _tokens[below]);
        return _seconds[below] + (part * Math.Max(0, _seconds[above] - _seconds[below]));
    }

    /// <summary>Notes what a step took in which sequences wrote and nobody read: tokens that were written anyway, and guesses beside them.</summary>
    internal void AddGuesses(int tokens, int guesses, double seconds)
    {
        _guessSeconds += (guesses * (seconds - Predict(tokens))) - (Forgetting * _guessSeconds);
        _guessWeight += (guesses * guesses) - (Forgetting * _guessWeight);
    }

    /// <summary>
    /// Seconds that one more token costs a small step: a line through what steps with guesses took beyond those without, which begins with the slope
    /// between the smallest and the largest steps. Neighbouring sizes say less: two measurements of one size differ by more.
    /// </summary>
    internal double SecondsPerFurtherToken
    {
        get
        {
            int smallest = Array.FindIndex(_tokens, tokens => tokens > 0);
            int largest = Array.FindLastIndex(_tokens, tokens => tokens > 0);
            double slope = smallest == largest ? 0 : (_seconds[largest] - _seconds[smallest]) / (_tokens[largest] - _tokens[smallest]);
            return Math.Max(0, ((TrustInSlope * slope) + _guessSeconds) / (TrustInSlope + _guessWeight));
        }
    }

    /// <summary>Seconds that one token costs in a step of many: what computing a prompt anew takes.</summary>
    internal double SecondsPerToken
    {
        get
        {
            for (int bucket = _tokens.Length - 1; bucket >= 0; bucket--)
            {
                if (_tokens[bucket] > 0)
                {
                    return _seconds[bucket] / _tokens[bucket];
                }
            }

            return 0;
        }
    }
}

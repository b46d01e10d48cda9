using System.Numerics;

namespace OpenAutoGlm.Engine.Scheduling;

/// <summary>
/// How long steps of so many tokens take on this machine, learnt from those that ran: a moving average for every power
/// of two, straight lines between them.
/// </summary>
sealed class StepTimes
{
    const double NewestWeight = 1.0 / 8;

    readonly double[] _tokens = new double[32];
    readonly double[] _seconds = new double[32];

    /// <summary>Notes a step.</summary>
    internal void Add(int tokens, double seconds)
    {
        int bucket = BitOperations.Log2((uint)Math.Max(1, tokens));
        if (_tokens[bucket] == 0)
        {
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

namespace OpenAutoGlm.Optimization.Search;

/// <summary>
/// A limit on a prediction, set so that what is then measured keeps what was asked for: between the largest prediction that
/// was kept and the smallest that was not, or in proportion to the one that is known.
/// </summary>
/// <param name="asked">What was asked for; infinity for nothing.</param>
/// <param name="leastStep">The least by which a limit is moved, as a share of it.</param>
sealed class Aim(double asked, double leastStep)
{
    const double EnoughSpent = 0.93;
    const double NearEnough = 1.04;
    const double MostTightened = 8;
    const double MostRelaxed = 4;

    readonly bool _isFree = double.IsPositiveInfinity(asked);
    double _kept;
    double _broken = double.PositiveInfinity;
    double _use;

    /// <summary>The limit on the prediction.</summary>
    internal double Limit { get; private set; } = asked;

    /// <summary>Whether nothing is gained by another try.</summary>
    internal bool IsSettled => _isFree || _use is > EnoughSpent and <= 1 || _broken < _kept * NearEnough;

    /// <summary>Learns what a prediction came to when it was measured.</summary>
    /// <param name="predicted">The prediction.</param>
    /// <param name="use">The share of the limit that was used up; above 1 it is broken.</param>
    internal void Learn(double predicted, double use)
    {
        if (_isFree)
        {
            return;
        }

        (predicted, _use) = (Math.Max(predicted, 1e-12), use);
        (_kept, _broken) = use <= 1 ? (Math.Max(_kept, predicted), _broken) : (_kept, Math.Min(_broken, predicted));
        Limit = _kept > 0 && !double.IsPositiveInfinity(_broken) ? Math.Sqrt(_kept * _broken)
            : use > 1 ? predicted / Math.Clamp(use * 1.03, 1 + (2 * leastStep), MostTightened)
            : predicted * Math.Clamp(0.97 / Math.Max(use, 1e-9), 1 + leastStep, MostRelaxed);
    }
}

/// <summary>The limits that a wish puts on predictions, as far as they are known from what was measured.</summary>
sealed class Aims(Wish wish)
{
    // A small change of formats changes a loss by far more than a time.
    readonly Aim _decode = new(wish.MaxDecodeSeconds ?? double.PositiveInfinity, 0.01);
    readonly Aim _prefill = new(wish.MaxPrefillSeconds ?? double.PositiveInfinity, 0.01);

    /// <summary>The floor of quality.</summary>
    internal Aim Loss { get; } = new(wish.LossLimit, 0.05);

    /// <summary>The limit on bytes alone, which needs no measuring.</summary>
    internal SearchLimits Size => new(double.PositiveInfinity, wish.MaxBytes ?? double.PositiveInfinity, double.PositiveInfinity, double.PositiveInfinity);

    /// <summary>All limits. Where the loss is made small anyway, none on it: if the least that there is breaks the floor, everything does.</summary>
    internal SearchLimits Limits => Size with
    {
        Loss = wish.Goal == Goal.Loss ? double.PositiveInfinity : Loss.Limit,
        DecodeSeconds = _decode.Limit,
        PrefillSeconds = _prefill.Limit,
    };

    /// <summary>Whether another search would gain nothing.</summary>
    internal bool AreSettled => (wish.Goal == Goal.Loss || Loss.IsSettled) && _decode.IsSettled && _prefill.IsSettled;

    internal void Learn(PromiseRound round)
    {
        Loss.Learn(round.Answer.Loss, round.Use(wish, Goal.Loss));
        _decode.Learn(round.Answer.Cost.DecodeSeconds, round.Use(wish, Goal.DecodeSeconds));
        _prefill.Learn(round.Answer.Cost.PrefillSeconds, round.Use(wish, Goal.PrefillSeconds));
    }
}

namespace OpenAutoGlm.Engine.Scheduling;

/// <summary>What the last step was and took.</summary>
/// <param name="Decoded">Sequences that wrote in it.</param>
/// <param name="Guesses">Guesses that were checked in it.</param>
/// <param name="Tokens">Tokens of all sequences.</param>
/// <param name="Seconds">How long it took.</param>
readonly record struct StepFacts(int Decoded, int Guesses, int Tokens, double Seconds);

/// <summary>
/// Decides how many tokens the next step may have, so that <see cref="LatencyTargets"/> hold.
/// </summary>
/// <remarks>
/// <para>Time per token is the time of a step in which somebody writes. After each such step
/// new = old × target / measured, bounded, and only a part of the way (no oscillation: where a step
/// costs a + b × tokens, the rule's slope at its fixed point lies between 0 and 1). A step that was smaller than allowed says
/// nothing about a larger one and raises nothing. Nor is a step planned that would take longer than the target by the times
/// of those before it, so that the first long prompt beside somebody who writes is cut as finely as the tenth. The aim lies below the target by a headroom that grows whenever
/// a step exceeds the target and shrinks a hundredth as much whenever none does: it settles where one step in a hundred exceeds.</para>
/// <para>Time to first token sets what prompts may have of a step beside those that write: new = old × measured / target,
/// within what the time per token leaves. Where the two contradict each other, time per token wins.</para>
/// </remarks>
sealed class StepBudget(LatencyTargets targets, EngineLimits limits)
{
    const double Part = 0.25; // of the way to the new value where that is larger; half of it where it is smaller
    const double PartDown = 0.5;
    const double Trust = 1.1; // how far learnt times may be exceeded, so that what was once slow is tried again
    const double HeadroomStep = 0.02;
    const double LeastAim = 0.7;
    const int LeastPrompt = 16; // tokens of prompts in a step, so that nobody starves

    readonly double? _perTokenSeconds = targets.TimePerToken?.TotalSeconds;
    readonly double? _firstTokenSeconds = targets.TimeToFirstToken?.TotalSeconds;
    readonly StepTimes _times = new();
    readonly int _leastPrompt = Math.Min(LeastPrompt, limits.MaxTokens);
    double _tokens = limits.MaxTokens;
    double _affordable = limits.MaxTokens;
    double _promptTokens = limits.MaxTokens;
    double _aim = 1;

    /// <summary>Learnt times of steps.</summary>
    internal StepTimes Times => _times;

    /// <summary>Tokens that a step may have while somebody writes.</summary>
    internal int Tokens => (int)Math.Min(_tokens, _affordable);

    /// <summary>Tokens of prompts that a step may have while somebody writes.</summary>
    internal int PromptTokens => (int)Math.Min(_promptTokens, Tokens);

    /// <summary>What prompts may have of a step in which so many sequences write.</summary>
    internal int PromptTokensBeside(int decoding)
    {
        if (decoding == 0)
        {
            return limits.MaxTokens;
        }

        double left = Math.Min(_promptTokens, Tokens - decoding);
        return (int)Math.Clamp(left, _leastPrompt, limits.MaxTokens);
    }

    /// <summary>Whether one more may run beside so many: not where writing for all of them alone would take longer than the target.</summary>
    internal bool AllowsOneMore(int running) =>
        running == 0 || _perTokenSeconds is not { } target || _times.Predict(running + 1) <= target * _aim;

    /// <summary>Learns from a step.</summary>
    internal void Stepped(in StepFacts step)
    {
        if (step.Guesses > 0 && step.Tokens == step.Decoded + step.Guesses)
        {
            _times.AddGuesses(step.Decoded, step.Guesses, step.Seconds);
        }

        _times.Add(step.Tokens, step.Seconds);
        if (_perTokenSeconds is not { } target)
        {
            return;
        }

        if (step.Decoded > 0)
        {
            _aim = Math.Clamp(_aim + (step.Seconds > target ? -HeadroomStep : HeadroomStep / 99), LeastAim, 1);
            double measured = Math.Max(step.Seconds, 1e-9);
            double ratio = Math.Clamp(target * _aim / measured, 0.25, 2);
            bool wasFull = step.Tokens >= 0.9 * Tokens;
            if (wasFull || ratio < 1)
            {
                double wanted = Math.Min(_tokens, step.Tokens) * ratio;
                _tokens = Math.Clamp(_tokens + ((wanted > _tokens ? Part : PartDown) * (wanted - _tokens)), 1, limits.MaxTokens);
            }
        }

        _affordable = Math.Max(1, Trust * Affordable(target * _aim));
    }

    /// <summary>The most tokens of a step that should take no longer than so many seconds.</summary>
    int Affordable(double seconds)
    {
        int least = 0;
        int most = limits.MaxTokens;
        while (least < most)
        {
            int middle = (least + most + 1) / 2;
            if (_times.Predict(middle) <= seconds)
            {
                least = middle;
            }
            else
            {
                most = middle - 1;
            }
        }

        return least;
    }

    /// <summary>Learns how long a sequence waited for its first token, or has waited so far.</summary>
    internal void Waited(double seconds)
    {
        if (_firstTokenSeconds is { } target)
        {
            double ratio = Math.Clamp(seconds / target, 0.5, 2);
            _promptTokens = Math.Clamp(_promptTokens * (1 + (Part * (ratio - 1))), _leastPrompt, limits.MaxTokens);
        }
    }
}

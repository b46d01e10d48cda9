using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Training.Data;

/// <summary>What becomes of an example that is longer than a sequence may be.</summary>
public enum LengthStrategy
{
    /// <summary>The end is cut off.</summary>
    TruncateEnd,

    /// <summary>The beginning is cut off: the last turn of a conversation stays.</summary>
    TruncateFront,

    /// <summary>The middle is cut out: instructions at the front and the answer at the end stay.</summary>
    TruncateMiddle,

    /// <summary>It is left out.</summary>
    Drop,
}

/// <summary>Applies a strategy.</summary>
public static class LengthStrategies
{
    /// <summary>The example with at most so many tokens to run; null where it is left out.</summary>
    public static TrainingExample? Fit(this LengthStrategy strategy, TrainingExample example, int mostRunTokens)
    {
        ArgumentNullException.ThrowIfNull(example);
        int most = mostRunTokens + 1;
        int surplus = example.Ids.Length - most;
        if (surplus <= 0)
        {
            return example;
        }

        int front = most / 2;
        return strategy switch
        {
            LengthStrategy.TruncateEnd => Cut(example, most, surplus),
            LengthStrategy.TruncateFront => Cut(example, 0, surplus),
            LengthStrategy.TruncateMiddle => Cut(example, front, surplus),
            _ => null,
        };
    }

    /// <summary>Without <paramref name="count"/> tokens from <paramref name="start"/> on; what follows the gap is not learnt from what stands before it.</summary>
    static TrainingExample Cut(TrainingExample example, int start, int count)
    {
        ImmutableArray<float> weights = example.Weights.RemoveRange(start, count);
        return new TrainingExample(example.Ids.RemoveRange(start, count), start > 0 && start < weights.Length ? weights.SetItem(start, 0) : weights);
    }
}

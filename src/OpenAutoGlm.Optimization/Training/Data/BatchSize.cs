namespace OpenAutoGlm.Optimization.Training.Data;

/// <summary>Batches and their accumulation: how many tokens at a time, so that memory holds them.</summary>
/// <param name="BatchTokens">Tokens that run at once.</param>
/// <param name="Accumulate">Batches that make one step.</param>
public readonly record struct BatchSize(int BatchTokens, int Accumulate)
{
    const int Grain = 64;

    /// <summary>
    /// The fewest batches of equal size that reach the tokens of a step within the memory: several small ones give the
    /// gradient of one large one.
    /// </summary>
    /// <param name="stepTokens">Tokens of a step.</param>
    /// <param name="sequenceTokens">Tokens of the longest sequence: the least that a batch must hold.</param>
    /// <param name="bytesOf">Memory that a batch of so many tokens takes; it grows with them.</param>
    /// <param name="budgetBytes">Memory that there is.</param>
    /// <exception cref="ArgumentException">Not even one sequence fits.</exception>
    public static BatchSize For(int stepTokens, int sequenceTokens, Func<int, long> bytesOf, long budgetBytes)
    {
        ArgumentNullException.ThrowIfNull(bytesOf);
        ArgumentOutOfRangeException.ThrowIfLessThan(stepTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(sequenceTokens, 1);
        for (int accumulate = 1; ; accumulate++)
        {
            int tokens = (stepTokens + accumulate - 1) / accumulate;
            tokens = Math.Max(sequenceTokens, (tokens + Grain - 1) / Grain * Grain);
            tokens = accumulate == 1 ? Math.Max(sequenceTokens, stepTokens) : tokens;
            if (bytesOf(tokens) <= budgetBytes)
            {
                return new BatchSize(tokens, accumulate);
            }

            if (tokens == sequenceTokens)
            {
                throw new ArgumentException(
                    $"A sequence of {sequenceTokens} tokens takes {bytesOf(sequenceTokens):N0} bytes to learn from, but {budgetBytes:N0} are there: shorter sequences or a smaller model would fit.");
            }
        }
    }
}

using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Training.Data;

/// <summary>One sequence to learn from.</summary>
/// <param name="Ids">Its tokens.</param>
/// <param name="Weights">What learning to write each token counts; the first one's is of no use, as nothing stands before it. 0 for prompts.</param>
public sealed record TrainingExample(ImmutableArray<int> Ids, ImmutableArray<float> Weights)
{
    /// <summary>Tokens that a model runs for it: all but the last, which only is to be foretold.</summary>
    public int RunTokens => Math.Max(0, Ids.Length - 1);

    /// <summary>Whether there is anything to learn.</summary>
    public bool Teaches => Weights.Length > 1 && Weights.AsSpan()[1..].ContainsAnyExcept(0f);

    /// <summary>A sequence of which every token counts.</summary>
    public static TrainingExample Of(params ReadOnlySpan<int> ids) => new([.. ids], [.. Enumerable.Repeat(1f, ids.Length)]);
}

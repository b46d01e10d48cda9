using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Training.Data;

/// <summary>
/// Puts examples behind one another into batches of at most so many tokens: each goes into the first batch that has room
/// (first fit). Tokens see only their own example, so packing changes no loss, only how much of a batch is used.
/// </summary>
static class BatchPacker
{
    /// <summary>The batches, in the order in which they were begun.</summary>
    /// <param name="examples">Each with at most <paramref name="batchTokens"/> tokens to run.</param>
    /// <param name="batchTokens">Most tokens of a batch.</param>
    public static List<TrainingBatch> Pack(IEnumerable<TrainingExample> examples, int batchTokens)
    {
        List<(List<TrainingExample> Examples, int Tokens)> open = [];
        foreach (TrainingExample example in examples)
        {
            int place = open.FindIndex(batch => batch.Tokens + example.RunTokens <= batchTokens);
            if (place < 0)
            {
                place = open.Count;
                open.Add(([], 0));
            }

            open[place].Examples.Add(example);
            open[place] = (open[place].Examples, open[place].Tokens + example.RunTokens);
        }

        return [.. open.Select(batch => Join(batch.Examples, batch.Tokens))];
    }

    static TrainingBatch Join(List<TrainingExample> examples, int tokens)
    {
        var ids = ImmutableArray.CreateBuilder<int>(tokens);
        var positions = ImmutableArray.CreateBuilder<int>(tokens);
        var segments = ImmutableArray.CreateBuilder<int>(tokens);
        var targets = ImmutableArray.CreateBuilder<int>(tokens);
        var weights = ImmutableArray.CreateBuilder<float>(tokens);
        for (int segment = 0; segment < examples.Count; segment++)
        {
            TrainingExample example = examples[segment];
            for (int i = 0; i < example.RunTokens; i++)
            {
                ids.Add(example.Ids[i]);
                positions.Add(i);
                segments.Add(segment);
                targets.Add(example.Ids[i + 1]);
                weights.Add(example.Weights[i + 1]);
            }
        }

        return new TrainingBatch(ids.MoveToImmutable(), positions.MoveToImmutable(), segments.MoveToImmutable(), targets.MoveToImmutable(), weights.MoveToImmutable());
    }
}

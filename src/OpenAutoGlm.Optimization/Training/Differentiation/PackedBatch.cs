using System.Runtime.InteropServices;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>A batch as the graph takes it: where each token's sequence begins, and the rows whose loss counts.</summary>
sealed class PackedBatch
{
    /// <summary>Checks a batch.</summary>
    /// <exception cref="ArgumentException">It is empty, too long, uneven, or a sequence's tokens do not stand together.</exception>
    internal PackedBatch(TrainingBatch batch, int maxTokens)
    {
        ArgumentNullException.ThrowIfNull(batch);
        int tokens = batch.Ids.Length;
        if (tokens == 0 || tokens > maxTokens)
        {
            throw new ArgumentException($"A batch has 1 to {maxTokens} tokens, not {tokens}.", nameof(batch));
        }

        if (batch.Positions.Length != tokens || batch.Segments.Length != tokens || batch.Targets.Length != tokens || batch.Weights.Length != tokens)
        {
            throw new ArgumentException(
                $"All arrays of a batch have one element a token: ids {tokens}, positions {batch.Positions.Length}, segments {batch.Segments.Length}, targets {batch.Targets.Length}, weights {batch.Weights.Length}.",
                nameof(batch));
        }

        Ids = ImmutableCollectionsMarshal.AsArray(batch.Ids)!;
        Positions = ImmutableCollectionsMarshal.AsArray(batch.Positions)!;
        Starts = new int[tokens];
        HashSet<int> seen = [batch.Segments[0]];
        for (int i = 1; i < tokens; i++)
        {
            bool same = batch.Segments[i] == batch.Segments[i - 1];
            if (!same && !seen.Add(batch.Segments[i]))
            {
                throw new ArgumentException($"The tokens of segment {batch.Segments[i]} do not stand together: token {i} comes back to it.", nameof(batch));
            }

            Starts[i] = same ? Starts[i - 1] : i;
        }

        Rows = [.. Enumerable.Range(0, tokens).Where(i => batch.Weights[i] != 0)];
        Targets = [.. Rows.Select(row => batch.Targets[row])];
        Weights = [.. Rows.Select(row => batch.Weights[row])];
    }

    internal int[] Ids { get; }

    internal int[] Positions { get; }

    /// <summary>The row in which each token's sequence begins.</summary>
    internal int[] Starts { get; }

    /// <summary>The tokens whose loss counts.</summary>
    internal int[] Rows { get; }

    /// <summary>What should follow each of them.</summary>
    internal int[] Targets { get; }

    /// <summary>What each of them counts.</summary>
    internal float[] Weights { get; }

    /// <summary>Refuses ids that the model does not have.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id or target lies outside the vocabulary.</exception>
    internal void CheckIds(int vocab)
    {
        foreach (int id in Ids.Concat(Targets))
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)id, (uint)vocab, nameof(id));
        }
    }
}

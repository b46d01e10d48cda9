namespace OpenAutoGlm.Optimization.Training.Data;

/// <summary>
/// A running text, cut into windows one behind another. In every epoch the cuts are elsewhere, so that a token is not
/// always the first of its window; what is left over at both ends is not read in that epoch.
/// </summary>
public sealed class TextExamples : IExampleSource
{
    readonly int[] _ids;
    readonly int _windowTokens;
    readonly ulong _seed;

    /// <summary>Cuts a text.</summary>
    /// <param name="identity">What tells the text from another.</param>
    /// <param name="ids">Its tokens.</param>
    /// <param name="windowTokens">Tokens that a model runs for a window; the one that follows is foretold.</param>
    /// <param name="seed">Where the cuts of later epochs come from.</param>
    /// <exception cref="ArgumentException">The text has fewer than two tokens.</exception>
    public TextExamples(string identity, int[] ids, int windowTokens, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentOutOfRangeException.ThrowIfLessThan(windowTokens, 1);
        if (ids.Length < 2)
        {
            throw new ArgumentException($"{identity}: the text has {ids.Length} tokens; there is nothing to foretell in fewer than two.", nameof(ids));
        }

        (_ids, _windowTokens, _seed, Identity) = (ids, Math.Min(windowTokens, ids.Length - 1), seed, identity);
        int windows = (ids.Length - 1) / _windowTokens;
        Count = windows > 1 ? windows - 1 : 1;
    }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public string Identity { get; }

    /// <summary>Tokens of the text.</summary>
    public int TokenCount => _ids.Length;

    /// <inheritdoc/>
    public TrainingExample Read(int index, int epoch)
    {
        int spare = _ids.Length - 1 - (Count * _windowTokens);
        int start = (index * _windowTokens) + new Draws(_seed, epoch).Below(spare + 1);
        return TrainingExample.Of(_ids.AsSpan(start, _windowTokens + 1));
    }
}

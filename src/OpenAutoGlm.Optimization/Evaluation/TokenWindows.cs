using System.Collections.Immutable;
using System.Runtime.InteropServices;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Optimization.Evaluation;

/// <summary>
/// A text cut into windows of equal length that a model reads each for itself, in order and without overlap. Every window of a
/// text begins with the marks that the model wants before a text (BOS, GLM's [gMASK]&lt;sop&gt;), which are read and not scored.
/// What is left over at the end, shorter than a window, is not used.
/// </summary>
public sealed class TokenWindows
{
    TokenWindows(ImmutableArray<ImmutableArray<int>> windows, int markTokens) => (Windows, MarkTokens) = (windows, markTokens);

    /// <summary>The windows: token ids, all of them <see cref="WindowTokens"/> long.</summary>
    public ImmutableArray<ImmutableArray<int>> Windows { get; }

    /// <summary>Tokens at the start of every window that are marks and no text.</summary>
    public int MarkTokens { get; }

    /// <summary>Tokens in a window, marks included.</summary>
    public int WindowTokens => Windows[0].Length;

    /// <summary>Tokens in all windows, marks included.</summary>
    public int TokenCount => Windows.Length * WindowTokens;

    /// <summary>The first token of a window that is predicted from the ones before it; the last is <see cref="WindowTokens"/> − 1.</summary>
    public int FirstScored => Math.Max(1, MarkTokens);

    /// <summary>Predictions that are scored in a window.</summary>
    public int ScoredPerWindow => WindowTokens - FirstScored;

    /// <summary>Predictions that are scored in all windows.</summary>
    public int Scored => Windows.Length * ScoredPerWindow;

    /// <summary>Tells these windows from others, by length and content.</summary>
    public ulong Identity => Windows.Aggregate(
        (ulong)MarkTokens,
        (sum, window) => ContentSum.Of(MemoryMarshal.AsBytes(window.AsSpan()), sum));

    /// <summary>The windows of a text.</summary>
    /// <param name="tokenizer">The model's; control tokens that the text spells out stay text.</param>
    /// <param name="text">Any text.</param>
    /// <param name="windowTokens">Tokens in a window, marks included; room for marks and two more at least.</param>
    /// <param name="most">At most so many windows, the first ones; null for all.</param>
    /// <exception cref="EvaluationException">The text is empty or does not fill one window; the message says what was found and what is needed.</exception>
    public static TokenWindows Of(Tokenizer tokenizer, string text, int windowTokens, int? most = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (string.IsNullOrWhiteSpace(text))
        {
            throw new EvaluationException("The text is empty: give one with words in it.");
        }

        return Cut(MarksOf(tokenizer), tokenizer.Encode(text, addSpecials: false), windowTokens, most);
    }

    /// <summary>The windows of token ids, without marks.</summary>
    /// <inheritdoc cref="Of(Tokenizer, string, int, int?)"/>
    public static TokenWindows Of(ReadOnlySpan<int> ids, int windowTokens, int? most = null) => Cut([], ids, windowTokens, most);

    /// <summary>The first windows and the others: to choose with the ones and to check with the others.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One of the parts would be empty.</exception>
    public (TokenWindows First, TokenWindows Others) Split(int count) => count > 0 && count < Windows.Length
        ? (new TokenWindows(Windows[..count], MarkTokens), new TokenWindows(Windows[count..], MarkTokens))
        : throw new ArgumentOutOfRangeException(nameof(count), count, $"{Windows.Length} windows are split into two parts with 1 to {Windows.Length - 1} in the first.");

    /// <summary>What the model wants before a text.</summary>
    internal static int[] MarksOf(Tokenizer tokenizer)
    {
        const string Any = "a";
        int[] whole = tokenizer.Encode(Any);
        return whole[..Math.Max(0, whole.AsSpan().IndexOf(tokenizer.Encode(Any, addSpecials: false)))];
    }

    internal static TokenWindows Cut(ReadOnlySpan<int> marks, ReadOnlySpan<int> ids, int windowTokens, int? most)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(windowTokens, marks.Length + 2);
        if (most is { } limit)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1, nameof(most));
        }

        int step = windowTokens - marks.Length;
        int count = Math.Min(ids.Length / step, most ?? int.MaxValue);
        if (count == 0)
        {
            throw new EvaluationException(
                $"The text has {ids.Length} tokens, but one window needs {step}{(marks.IsEmpty ? "" : $" besides {marks.Length} of marks")}: give a longer text or ask for shorter windows.");
        }

        ImmutableArray<int>[] windows = new ImmutableArray<int>[count];
        for (int i = 0; i < count; i++)
        {
            windows[i] = [.. marks, .. ids.Slice(i * step, step)];
        }

        return new TokenWindows([.. windows], marks.Length);
    }
}

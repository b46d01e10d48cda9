using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>One way to prune a model: what it saves, what it costs before any recovery training, and whether to.</summary>
/// <param name="Name">The way, in a few words: "2 of 28 layers".</param>
/// <param name="Command">The flags of <c>autoglm prune</c> that do it; null where no file would be another.</param>
/// <param name="Before">What the model takes now, at least.</param>
/// <param name="After">What it would take, at least.</param>
/// <param name="Harm">Mean KL(original ‖ pruned) in nats a token.</param>
/// <param name="IsMeasured">Whether <paramref name="Harm"/> was measured on text; otherwise it is predicted from what the units contribute.</param>
/// <param name="Perplexity">Perplexity before and after, where it was measured.</param>
/// <param name="Verdict">The advice, in a sentence or two.</param>
public sealed record PruningOption(
    string Name, string? Command, ModelTimes Before, ModelTimes After, double Harm, bool IsMeasured, (double Before, double After)? Perplexity, string Verdict)
{
    /// <summary>Share of the weights' bytes that is saved.</summary>
    public double BytesSaved => 1 - ((double)After.WeightBytes / Before.WeightBytes);

    /// <summary>How many times as fast a token is decoded, by the bytes and operations that are left.</summary>
    public double DecodeGain => Before.DecodeSeconds / After.DecodeSeconds;

    /// <summary>How many times as fast a prompt is read.</summary>
    public double PrefillGain => Before.PrefillSeconds / After.PrefillSeconds;
}

/// <summary>Advice on pruning a model, as data and in words.</summary>
/// <param name="Options">The ways that were looked at, the least harmful first.</param>
/// <param name="Notes">What holds for all.</param>
public sealed record PruningAdvice(ImmutableArray<PruningOption> Options, ImmutableArray<string> Notes)
{
    /// <inheritdoc/>
    public override string ToString()
    {
        StringBuilder page = new();
        foreach (PruningOption option in Options)
        {
            string perplexity = option.Perplexity is var (before, after) ? string.Create(CultureInfo.InvariantCulture, $", perplexity {before:0.00} → {after:0.00}") : "";
            page.Append(CultureInfo.InvariantCulture, $"{option.Name}: {option.BytesSaved:0.#%} smaller, decoding ×{option.DecodeGain:0.00}, prefill ×{option.PrefillGain:0.00}; ")
                .Append(CultureInfo.InvariantCulture, $"harm {option.Harm:0.0000} nats a token {(option.IsMeasured ? "(measured)" : "(predicted)")}{perplexity}. {option.Verdict}\n");
        }

        foreach (string note in Notes)
        {
            page.Append(note).Append('\n');
        }

        return page.ToString();
    }
}

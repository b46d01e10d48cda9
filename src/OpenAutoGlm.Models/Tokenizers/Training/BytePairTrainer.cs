using System.Collections.Immutable;
using OpenAutoGlm.Models.Tokenizers.PreTokenizers;

namespace OpenAutoGlm.Models.Tokenizers.Training;

/// <summary>
/// Learns a byte-level vocabulary: the pair of neighbouring symbols that is seen most often becomes one symbol, again and
/// again; of pairs seen equally often, the one with the lower ids. The same texts give the same vocabulary, in any order
/// and with any number of threads. Source: Sennrich et al. 2016, algorithm 1; over bytes: Radford et al. 2019, §2.2.
/// </summary>
public static class BytePairTrainer
{
    /// <summary>Learns from texts.</summary>
    /// <param name="texts">The texts; special tokens in them are nothing special.</param>
    /// <param name="options">What the vocabulary is to be like.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="ArgumentException">The options contradict themselves.</exception>
    public static TrainedVocabulary Train(IEnumerable<string> texts, BytePairTrainingOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        PieceCounter counter = new(PreTokenizerCatalog.Named("options", "pre-tokenizer", options.PreTokenizer));
        Dictionary<string, long> pieces = counter.Count(texts, cancellation);
        return new TrainedVocabulary(options, Merges(pieces, options.VocabularySize - options.Controls.Length - options.AlwaysWhole.Length, options.MinimumCount, cancellation));
    }

    /// <summary>The merges that give at most so many different symbols, bytes included.</summary>
    internal static ImmutableArray<(string Left, string Right)> Merges(Dictionary<string, long> pieces, int symbols, int minimumCount, CancellationToken cancellation = default)
    {
        PairTable pairs = new(pieces);
        var merges = ImmutableArray.CreateBuilder<(string, string)>();
        HashSet<(int, int)> known = [];
        while (pairs.SymbolCount < symbols && pairs.TryTakeBest(minimumCount, out int left, out int right))
        {
            cancellation.ThrowIfCancellationRequested();

            // A symbol that comes about in another way may stand beside the same neighbour again: the merge is there already.
            if (known.Add((left, right)))
            {
                merges.Add((pairs.Text(left), pairs.Text(right)));
            }

            pairs.Merge(left, right);
        }

        return merges.ToImmutable();
    }
}

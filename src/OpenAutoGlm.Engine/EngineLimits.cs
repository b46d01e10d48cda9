using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Engine;

/// <summary>What <see cref="EngineOptions"/> come to for one model on one machine: only numbers, all known at the start.</summary>
/// <param name="Vocab">Token ids are 0 … Vocab − 1.</param>
/// <param name="ContextLength">Longest sequence in tokens.</param>
/// <param name="BlockTokens">Tokens in a block.</param>
/// <param name="BlockCount">Blocks of key and value memory.</param>
/// <param name="MaxSequences">Sequences in a batch.</param>
/// <param name="MaxTokens">Tokens in a batch.</param>
sealed record EngineLimits(int Vocab, int ContextLength, int BlockTokens, int BlockCount, int MaxSequences, int MaxTokens)
{
    /// <summary>Rows of logits in a batch beyond one for each sequence: for guesses that are checked, and for who wants all of theirs.</summary>
    internal int MaxExtraLogits => Math.Min(32, MaxTokens);

    /// <summary>Rows of logits in a batch: one for each sequence that samples, and those others.</summary>
    internal int MaxOutputs => Math.Min(MaxTokens, MaxSequences + MaxExtraLogits);

    /// <summary>How many positions back every layer sees at most, its own included; 0 where one sees all.</summary>
    internal int Window { get; init; }

    /// <summary>Width of the model's hidden states; 0 where there is no model.</summary>
    internal int Hidden { get; init; }

    /// <summary>Blocks of the longest sequence that can run.</summary>
    internal int MaxBlocksPerSequence => (int)Math.Min(BlockCount, ((long)ContextLength + BlockTokens - 1) / BlockTokens);

    /// <summary>The longest sequence that the memory holds; its last token needs no place, for nothing comes after it.</summary>
    internal long MemoryTokens => ((long)BlockCount * BlockTokens) + 1;

    /// <summary>The <see cref="Window"/> of a graph.</summary>
    internal static int WindowOf(ModelGraph graph)
    {
        int[] windows = [.. graph.Nodes.Select(node => node.Op).OfType<PagedAttention>().Select(attention => attention.Window)];
        return windows.Length == 0 || windows.Min() <= 0 ? 0 : windows.Max();
    }

    /// <summary>Works the limits out.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The context is longer than the model's, or the memory holds no block.</exception>
    internal static EngineLimits Of(EngineOptions options, int vocab, int modelContext, long bytesPerToken)
    {
        options.Validate();
        if (options.ContextLength > modelContext)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options.ContextLength), options.ContextLength, $"The model was made for at most {modelContext} tokens.");
        }

        int wanted = options.ContextLength ?? modelContext;
        long blockBytes = checked(bytesPerToken * options.BlockTokens);
        long sequenceBytes = checked((((long)wanted + options.BlockTokens - 1) / options.BlockTokens) * blockBytes);
        long budgetBytes = options.KvMemoryBytes ?? KvBudget.Default(sequenceBytes, options.MaxSequences);

        // A state is addressed by 32-bit slots. More blocks than all sequences can fill are of use to who keeps what was computed, if somebody asked for them.
        bool keepsMore = options.PrefixCache.Enabled && options.KvMemoryBytes is not null;
        long useful = keepsMore ? int.MaxValue : checked(sequenceBytes / blockBytes * options.MaxSequences);
        int blocks = (int)Math.Min(Math.Min(budgetBytes / blockBytes, useful), int.MaxValue / options.BlockTokens);
        if (blocks < 1)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options.KvMemoryBytes), budgetBytes, $"One block of {options.BlockTokens} tokens takes {blockBytes:N0} bytes of key and value memory.");
        }

        int context = options.ContextLength ?? (int)Math.Min(modelContext, (long)blocks * options.BlockTokens);
        return new EngineLimits(vocab, context, options.BlockTokens, blocks, options.MaxSequences, options.MaxTokensPerStep);
    }
}

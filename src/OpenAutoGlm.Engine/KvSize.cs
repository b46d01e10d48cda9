using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Engine;

/// <summary>What keys and values of a model take, known before an engine is made.</summary>
/// <param name="Bytes">Bytes of key and value memory.</param>
/// <param name="ContextLength">Longest sequence in tokens.</param>
public readonly record struct KvSize(long Bytes, int ContextLength)
{
    /// <summary>
    /// What the machine and the control group still have to give, in bytes, the page cache counted as free. Engines that are not told
    /// otherwise take half of it for keys and values at most.
    /// </summary>
    public static long AvailableMemory => KvBudget.AvailableBytes("/");

    /// <summary>What an <see cref="InferenceEngine"/> of these options would reserve if it were made now.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range, or its memory holds no block.</exception>
    public static KvSize Of(ModelConfig config, EngineOptions options)
    {
        long tokenBytes = Math.Max(1, config.KvBytesPerToken(options.KvFormat));
        EngineLimits limits = EngineLimits.Of(options, Math.Min(config.Vocab, options.VocabularySize ?? config.Vocab), config.ContextLength, tokenBytes);
        return new KvSize(limits.BlockCount * limits.BlockTokens * tokenBytes, limits.ContextLength);
    }
}

using System.Collections.Frozen;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// What a <see cref="TensorFormat"/> means: how many elements a block holds, how many bytes it takes, and how to get
/// from one to the other. A plain format such as F32 is a format with one element in a block.
/// </summary>
public abstract class BlockFormat
{
    static readonly FrozenDictionary<TensorFormat, BlockFormat> ByFormat =
        new BlockFormat[] { new F32Format(), new I32Format() }.ToFrozenDictionary(format => format.Format);

    /// <summary>The name by which graphs and files know the format.</summary>
    public abstract TensorFormat Format { get; }

    /// <summary>Elements in one block; a row is always a whole number of blocks.</summary>
    public abstract int BlockElements { get; }

    /// <summary>Bytes of one block.</summary>
    public abstract int BlockBytes { get; }

    /// <summary>Bits that one element costs, scales included.</summary>
    public double BitsPerElement => BlockBytes * 8.0 / BlockElements;

    /// <summary>Whether <see cref="Quantize"/> is implemented.</summary>
    public virtual bool CanQuantize => false;

    /// <summary>The definition of a format.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value names no format.</exception>
    public static BlockFormat Of(TensorFormat format) => ByFormat.TryGetValue(format, out BlockFormat? found)
        ? found
        : throw new ArgumentOutOfRangeException(nameof(format), format, "This format has no definition.");

    /// <summary>Bytes of a row of <paramref name="elements"/> elements.</summary>
    /// <exception cref="ArgumentException">The row is not a whole number of blocks.</exception>
    public long RowBytes(long elements) => elements % BlockElements == 0
        ? elements / BlockElements * BlockBytes
        : throw new ArgumentException($"A row of {elements} elements is no multiple of the {BlockElements} elements in a {Format} block.", nameof(elements));

    /// <summary>Reads whole blocks: blocks holds values.Length / BlockElements blocks.</summary>
    public abstract void Dequantize(ReadOnlySpan<byte> blocks, Span<float> values);

    /// <summary>
    /// Writes whole blocks, searching the scales that minimise the squared error weighted by
    /// <paramref name="importance"/> (empty: the format's own default weighting).
    /// </summary>
    /// <exception cref="NotSupportedException">The format can only be read.</exception>
    public virtual void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        throw new NotSupportedException($"{Format} can be read but not written.");
}

using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// What a <see cref="TensorFormat"/> means: how many elements a block holds, how many bytes it takes, and how to get
/// from one to the other. A plain format such as F32 is a format with one element in a block. Blocks do not depend on
/// each other, so any range of whole blocks can be read or written on any thread.
/// </summary>
public abstract class BlockFormat
{
    private protected BlockFormat()
    {
    }

    /// <summary>Every format there is, from the plain ones to the most packed.</summary>
    public static ImmutableArray<BlockFormat> All { get; } =
    [
        new F32Format(), new F16Format(), new BF16Format(),
        new Q8_0Format(), new Q6_KFormat(), new Q5_KFormat(), new Q5_1Format(), new Q5_0Format(),
        new Q4_KFormat(), new Q4_1Format(), new Q4_0Format(), new IQ4_NLFormat(), new IQ4_XSFormat(), new MXFP4Format(),
        new Q3_KFormat(), new Q2_KFormat(),
        new I32Format(),
    ];

    // Below All, because initialisers run from top to bottom.
    static readonly FrozenDictionary<TensorFormat, BlockFormat> ByFormat = All.ToFrozenDictionary(format => format.Format);

    static readonly FrozenDictionary<string, BlockFormat> ByName =
        All.ToFrozenDictionary(format => format.Format.ToString(), StringComparer.OrdinalIgnoreCase);

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

    /// <summary>Finds a format by its public name, such as <c>Q4_K</c>, in upper or lower case.</summary>
    public static bool TryParse([NotNullWhen(true)] string? name, [NotNullWhen(true)] out BlockFormat? format)
    {
        format = null;
        return name is not null && ByName.TryGetValue(name, out format);
    }

    /// <summary>
    /// The format itself if its blocks divide the row, else what stands in for it, which keeps at least its accuracy: of the
    /// formats with blocks of 256 the next better one with blocks of 32 (Q4_K → Q5_0, Q5_K → Q5_1, Q6_K → Q8_0, all with fewer
    /// bits → IQ4_NL), and F16 where 32 does not divide the row either. llama.cpp's quantiser falls back in the same way.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value names no format.</exception>
    public static TensorFormat Fitting(TensorFormat format, int rowLength)
    {
        while (rowLength % Of(format).BlockElements != 0)
        {
            format = format switch
            {
                TensorFormat.Q2_K or TensorFormat.Q3_K or TensorFormat.IQ4_XS => TensorFormat.IQ4_NL,
                TensorFormat.Q4_K => TensorFormat.Q5_0,
                TensorFormat.Q5_K => TensorFormat.Q5_1,
                TensorFormat.Q6_K => TensorFormat.Q8_0,
                _ => TensorFormat.F16,
            };
        }

        return format;
    }

    /// <summary>Bytes of a row of <paramref name="elements"/> elements.</summary>
    /// <exception cref="ArgumentException">The row is not a whole number of blocks.</exception>
    public long RowBytes(long elements) => elements % BlockElements == 0
        ? elements / BlockElements * BlockBytes
        : throw new ArgumentException($"A row of {elements} elements is no multiple of the {BlockElements} elements in a {Format} block.", nameof(elements));

    /// <summary>Reads whole blocks: <paramref name="blocks"/> holds exactly the blocks of <paramref name="values"/>.</summary>
    /// <exception cref="ArgumentException">The lengths do not belong together.</exception>
    public void Dequantize(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        CheckLengths(blocks.Length, values.Length);
        Read(blocks, values);
    }

    /// <summary>
    /// Writes whole blocks, searching the scales that minimise the squared error weighted by
    /// <paramref name="importance"/> on top of the default weighting, x² + 2 · mean(x²) over the block. The plain formats
    /// and Q8_0, which only round, take no notice of importance. Equal arguments give equal bytes on every machine.
    /// </summary>
    /// <param name="values">The values, a whole number of blocks.</param>
    /// <param name="importance">Empty, or a finite factor ≥ 0 for every value: how much its squared error counts, relative to the others in the block.</param>
    /// <param name="blocks">Receives exactly the blocks of <paramref name="values"/>.</param>
    /// <exception cref="NotSupportedException">The format can only be read.</exception>
    /// <exception cref="ArgumentException">
    /// The lengths do not belong together, or a value or factor is one that the format cannot hold; the message names
    /// its index.
    /// </exception>
    public void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        if (!CanQuantize)
        {
            throw new NotSupportedException($"{Format} can be read but not written.");
        }

        CheckLengths(blocks.Length, values.Length);
        if (!importance.IsEmpty && importance.Length != values.Length)
        {
            throw new ArgumentException($"There are {importance.Length} importance factors for {values.Length} values.", nameof(importance));
        }

        Write(values, importance, blocks);
    }

    /// <summary>Reads blocks whose lengths have been checked.</summary>
    private protected abstract void Read(ReadOnlySpan<byte> blocks, Span<float> values);

    /// <summary>Writes blocks whose lengths have been checked; called only where <see cref="CanQuantize"/> holds.</summary>
    private protected virtual void Write(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        throw new NotSupportedException();

    private protected void CheckLengths(int blockBytes, int elements)
    {
        long expected = RowBytes(elements);
        if (blockBytes != expected)
        {
            throw new ArgumentException($"{elements} {Format} elements take {expected} bytes, not {blockBytes}.");
        }
    }
}

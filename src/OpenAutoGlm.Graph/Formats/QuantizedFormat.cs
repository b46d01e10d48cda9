using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// A format of small integers and scales. Whatever the packing, every such format comes apart into the same three
/// things, which is all that a kernel has to know: integer codes that fit int8, one float32 scale for every group of 16
/// or 32 codes, and in some formats one float32 minimum for every group.
/// <code>
/// value = scale · code               where HasMinimum is false
/// value = scale · code + minimum     where HasMinimum is true
/// </code>
/// This holds bit for bit against <see cref="BlockFormat.Dequantize"/>. Where there is a minimum, the product is exact
/// in float32 (at most 11 + 6 + 5 significant bits), so it does not matter whether the addition is fused; where there
/// is none, the product is rounded once. Scales and minimums are products of at most 11 and 8 bits and exact.
/// </summary>
public abstract class QuantizedFormat : BlockFormat
{
    private protected QuantizedFormat()
    {
    }

    /// <summary>How many codes share a scale: 16 or 32.</summary>
    public abstract int GroupElements { get; }

    /// <summary>Groups in one block.</summary>
    public int BlockGroups => BlockElements / GroupElements;

    /// <summary>Whether a group has a minimum that is added to every element.</summary>
    public abstract bool HasMinimum { get; }

    /// <summary>The least code that <see cref="Unpack"/> gives, whatever the bytes are.</summary>
    public abstract sbyte LeastCode { get; }

    /// <summary>The greatest code that <see cref="Unpack"/> gives, whatever the bytes are.</summary>
    public abstract sbyte GreatestCode { get; }

    /// <summary>Takes whole blocks apart; elements and groups stay in the order of the row.</summary>
    /// <param name="blocks">The blocks of codes.Length elements.</param>
    /// <param name="codes">One code for every element.</param>
    /// <param name="scales">One scale for every group; any float32, NaN and infinities included, if the file says so.</param>
    /// <param name="minimums">One minimum for every group; left alone, and best empty, where <see cref="HasMinimum"/> is false.</param>
    /// <exception cref="ArgumentException">The lengths do not belong together.</exception>
    public void Unpack(ReadOnlySpan<byte> blocks, Span<sbyte> codes, Span<float> scales, Span<float> minimums)
    {
        CheckLengths(blocks.Length, codes.Length);
        int groups = codes.Length / GroupElements;
        if (scales.Length != groups || (HasMinimum && minimums.Length != groups))
        {
            throw new ArgumentException($"{codes.Length} {Format} elements have {groups} groups, but there is room for {scales.Length} scales and {minimums.Length} minimums.");
        }

        int blockElements = BlockElements, blockBytes = BlockBytes, blockGroups = BlockGroups;
        for (int block = 0; block < codes.Length / blockElements; block++)
        {
            UnpackBlock(
                blocks.Slice(block * blockBytes, blockBytes),
                codes.Slice(block * blockElements, blockElements),
                scales.Slice(block * blockGroups, blockGroups),
                HasMinimum ? minimums.Slice(block * blockGroups, blockGroups) : default);
        }
    }

    /// <summary>
    /// The code nearest to a value in units of the scale, (x − minimum) ÷ scale: what <see cref="Recode"/> takes. Of two
    /// that are as near it is the one that <see cref="BlockFormat.Quantize"/> takes; NaN gives any.
    /// </summary>
    public virtual sbyte NearestCode(float value) => (sbyte)MathF.Round(Math.Clamp(value, LeastCode, GreatestCode));

    /// <summary>
    /// Writes other codes into blocks whose scales and minimums stay as they are: with <see cref="Unpack"/> a way to choose the codes
    /// for scales that were found before.
    /// </summary>
    /// <param name="codes">One code for every element, each one that <see cref="NearestCode"/> can give.</param>
    /// <param name="blocks">Blocks that have been written.</param>
    /// <exception cref="NotSupportedException">The format can only be read.</exception>
    /// <exception cref="ArgumentException">The lengths do not belong together.</exception>
    public void Recode(ReadOnlySpan<sbyte> codes, Span<byte> blocks)
    {
        CheckLengths(blocks.Length, codes.Length);
        for (int block = 0; block < codes.Length / BlockElements; block++)
        {
            WriteCodes(codes.Slice(block * BlockElements, BlockElements), blocks.Slice(block * BlockBytes, BlockBytes));
        }
    }

    /// <summary>Writes the codes of one block, and nothing else of it.</summary>
    private protected virtual void WriteCodes(ReadOnlySpan<sbyte> codes, Span<byte> block) => throw new NotSupportedException($"{Format} can be read but not written.");

    /// <summary>Takes one block apart; the spans have exactly its lengths.</summary>
    private protected abstract void UnpackBlock(ReadOnlySpan<byte> block, Span<sbyte> codes, Span<float> scales, Span<float> minimums);

    /// <summary>Searches and packs one block; called only where <see cref="BlockFormat.CanQuantize"/> holds.</summary>
    /// <param name="values">The values of the block, none of them between 0 and 2⁻²⁵ in magnitude.</param>
    /// <param name="weights">What their squared errors count, see <see cref="ErrorWeights"/>.</param>
    /// <param name="block">The bytes of the block.</param>
    private protected virtual void PackBlock(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Span<byte> block) =>
        throw new NotSupportedException();

    [SkipLocalsInit]
    private protected sealed override void Write(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        ErrorWeights.CheckValues(values, Format);
        ErrorWeights.CheckImportance(importance);
        int blockElements = BlockElements, blockBytes = BlockBytes;
        Span<float> cleaned = stackalloc float[blockElements];
        Span<float> weights = stackalloc float[blockElements];
        for (int block = 0; block < values.Length / blockElements; block++)
        {
            int start = block * blockElements;
            ErrorWeights.Clean(values.Slice(start, blockElements), cleaned);
            ErrorWeights.Fill(cleaned, importance.IsEmpty ? default : importance.Slice(start, blockElements), weights);
            PackBlock(cleaned, weights, blocks.Slice(block * blockBytes, blockBytes));
        }
    }

    [SkipLocalsInit]
    private protected sealed override void Read(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        int blockElements = BlockElements, blockBytes = BlockBytes, blockGroups = BlockGroups;
        Span<sbyte> codes = stackalloc sbyte[blockElements];
        Span<float> scales = stackalloc float[blockGroups];
        Span<float> minimums = stackalloc float[blockGroups];
        if (!HasMinimum)
        {
            minimums = default;
        }

        for (int block = 0; block < values.Length / blockElements; block++)
        {
            UnpackBlock(blocks.Slice(block * blockBytes, blockBytes), codes, scales, minimums);
            Multiply(codes, scales, minimums, values.Slice(block * blockElements, blockElements));
        }
    }

    /// <summary>32 elements at a time, which have one scale or, in groups of 16, two.</summary>
    static void Multiply(ReadOnlySpan<sbyte> codes, ReadOnlySpan<float> scales, ReadOnlySpan<float> minimums, Span<float> values)
    {
        int groupElements = codes.Length / scales.Length;
        for (int i = 0; i < codes.Length; i += 32)
        {
            int first = i / groupElements;
            int second = (i + 16) / groupElements;
            (Vector256<short> lower, Vector256<short> upper) = Vector256.Widen(Vector256.Create(codes.Slice(i, 32)));
            Span<float> part = values.Slice(i, 32);
            if (minimums.IsEmpty)
            {
                // Adding −0 changes nothing, not even the sign of a zero.
                Multiply(lower, scales[first], -0f, part[..16]);
                Multiply(upper, scales[second], -0f, part[16..]);
            }
            else
            {
                Multiply(lower, scales[first], minimums[first], part[..16]);
                Multiply(upper, scales[second], minimums[second], part[16..]);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Multiply(Vector256<short> codes, float scale, float minimum, Span<float> values)
    {
        (Vector256<int> lower, Vector256<int> upper) = Vector256.Widen(codes);
        ((Vector256.ConvertToSingle(lower) * Vector256.Create(scale)) + Vector256.Create(minimum)).CopyTo(values);
        ((Vector256.ConvertToSingle(upper) * Vector256.Create(scale)) + Vector256.Create(minimum)).CopyTo(values[8..]);
    }
}

using System.Collections.Immutable;
using System.Runtime.InteropServices;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops;

/// <summary>The two halves of KV memory, which are laid out for the way in which each is read.</summary>
public enum KvPart
{
    /// <summary>Read across tokens: a score sums over the elements of a head.</summary>
    Keys,

    /// <summary>Read across the elements of a head: an answer sums over tokens.</summary>
    Values,
}

/// <summary>
/// Where keys and values lie. The memory is [blocks, kvHeads, blockTokens, headDim] elements; a plane, one block of one
/// head, is a row of groups of <see cref="GroupTokens"/> tokens, and inside a group the elements are arranged for
/// vectors: lanes are tokens in keys and elements of the head in values, and what one BF16 dot product takes lies side by
/// side.
/// <code>
///           keys                               values
/// F32, F16  [headDim][16]                      [16][headDim]
/// BF16      [headDim/2][16][2]                 [8][headDim][2]
/// Q8_0      codes as BF16, then scales [headDim/32][16] F16, in both
/// </code>
/// A Q8_0 element is code · scale; a token has one scale for every 32 elements of a head, because keys have channels
/// that are many times larger than the rest, and a scale for the whole head would round the others away.
/// </summary>
public static class KvLayout
{
    /// <summary>Tokens in a group; blocks are a whole number of groups.</summary>
    public const int GroupTokens = 16;

    const int ScaledElements = 32;

    // Below it a number is denormal; dot products of BF16 take those for 0, so they are not stored.
    const float SmallestNormal = 1.17549435e-38f;

    /// <summary>What keys and values can be stored in.</summary>
    public static ImmutableArray<TensorFormat> Formats { get; } = [TensorFormat.F32, TensorFormat.F16, TensorFormat.BF16, TensorFormat.Q8_0];

    /// <summary>The type of a state that holds keys or values: [blocks, kvHeads, blockTokens, headDim].</summary>
    /// <exception cref="ArgumentException">The sizes or the format do not fit; the message says what would.</exception>
    public static TensorType StateType(TensorFormat format, int kvHeads, int blockTokens, int headDim) =>
        Refusal(format, blockTokens, headDim) is { } refusal
            ? throw new ArgumentException(refusal)
            : new TensorType(new Shape(Dim.KvBlocks, kvHeads, blockTokens, headDim), format);

    /// <summary>Bytes that one token takes in one state.</summary>
    public static long BytesPerToken(TensorFormat format, int kvHeads, int headDim) => kvHeads * BlockFormat.Of(format).RowBytes(headDim);

    /// <summary>Bytes that one token takes in all states of a graph.</summary>
    public static long BytesPerToken(ModelGraph graph) =>
        graph.OfKind(ValueKind.State).Sum(state => BytesPerToken(state.Type.Format, state.Type.Shape[1].Size, state.Type.Shape[3].Size));

    /// <summary>Bytes of a group.</summary>
    public static long GroupBytes(TensorFormat format, int headDim) => GroupTokens * BlockFormat.Of(format).RowBytes(headDim);

    /// <summary>
    /// Writes a token's keys or values into its group. The first token of a group clears the group: what lies behind it
    /// then is 0 and no leftover of another sequence.
    /// </summary>
    /// <param name="part">Keys or values.</param>
    /// <param name="format">One of <see cref="Formats"/>.</param>
    /// <param name="group">The group, <see cref="GroupBytes"/> bytes.</param>
    /// <param name="token">The token's place in the group, 0 … 15.</param>
    /// <param name="row">[headDim].</param>
    public static void Write(KvPart part, TensorFormat format, Span<byte> group, int token, ReadOnlySpan<float> row)
    {
        if (token == 0)
        {
            group.Clear();
        }

        for (int i = 0; i < row.Length; i++)
        {
            int element = Element(part, format, row.Length, token, i);
            switch (format)
            {
                case TensorFormat.F32:
                    MemoryMarshal.Cast<byte, float>(group)[element] = row[i];
                    break;
                case TensorFormat.F16:
                    MemoryMarshal.Cast<byte, ushort>(group)[element] = Binary16.FromSingle(row[i]);
                    break;
                case TensorFormat.BF16:
                    MemoryMarshal.Cast<byte, ushort>(group)[element] = BF16Format.FromSingle(MathF.Abs(row[i]) < SmallestNormal ? 0 : row[i]);
                    break;
                default:
                    int scale = (i / ScaledElements * GroupTokens) + token;
                    Span<byte> scales = group[(GroupTokens * row.Length)..];
                    if (i % ScaledElements == 0)
                    {
                        Binary16.Write(scales[(2 * scale)..], Largest(row.Slice(i, ScaledElements)) / 127);
                    }

                    float step = Binary16.Read(scales[(2 * scale)..]);
                    float code = step > 0 ? MathF.Round(row[i] / step, MidpointRounding.ToEven) : 0;
                    group[element] = (byte)(sbyte)Math.Clamp(code, -127, 127);
                    break;
            }
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static void Read(KvPart part, TensorFormat format, ReadOnlySpan<byte> group, int token, Span<float> row)
    {
        for (int i = 0; i < row.Length; i++)
        {
            int element = Element(part, format, row.Length, token, i);
            row[i] = format switch
            {
                TensorFormat.F32 => MemoryMarshal.Cast<byte, float>(group)[element],
                TensorFormat.F16 => Binary16.ToSingle(MemoryMarshal.Cast<byte, ushort>(group)[element]),
                TensorFormat.BF16 => BitConverter.Int32BitsToSingle(MemoryMarshal.Cast<byte, ushort>(group)[element] << 16),
                _ => (sbyte)group[element] * Binary16.Read(group[((GroupTokens * row.Length) + (2 * ((i / ScaledElements * GroupTokens) + token)))..]),
            };
        }
    }

    /// <summary>Why keys and values cannot be stored so; null if they can.</summary>
    internal static string? Refusal(TensorFormat format, int blockTokens, int headDim) =>
        !Formats.Contains(format) ? $"Keys and values can be stored as {string.Join(", ", Formats)}, not {format}."
            : blockTokens % GroupTokens != 0 ? $"A block of keys and values holds a multiple of {GroupTokens} tokens, not {blockTokens}."
            : headDim % 2 != 0 ? $"Attention needs heads of an even width, not {headDim}."
            : headDim % BlockFormat.Of(format).BlockElements != 0 ? $"Keys and values of heads of width {headDim} cannot be stored as {format}, which scales {ScaledElements} elements together: use BF16."
            : null;

    /// <summary>The element's number in its group.</summary>
    static int Element(KvPart part, TensorFormat format, int headDim, int token, int i) => (part, format) switch
    {
        (KvPart.Keys, TensorFormat.F32 or TensorFormat.F16) => (i * GroupTokens) + token,
        (KvPart.Values, TensorFormat.F32 or TensorFormat.F16) => (token * headDim) + i,
        (KvPart.Keys, _) => (((i / 2 * GroupTokens) + token) * 2) + (i % 2),
        _ => (((token / 2 * headDim) + i) * 2) + (token % 2),
    };

    /// <summary>The largest absolute value; NaN if there is one, so that a broken row stays broken.</summary>
    static float Largest(ReadOnlySpan<float> row)
    {
        float largest = 0;
        foreach (float value in row)
        {
            largest = MathF.Max(largest, MathF.Abs(value));
        }

        return largest;
    }
}

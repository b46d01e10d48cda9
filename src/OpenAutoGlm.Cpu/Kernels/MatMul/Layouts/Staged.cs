using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Layouts;

/// <summary>The numbers by which a format without a layout of its own is known.</summary>
interface IStagedFormat
{
    static abstract TensorFormat Format { get; }

    static abstract int BlockElements { get; }

    static abstract int BlockBytes { get; }

    static abstract int GroupElements { get; }

    static abstract bool HasMinimum { get; }

    static abstract int LeastCode { get; }

    static abstract int GreatestCode { get; }
}

/// <summary>
/// Any format, through <see cref="QuantizedFormat.Unpack"/>: the codes of a strip are first written out row by row.
/// </summary>
readonly unsafe struct Staged<TFormat> : IWeightLayout
    where TFormat : struct, IStagedFormat
{
    public static int BlockElements => TFormat.BlockElements;

    public static int BlockBytes => TFormat.BlockBytes;

    public static int GroupElements => TFormat.GroupElements;

    public static bool HasMinimum => TFormat.HasMinimum;

    /// <summary>Codes are staged with their sign; where their range allows it, <see cref="Quads"/> takes the least one off.</summary>
    public static int Offset
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => GreatestByte == 255 ? 0 : TFormat.LeastCode;
    }

    public static int GreatestByte
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.GreatestCode - TFormat.LeastCode > 63 ? 255 : TFormat.GreatestCode - TFormat.LeastCode;
    }

    public static void Open<T>(PanelStrip strip, int elements)
        where T : struct, ILanes<T>
    {
        QuantizedFormat definition = (QuantizedFormat)BlockFormat.Of(TFormat.Format);
        int groups = elements / TFormat.GroupElements;
        Span<float> scales = stackalloc float[groups];
        Span<float> minimums = stackalloc float[TFormat.HasMinimum ? groups : 0];
        int bytes = elements / TFormat.BlockElements * TFormat.BlockBytes;
        for (int row = 0; row < PanelProduct.PanelRows; row++)
        {
            sbyte* codes = strip.Staged + (row * PanelStrip.Elements);
            definition.Unpack(new ReadOnlySpan<byte>(strip.Rows[row], bytes), new Span<sbyte>(codes, elements), scales, minimums);
            strip.Rows[row] = (byte*)codes;
            for (int group = 0; group < groups; group++)
            {
                strip.Scales[(group * 16) + row] = scales[group];
            }

            for (int group = 0; group < minimums.Length; group++)
            {
                strip.Minimums[(group * 16) + row] = minimums[group];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CodeQuads<T> Quads<T>(byte* a, byte* b, byte* c, byte* d, int part)
        where T : struct, ILanes<T>
    {
        int at = 32 * part;
        T lower = T.LoadQuads(a + at, b + at, c + at, d + at);
        T upper = T.LoadQuads(a + at + 16, b + at + 16, c + at + 16, d + at + 16);
        if (Offset == 0)
        {
            return new(lower, upper);
        }

        T least = T.BroadcastInt(0x0101_0101 * (byte)-Offset);
        return new(T.AddBytes(lower, least), T.AddBytes(upper, least));
    }
}

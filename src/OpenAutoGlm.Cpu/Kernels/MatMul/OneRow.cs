using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// One row of activations against packed panels with 256-bit registers: weights come from memory, are taken apart in registers, used and forgotten, so that
/// nothing but memory limits it. The same bits as <see cref="QuantizedProduct{T, TShape}"/>, whose shapes it shares.
/// </summary>
static unsafe class OneRow<TShape>
    where TShape : struct, IProductShape
{
    /// <summary>Bytes from what is used to what is asked for: two or three blocks.</summary>
    const int FetchAhead = 1024;

    static int ScaleBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (TShape.HasMinimum ? 2 : 1) * TShape.Groups * PanelFormat.LineBytes;
    }

    /// <summary>Whether bytes are multiplied as bytes, see <see cref="IProductShape.QuadsInShort"/>.</summary>
    static bool AreBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => AvxVnni.IsSupported || TShape.QuadsInShort > 0;
    }

    /// <summary>The function for a format: takes units of a panel, how many, the activations that meet the first, the panel's sums so far, and scratch for the scales of a unit.</summary>
    internal static delegate*<PanelFormat, byte*, int, byte*, float*, byte*, void> Of(PanelFormat format) => format.Bits switch
    {
        CodeBits.Eight => &Multiply<EightBits>,
        CodeBits.Four => &Multiply<FourBits>,
        CodeBits.FourByTable => &Multiply<FourBitsByTable>,
        CodeBits.Five => &Multiply<FiveBits>,
        CodeBits.Six => &Multiply<SixBits>,
        CodeBits.Two => &Multiply<TwoBits>,
        _ => &Multiply<ThreeBits>,
    };

    static void Multiply<TBits>(PanelFormat format, byte* unit, int units, byte* x, float* sums, byte* scratch)
        where TBits : struct, IPanelBits
    {
        Vector256<byte> table = default;
        if (format.Bits == CodeBits.FourByTable)
        {
            fixed (byte* entries = format.Table.Span)
            {
                table = Avx2.BroadcastVector128ToVector256(entries);
            }
        }

        Units<TBits>(format.Scales, unit, units, format.UnitBytes, format.UnitBlocks, format.CodesAt, format.BlockLines * PanelFormat.LineBytes, x, sums, scratch, table);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Units<TBits>(ScaleKind kind, byte* unit, int units, int unitBytes, int blocks, int codesAt, int blockBytes, byte* x, float* sums, byte* scratch, Vector256<byte> table)
        where TBits : struct, IPanelBits
    {
        (Vector256<float> lower, Vector256<float> upper) = (Vector256.Load(sums), Vector256.Load(sums + 8));
        for (; units > 0; units--, unit += unitBytes)
        {
            PanelReader<Lanes256>.Scales(kind, unit, blocks, TShape.Groups, ScaleBytes, scratch);
            byte* scales = scratch;
            byte* lines = unit + codesAt;
            for (int block = 0; block < blocks; block++, lines += blockBytes, x += AreBytes ? 64 : 96, scales += ScaleBytes)
            {
                for (int line = 0; line < blockBytes; line += PanelFormat.LineBytes)
                {
                    Sse.Prefetch0(lines + line + FetchAhead);
                }

                lower = Block<TBits>(lines, scales, x, table, lower);
                upper = Block<TBits>(lines + 32, scales + 32, x, table, upper);
            }
        }

        lower.Store(sums);
        upper.Store(sums + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Block<TBits>(byte* lines, byte* scales, byte* x, Vector256<byte> table, Vector256<float> sum)
        where TBits : struct, IPanelBits
    {
        if (TShape.Groups == 1)
        {
            Vector256<int> dot = Avx2.Add(Half<TBits>(lines, 0, x, table), Half<TBits>(lines, 4, x, table));
            return Sum(dot, scales, x, 0, sum);
        }

        sum = Sum(Half<TBits>(lines, 0, x, table), scales, x, 0, sum);
        return Sum(Half<TBits>(lines, 4, x, table), scales, x, 1, sum);
    }

    /// <summary>Four quads' dot.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Half<TBits>(byte* lines, int quad, byte* x, Vector256<byte> table)
        where TBits : struct, IPanelBits
    {
        (Vector256<byte> a, Vector256<byte> b) = (TBits.Quad(lines, quad, table), TBits.Quad(lines, quad + 1, table));
        (Vector256<byte> c, Vector256<byte> d) = (TBits.Quad(lines, quad + 2, table), TBits.Quad(lines, quad + 3, table));
        if (AvxVnni.IsSupported)
        {
            Vector256<int> sum = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, a, Codes(x, quad).AsSByte());
            sum = AvxVnni.MultiplyWideningAndAdd(sum, b, Codes(x, quad + 1).AsSByte());
            sum = AvxVnni.MultiplyWideningAndAdd(sum, c, Codes(x, quad + 2).AsSByte());
            return AvxVnni.MultiplyWideningAndAdd(sum, d, Codes(x, quad + 3).AsSByte());
        }

        if (TShape.QuadsInShort == 0)
        {
            // In every 16 elements of x the even ones come first, then the odd ones.
            int at = quad / 4 * 8;
            return Avx2.Add(
                Avx2.Add(Wide(a, x, at), Wide(b, x, at + 1)),
                Avx2.Add(Wide(c, x, at + 2), Wide(d, x, at + 3)));
        }

        Vector256<short> ones = Vector256<short>.One;
        Vector256<short> ab = Avx2.Add(Avx2.MultiplyAddAdjacent(a, Codes(x, quad).AsSByte()), Avx2.MultiplyAddAdjacent(b, Codes(x, quad + 1).AsSByte()));
        Vector256<short> cd = Avx2.Add(Avx2.MultiplyAddAdjacent(c, Codes(x, quad + 2).AsSByte()), Avx2.MultiplyAddAdjacent(d, Codes(x, quad + 3).AsSByte()));
        return TShape.QuadsInShort >= 4
            ? Avx2.MultiplyAddAdjacent(Avx2.Add(ab, cd), ones)
            : Avx2.Add(Avx2.MultiplyAddAdjacent(ab, ones), Avx2.MultiplyAddAdjacent(cd, ones));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Wide(Vector256<byte> quad, byte* x, int at)
    {
        Vector256<short> codes = Avx2.Subtract(quad, Vector256.Create((byte)(1 << TShape.OffsetBits))).AsInt16();
        return Avx2.Add(
            Avx2.MultiplyAddAdjacent(Avx2.ShiftRightArithmetic(Avx2.ShiftLeftLogical(codes, 8), 8), Codes(x, at).AsInt16()),
            Avx2.MultiplyAddAdjacent(Avx2.ShiftRightArithmetic(codes, 8), Codes(x, at + 4).AsInt16()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Codes(byte* x, int at) => Vector256.Create(((int*)x)[at]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Sum(Vector256<int> dot, byte* scales, byte* x, int group, Vector256<float> sum)
    {
        if (AreBytes && TShape.OffsetBits != 0)
        {
            int at = TShape.Groups == 1 ? RoundedActivations<Lanes256>.NegatedSumAt : RoundedActivations<Lanes256>.NegatedHalfSumsAt + (4 * group);
            Vector256<int> negated = Vector256.Create(*(int*)(x + at));
            dot = Avx2.Add(dot, TShape.OffsetBits == RoundedActivations<Lanes256>.NegatedSumBits ? negated : negated >> (RoundedActivations<Lanes256>.NegatedSumBits - TShape.OffsetBits));
        }

        byte* numbers = AreBytes ? x : x + 32;
        Vector256<float> scale = Avx.Multiply(Vector256.Load((float*)(scales + (group * PanelFormat.LineBytes))), Vector256.Create(*(float*)(numbers + RoundedActivations<Lanes256>.ScaleAt)));
        sum = Fma.MultiplyAdd(Avx.ConvertToVector256Single(dot), scale, sum);
        if (TShape.HasMinimum)
        {
            int at = TShape.Groups == 1 ? RoundedActivations<Lanes256>.ScaledSumAt : RoundedActivations<Lanes256>.ScaledHalfSumsAt + (4 * group);
            sum = Fma.MultiplyAdd(Vector256.Load((float*)(scales + ((TShape.Groups + group) * PanelFormat.LineBytes))), Vector256.Create(*(float*)(numbers + at)), sum);
        }

        return sum;
    }
}

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
    /// <summary>Bytes from what is used to what is asked for.</summary>
    const int FetchAhead = 4096;

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

    [MethodImpl(Jit.Loop)]
    static void Units<TBits>(ScaleKind kind, byte* unit, int units, int unitBytes, int blocks, int codesAt, int blockBytes, byte* x, float* sums, byte* scratch, Vector256<byte> table)
        where TBits : struct, IPanelBits
    {
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

                // Eight rows, then the other eight: once in the code, so that all of it is inlined.
                for (nint eight = 0; eight < PanelFormat.LineBytes; eight += PanelFormat.LineBytes / 2)
                {
                    float* to = (float*)((byte*)sums + eight);
                    Vector256<float> sum = Vector256.Load(to);
                    Vector256<int> lower = Half<TBits>(lines + eight, upper: false, x, table);
                    Vector256<int> upper = Half<TBits>(lines + eight, upper: true, x, table);
                    if (TShape.Groups == 1)
                    {
                        sum = Sum(Avx2.Add(lower, upper), scales + eight, x, 0, sum);
                    }
                    else
                    {
                        sum = Sum(upper, scales + eight, x, 1, Sum(lower, scales + eight, x, 0, sum));
                    }

                    sum.Store(to);
                }
            }
        }
    }

    /// <summary>Four quads' dot.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Half<TBits>(byte* lines, bool upper, byte* x, Vector256<byte> table)
        where TBits : struct, IPanelBits
    {
        TBits.Half(lines, upper, table, out Vector256<byte> a, out Vector256<byte> b, out Vector256<byte> c, out Vector256<byte> d);
        int* codes = (int*)x + (upper ? AreBytes ? 4 : 8 : 0);
        if (AvxVnni.IsSupported)
        {
            Vector256<int> sum = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, a, Vector256.Create(codes[0]).AsSByte());
            sum = AvxVnni.MultiplyWideningAndAdd(sum, b, Vector256.Create(codes[1]).AsSByte());
            sum = AvxVnni.MultiplyWideningAndAdd(sum, c, Vector256.Create(codes[2]).AsSByte());
            return AvxVnni.MultiplyWideningAndAdd(sum, d, Vector256.Create(codes[3]).AsSByte());
        }

        if (TShape.QuadsInShort == 0)
        {
            // In every 16 elements of x the even ones come first, then the odd ones.
            return Avx2.Add(
                Avx2.Add(Wide(a, codes[0], codes[4]), Wide(b, codes[1], codes[5])),
                Avx2.Add(Wide(c, codes[2], codes[6]), Wide(d, codes[3], codes[7])));
        }

        Vector256<short> ab = Avx2.Add(Avx2.MultiplyAddAdjacent(a, Vector256.Create(codes[0]).AsSByte()), Avx2.MultiplyAddAdjacent(b, Vector256.Create(codes[1]).AsSByte()));
        Vector256<short> cd = Avx2.Add(Avx2.MultiplyAddAdjacent(c, Vector256.Create(codes[2]).AsSByte()), Avx2.MultiplyAddAdjacent(d, Vector256.Create(codes[3]).AsSByte()));
        return TShape.QuadsInShort >= 4
            ? Avx2.MultiplyAddAdjacent(Avx2.Add(ab, cd), Vector256<short>.One)
            : Avx2.Add(Avx2.MultiplyAddAdjacent(ab, Vector256<short>.One), Avx2.MultiplyAddAdjacent(cd, Vector256<short>.One));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Wide(Vector256<byte> quad, int even, int odd)
    {
        Vector256<short> codes = Avx2.Subtract(quad, Vector256.Create((byte)(1 << TShape.OffsetBits))).AsInt16();
        return Avx2.Add(
            Avx2.MultiplyAddAdjacent(Avx2.ShiftRightArithmetic(Avx2.ShiftLeftLogical(codes, 8), 8), Vector256.Create(even).AsInt16()),
            Avx2.MultiplyAddAdjacent(Avx2.ShiftRightArithmetic(codes, 8), Vector256.Create(odd).AsInt16()));
    }

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

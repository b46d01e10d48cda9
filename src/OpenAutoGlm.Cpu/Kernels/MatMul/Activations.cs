using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// How rows of activations are made ready for a product. Two products whose activations are equal can share loaded
/// rows: one rounding serves the projections of queries, keys and values whatever the formats of their weights.
/// </summary>
abstract unsafe record Activations(int K)
{
    /// <summary>Bytes from a row to the next.</summary>
    internal abstract long RowBytes { get; }

    /// <summary>Bytes of so many rows, and of those behind them that the matrix unit reads in vain.</summary>
    internal long Bytes(int rows) => (rows + MatrixUnit.MostRows) * RowBytes;

    /// <summary>Makes a row ready: x [K] into the place of the row with that index. Any thread, any order.</summary>
    internal abstract void Load(float* x, int row, byte* memory);
}

/// <summary>
/// Rows rounded to int8 as <see cref="ActivationBlocks"/> defines. Each block of 32 fills one line, so that everything a
/// kernel needs for the block comes with one cache line:
/// <code>
///  0  the codes; with Wide 64 bytes of int16 instead: in every 16 elements the eight even ones, then the eight odd ones
/// 32  int32: −128 · Σ codes of the block, of its first half, of its second half: what bytes that are 128 more than a weight's codes add, negated
/// 44  float32: scale, scale · Σ codes of the block, of its first half, of its second half
/// </code>
/// Behind each row lies one line more, so that rows do not meet in the same sets of a cache.
/// </summary>
sealed unsafe record RoundedActivations<T>(int K, bool Wide) : Activations(K)
    where T : struct, ILanes<T>
{
    internal const int LineBytes = 64;
    internal const int NegatedSumBits = 7;
    internal const int NegatedSumFactor = 1 << NegatedSumBits;
    internal const int NegatedSumAt = 32;
    internal const int NegatedHalfSumsAt = 36;
    internal const int ScaleAt = 44;
    internal const int ScaledSumAt = 48;
    internal const int ScaledHalfSumsAt = 52;

    const int Block = ActivationBlocks.Elements;

    /// <summary>Bytes of a block: a line, or with wide codes a line and a half.</summary>
    internal int BlockBytes => Wide ? 96 : LineBytes;

    /// <summary>Where the numbers behind the codes are, less where they would be behind narrow ones.</summary>
    internal int Widening => Wide ? Block : 0;

    internal override long RowBytes => ((long)K / Block * BlockBytes) + LineBytes;

    [MethodImpl(Jit.Loop)]
    internal override void Load(float* x, int row, byte* memory)
    {
        byte* to = memory + (row * RowBytes);
        for (int block = 0; block < K / Block; block++, to += BlockBytes)
        {
            T lower = T.Load(x + (block * Block));
            T upper = T.Load(x + (block * Block) + 16);
            float largest = T.LargestMagnitude(lower, upper);
            float scale = largest < ActivationBlocks.Smallest ? 0 : float.IsFinite(largest) ? largest / 127 : float.NaN;
            T inverse = T.Broadcast(scale > 0 ? 127 / largest : 0);
            if (float.IsNaN(scale))
            {
                (lower, upper) = (T.Zero, T.Zero);
            }

            Vector128<sbyte> first = T.ToBytes(T.ToInts(T.Round(lower * inverse)));
            Vector128<sbyte> second = T.ToBytes(T.ToInts(T.Round(upper * inverse)));
            if (Wide)
            {
                Split(first, (short*)to);
                Split(second, (short*)to + 16);
            }
            else
            {
                first.Store((sbyte*)to);
                second.Store((sbyte*)to + 16);
            }

            (int a, int b) = (Sum(first), Sum(second));
            int* sums = (int*)(to + NegatedSumAt + Widening);
            (sums[0], sums[1], sums[2]) = (-(a + b) * NegatedSumFactor, -a * NegatedSumFactor, -b * NegatedSumFactor);
            float* scales = (float*)(to + ScaleAt + Widening);
            (scales[0], scales[1], scales[2], scales[3]) = (scale, scale * (a + b), scale * a, scale * b);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Split(Vector128<sbyte> codes, short* to)
    {
        Vector128.ShiftRightArithmetic(Vector128.ShiftLeft(codes.AsInt16(), 8), 8).Store(to);
        Vector128.ShiftRightArithmetic(codes.AsInt16(), 8).Store(to + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static int Sum(Vector128<sbyte> codes)
    {
        if (Sse2.IsSupported)
        {
            // Sums of unsigned bytes, which are 128 more.
            Vector128<ushort> sums = Sse2.SumAbsoluteDifferences(codes.AsByte() ^ Vector128.Create((byte)128), Vector128<byte>.Zero);
            return sums.AsInt32().ToScalar() + sums.AsInt32().GetElement(2) - (16 * 128);
        }

        (Vector128<short> lower, Vector128<short> upper) = Vector128.Widen(codes);
        return Vector128.Sum(lower + upper);
    }
}

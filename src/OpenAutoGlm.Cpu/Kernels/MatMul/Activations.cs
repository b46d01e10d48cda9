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
    internal void Load(float* x, int row, byte* memory) => Load(x, row, 0, K, memory);

    /// <summary>Makes some of a row ready: x, the elements from a multiple of 32 on, whole blocks of 32 or all up to the end.</summary>
    internal abstract void Load(float* x, int row, int start, int count, byte* memory);
}

/// <summary>
/// Rows rounded to int8 as <see cref="ActivationBlocks"/> defines. Each block of 32 fills one line, so that everything a
/// kernel needs for the block comes with one cache line:
/// <code>
///  0  the codes; with Wide 64 bytes of int16 instead: in every 16 elements the eight even ones, then the eight odd ones
/// 32  int32: −128 · Σ codes of the block, of its first half, of its second half: what bytes that are 128 more than a weight's codes add, negated
/// 44  float32: scale, scale · Σ codes of the block, of its first half, of its second half; 4 bytes that nobody reads
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
    internal override void Load(float* x, int row, int start, int count, byte* memory)
    {
        byte* to = memory + (row * RowBytes) + (start / Block * BlockBytes);
        for (float* end = x + count; x < end; x += Block, to += BlockBytes)
        {
            T lower = T.Load(x);
            T upper = T.Load(x + 16);
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

            Numbers(first, second, scale, (int*)(to + NegatedSumAt + Widening));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Split(Vector128<sbyte> codes, short* to)
    {
        Vector128.ShiftRightArithmetic(Vector128.ShiftLeft(codes.AsInt16(), 8), 8).Store(to);
        Vector128.ShiftRightArithmetic(codes.AsInt16(), 8).Store(to + 8);
    }

    /// <summary>Writes what stands behind the codes of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Numbers(Vector128<sbyte> first, Vector128<sbyte> second, float scale, int* to)
    {
        Vector128<int> sums; // a + b, a, b, 0
        if (Avx2.IsSupported)
        {
            // Sums of eight unsigned bytes, which are 128 more than the codes; then of sixteen, the first half's below.
            Vector256<int> eights = Avx2.SumAbsoluteDifferences(Vector256.Create(first, second).AsByte() ^ Vector256.Create((byte)128), Vector256<byte>.Zero).AsInt32();
            Vector256<int> halves = eights + Avx2.Shuffle(eights, 0b01_00_11_10) - Vector256.Create(16 * 128, 0, 16 * 128, 0, 16 * 128, 0, 16 * 128, 0);
            sums = (Avx2.PermuteVar8x32(halves, Vector256.Create(0, 0, 4, 1, 0, 0, 4, 1)) + Avx2.PermuteVar8x32(halves, Vector256.Create(4, 1, 1, 1, 4, 1, 1, 1))).GetLower();
        }
        else
        {
            (int a, int b) = (Sum(first), Sum(second));
            sums = Vector128.Create(a + b, a, b, 0);
        }

        (-Vector128.ShiftLeft(sums, NegatedSumBits)).WithElement(3, BitConverter.SingleToInt32Bits(scale)).Store(to);
        (Vector128.ConvertToSingle(sums) * scale).AsInt32().Store(to + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static int Sum(Vector128<sbyte> codes)
    {
        (Vector128<short> lower, Vector128<short> upper) = Vector128.Widen(codes);
        return Vector128.Sum(lower + upper);
    }
}

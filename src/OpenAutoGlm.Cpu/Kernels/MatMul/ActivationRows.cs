using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// Rows of activations rounded to int8 as <see cref="ActivationBlocks"/> defines, in the order in which the dot products
/// read them. For byte products: as they are. For products of int16: in every 16 the eight even ones, then the eight odd
/// ones, two bytes each, because weights are split into even and odd bytes.
/// </summary>
sealed unsafe class ActivationRows<T>(int k, int groupElements, bool bytes, bool sums, int offset) : IParallelJob
    where T : struct, ILanes<T>
{
    const int Block = ActivationBlocks.Elements;

    readonly int _codeBytes = bytes ? k : 2 * k;
    readonly int _blocks = k / Block;
    readonly long _groupsBytes = Scratch.Lines(k / groupElements * sizeof(float));
    float* _x;
    byte* _memory;

    /// <summary>Bytes of one row: codes, scales, and for each group what minimums are multiplied with and what dots start from.</summary>
    internal long RowBytes { get; } = Scratch.Lines(bytes ? k : 2 * k) + Scratch.Lines(k / Block * sizeof(float)) + (2 * Scratch.Lines(k / groupElements * sizeof(float)));

    /// <summary>Codes of a row.</summary>
    internal byte* Codes(byte* memory, int row) => memory + (row * RowBytes);

    /// <summary>Scales of a row, one for every 32.</summary>
    internal float* Scales(byte* memory, int row) => (float*)(Codes(memory, row) + Scratch.Lines(_codeBytes));

    /// <summary>scale · Σ codes for each group, where the format has minimums.</summary>
    internal float* Sums(byte* memory, int row) => (float*)((byte*)Scales(memory, row) + Scratch.Lines(_blocks * sizeof(float)));

    /// <summary>offset · Σ codes for each group: what a dot of codes without their offset lacks.</summary>
    internal int* Starts(byte* memory, int row) => (int*)((byte*)Sums(memory, row) + _groupsBytes);

    internal void Quantize(float* x, int rows, byte* memory, WorkerPool pool)
    {
        _x = x;
        _memory = memory;
        if (rows < 4)
        {
            for (int row = 0; row < rows; row++)
            {
                Execute(row, 0);
            }
        }
        else
        {
            pool.Run(this, rows);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Execute(int chunk, int worker)
    {
        float* x = _x + ((long)chunk * k);
        byte* codes = Codes(_memory, chunk);
        float* scales = Scales(_memory, chunk);
        float* groupSums = Sums(_memory, chunk);
        int* starts = Starts(_memory, chunk);
        int* integers = stackalloc int[Block];
        for (int block = 0; block < _blocks; block++)
        {
            T lower = T.Load(x + (block * Block));
            T upper = T.Load(x + (block * Block) + 16);
            float largest = T.Largest(T.Max(T.Abs(lower), T.Abs(upper)));
            float scale = largest < ActivationBlocks.Smallest ? 0 : float.IsFinite(largest) ? largest / 127 : float.NaN;
            T inverse = T.Broadcast(scale > 0 ? 127 / largest : 0);
            scales[block] = scale;
            if (float.IsNaN(scale))
            {
                (lower, upper) = (T.Zero, T.Zero);
            }

            T.Store(T.ToInts(T.Round(lower * inverse)), integers);
            T.Store(T.ToInts(T.Round(upper * inverse)), integers + 16);
            Vector128<sbyte> first = Narrow(integers);
            Vector128<sbyte> second = Narrow(integers + 16);
            if (bytes)
            {
                first.Store((sbyte*)codes + (block * Block));
                second.Store((sbyte*)codes + (block * Block) + 16);
            }
            else
            {
                Split(first, (short*)codes + (block * Block));
                Split(second, (short*)codes + (block * Block) + 16);
            }

            if (sums || (bytes && offset != 0))
            {
                (int a, int b) = (Sum(first), Sum(second));
                if (groupElements == Block)
                {
                    groupSums[block] = scale * (a + b);
                    starts[block] = offset * (a + b);
                }
                else
                {
                    (groupSums[2 * block], groupSums[(2 * block) + 1]) = (scale * a, scale * b);
                    (starts[2 * block], starts[(2 * block) + 1]) = (offset * a, offset * b);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<sbyte> Narrow(int* integers) => Vector128.Narrow(
        Vector128.Narrow(Vector128.Load(integers), Vector128.Load(integers + 4)),
        Vector128.Narrow(Vector128.Load(integers + 8), Vector128.Load(integers + 12)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Split(Vector128<sbyte> codes, short* to)
    {
        Vector128.ShiftRightArithmetic(Vector128.ShiftLeft(codes.AsInt16(), 8), 8).Store(to);
        Vector128.ShiftRightArithmetic(codes.AsInt16(), 8).Store(to + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static int Sum(Vector128<sbyte> codes)
    {
        (Vector128<short> lower, Vector128<short> upper) = Vector128.Widen(codes);
        return Vector128.Sum(lower + upper);
    }
}

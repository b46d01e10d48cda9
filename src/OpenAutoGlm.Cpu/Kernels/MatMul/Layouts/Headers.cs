using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Layouts;

/// <summary>Scales and minimums as they lie in the blocks of sixteen rows, brought into lanes.</summary>
static unsafe class Headers
{
    /// <summary>One binary16 of every block of 16 rows into [blocks, 16] float32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Halves<T, TLayout>(byte** rows, int offset, int blocks, ushort* halves, float* to)
        where T : struct, ILanes<T>
        where TLayout : struct, IWeightLayout
    {
        for (int row = 0; row < PanelProduct.PanelRows; row++)
        {
            byte* from = rows[row] + offset;
            ushort* lane = halves + row;
            int block = 0;
            for (; block <= blocks - 8; block += 8)
            {
                lane[0] = *(ushort*)from;
                lane[16] = *(ushort*)(from + TLayout.BlockBytes);
                lane[32] = *(ushort*)(from + (2 * TLayout.BlockBytes));
                lane[48] = *(ushort*)(from + (3 * TLayout.BlockBytes));
                lane[64] = *(ushort*)(from + (4 * TLayout.BlockBytes));
                lane[80] = *(ushort*)(from + (5 * TLayout.BlockBytes));
                lane[96] = *(ushort*)(from + (6 * TLayout.BlockBytes));
                lane[112] = *(ushort*)(from + (7 * TLayout.BlockBytes));
                from += 8 * TLayout.BlockBytes;
                lane += 8 * PanelProduct.PanelRows;
            }

            for (; block < blocks; block++)
            {
                *lane = *(ushort*)from;
                from += TLayout.BlockBytes;
                lane += PanelProduct.PanelRows;
            }
        }

        for (int block = 0; block < blocks; block++, halves += 16, to += 16)
        {
            T.Store(Functions.HalvesToFloats(T.LoadHalves(halves)), to);
        }
    }

    /// <summary>16 bytes of each of 16 rows as four registers of four bytes, row r in lane r.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static (T First, T Second, T Third, T Fourth) Quads<T>(byte** rows, int offset)
        where T : struct, ILanes<T>
    {
        T a = T.LoadQuads(rows[0] + offset, rows[4] + offset, rows[8] + offset, rows[12] + offset);
        T b = T.LoadQuads(rows[1] + offset, rows[5] + offset, rows[9] + offset, rows[13] + offset);
        T c = T.LoadQuads(rows[2] + offset, rows[6] + offset, rows[10] + offset, rows[14] + offset);
        T d = T.LoadQuads(rows[3] + offset, rows[7] + offset, rows[11] + offset, rows[15] + offset);
        (T abLow, T abHigh) = (T.InterleaveLowInts(a, b), T.InterleaveHighInts(a, b));
        (T cdLow, T cdHigh) = (T.InterleaveLowInts(c, d), T.InterleaveHighInts(c, d));
        return (
            T.InterleaveLowPairs(abLow, cdLow), T.InterleaveHighPairs(abLow, cdLow),
            T.InterleaveLowPairs(abHigh, cdHigh), T.InterleaveHighPairs(abHigh, cdHigh));
    }

    /// <summary>
    /// The first 16 bytes of Q4_K and Q5_K blocks: d, dmin, and eight 6-bit scales and minimums. Of the words behind d
    /// and dmin the first has the scales of groups 0 … 3, the second their minimums, the third the lower four bits of
    /// both for groups 4 … 7, whose upper two bits are left over in the first and second.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void SixBits<T>(byte** rows, int blockBytes, int blocks, float* scales, float* minimums)
        where T : struct, ILanes<T>
    {
        for (int block = 0; block < blocks; block++)
        {
            (T both, T low, T high, T rest) = Quads<T>(rows, block * blockBytes);
            T d = Functions.HalvesToFloats(T.And(both, T.BroadcastInt(0xFFFF)));
            T dmin = T.Zero - Functions.HalvesToFloats(T.And(T.ShiftRightInts(both, 16), T.BroadcastInt(0xFFFF)));
            for (int group = 0; group < 4; group++)
            {
                int shift = 8 * group;
                T scale = T.And(T.ShiftRightInts(low, shift), T.BroadcastInt(63));
                T minimum = T.And(T.ShiftRightInts(high, shift), T.BroadcastInt(63));
                T.Store(d * T.ToFloats(scale), scales);
                T.Store(dmin * T.ToFloats(minimum), minimums);
                scale = T.Or(T.And(T.ShiftRightInts(rest, shift), T.BroadcastInt(15)), T.And(T.ShiftRightInts(low, shift + 2), T.BroadcastInt(48)));
                minimum = T.Or(T.And(T.ShiftRightInts(rest, shift + 4), T.BroadcastInt(15)), T.And(T.ShiftRightInts(high, shift + 2), T.BroadcastInt(48)));
                T.Store(d * T.ToFloats(scale), scales + 64);
                T.Store(dmin * T.ToFloats(minimum), minimums + 64);
                scales += 16;
                minimums += 16;
            }

            scales += 64;
            minimums += 64;
        }
    }
}

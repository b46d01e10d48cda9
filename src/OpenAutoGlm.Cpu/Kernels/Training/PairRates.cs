using System.Diagnostics;
using System.Runtime.InteropServices;
using OpenAutoGlm.Cpu.Emit;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>
/// Whether vdpbf16ps multiplies bfloat16 faster than multiply-adds of widened float32 do: it does where it has their rate, and does not
/// where it takes two cycles and more. Measured once, in half a millisecond; both ways give the same bits.
/// </summary>
static unsafe class PairRates
{
    const int Lines = 256; // of pairs
    const int Rounds = 24;

    static readonly Lazy<bool> Faster = new(Measure);

    internal static bool PairsAreFaster(CodeLibrary library) => library.Has(EmittedFeatures.BFloat16) && Faster.Value;

    static bool Measure()
    {
        const int Rows = 8;
        const int Panels = 3;
        using CodeLibrary library = new(EmittedFeatures.BFloat16);
        var pairs = (delegate* unmanaged<TileArguments*, void>)ProductTileCode.Get(library, pairs: true, Rows, Panels).Entry;
        var floats = (delegate* unmanaged<TileArguments*, void>)ProductTileCode.Get(library, pairs: false, Rows, Panels).Entry;
        byte* memory = (byte*)NativeMemory.AlignedAlloc(8192, 64);
        NativeMemory.Clear(memory, 8192);
        try
        {
            // Every line reads the same few cache lines, so that nothing but the arithmetic is timed.
            TileArguments tile = new() { A = memory, ARow = 64, B = memory + 1024, BPanel = 64, C = memory + 2048, CRow = 192 };
            (long pairTicks, long floatTicks) = (long.MaxValue, long.MaxValue);
            for (int round = 0; round < Rounds; round++)
            {
                pairTicks = Math.Min(pairTicks, Ticks(pairs, tile, Lines));
                floatTicks = Math.Min(floatTicks, Ticks(floats, tile, 2 * Lines));
            }

            return pairTicks < floatTicks;
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    static long Ticks(delegate* unmanaged<TileArguments*, void> run, TileArguments tile, int lines)
    {
        tile.Lines = lines;
        long start = Stopwatch.GetTimestamp();
        run(&tile);
        return Stopwatch.GetTimestamp() - start;
    }
}

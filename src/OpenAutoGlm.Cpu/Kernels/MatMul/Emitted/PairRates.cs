using System.Diagnostics;
using System.Runtime.InteropServices;
using OpenAutoGlm.Cpu.Emit;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>
/// Whether vdpbf16ps multiplies bfloat16 faster than multiply-adds of widened float32 do: it does where it has their rate, and does not
/// where it takes two cycles and more. Measured once, in half a millisecond; both ways give the same bits.
/// </summary>
static unsafe class PairRates
{
    const int Pairs = 256;
    const int Rounds = 24;

    static readonly Lazy<bool> Faster = new(Measure);

    internal static bool PairsAreFaster(CodeLibrary library) => library.Has(EmittedFeatures.BFloat16) && (library.PairsAreFaster ?? Faster.Value);

    static bool Measure()
    {
        using CodeLibrary library = new(EmittedFeatures.BFloat16 | EmittedFeatures.Vnni);
        var pairs = (delegate* unmanaged<FloatTileArguments*, void>)FloatTileCode.Get(library, FloatLine.Pairs, FloatTileCode.MostRows, FloatTileCode.MostPanels).Entry;
        var widened = (delegate* unmanaged<FloatTileArguments*, void>)FloatTileCode.Get(library, FloatLine.WidenedPairs, FloatTileCode.MostRows, FloatTileCode.MostPanels).Entry;
        const int PanelBytes = Pairs * 64;
        const int RowBytes = Pairs * 8;
        byte* memory = (byte*)NativeMemory.AlignedAlloc(FloatTileCode.MostPanels * PanelBytes, 64);
        NativeMemory.Clear(memory, FloatTileCode.MostPanels * PanelBytes);
        byte* rows = (byte*)NativeMemory.AlignedAlloc((FloatTileCode.MostRows + 1) * RowBytes, 64);
        NativeMemory.Clear(rows, (FloatTileCode.MostRows + 1) * RowBytes);
        try
        {
            FloatTileArguments tile = new() { Weights = memory, PanelBytes = PanelBytes, Lines = Pairs };
            byte** x = stackalloc byte*[FloatTileCode.MostRows];
            byte** y = stackalloc byte*[FloatTileCode.MostRows];
            for (int row = 0; row < FloatTileCode.MostRows; row++)
            {
                x[row] = rows + (row * RowBytes);
                y[row] = rows + (FloatTileCode.MostRows * RowBytes);
            }

            tile.X = x;
            tile.Y = y;
            tile.Fetch = memory;
            (long pairTicks, long widenedTicks) = (long.MaxValue, long.MaxValue);
            for (int round = 0; round < Rounds; round++)
            {
                pairTicks = Math.Min(pairTicks, Ticks(pairs, tile));
                widenedTicks = Math.Min(widenedTicks, Ticks(widened, tile));
            }

            return pairTicks < widenedTicks;
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
            NativeMemory.AlignedFree(rows);
        }
    }

    static long Ticks(delegate* unmanaged<FloatTileArguments*, void> run, FloatTileArguments tile)
    {
        long start = Stopwatch.GetTimestamp();
        run(&tile);
        return Stopwatch.GetTimestamp() - start;
    }
}

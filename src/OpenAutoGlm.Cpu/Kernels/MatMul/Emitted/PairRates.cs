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
        var pairs = (delegate* unmanaged<PairArguments*, void>)PairCode.Get(library, PairCode.MostRows, PairCode.MostPanels, widened: false).Entry;
        var widened = (delegate* unmanaged<PairArguments*, void>)PairCode.Get(library, PairCode.MostRows, PairCode.MostPanels, widened: true).Entry;
        const int PanelBytes = Pairs * 64;
        const int RowBytes = Pairs * 8;
        byte* memory = (byte*)NativeMemory.AlignedAlloc(PairCode.MostPanels * PanelBytes, 64);
        NativeMemory.Clear(memory, PairCode.MostPanels * PanelBytes);
        byte* rows = (byte*)NativeMemory.AlignedAlloc((PairCode.MostRows + 1) * RowBytes, 64);
        NativeMemory.Clear(rows, (PairCode.MostRows + 1) * RowBytes);
        try
        {
            PairArguments tile = new() { Weights = memory, PanelBytes = PanelBytes, Pairs = Pairs };
            for (int row = 0; row < PairCode.MostRows; row++)
            {
                tile.X[row] = (long)(rows + (row * RowBytes));
                tile.Y[row] = (long)(rows + (PairCode.MostRows * RowBytes));
            }

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

    static long Ticks(delegate* unmanaged<PairArguments*, void> run, PairArguments tile)
    {
        long start = Stopwatch.GetTimestamp();
        run(&tile);
        return Stopwatch.GetTimestamp() - start;
    }
}

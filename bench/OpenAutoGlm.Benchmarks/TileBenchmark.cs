using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Benchmarks;

/// <summary>The inner tile alone, on one thread and data in the first cache: what products of many rows cannot exceed.</summary>
static unsafe class TileBenchmark
{
    const int Blocks = 16;
    const int Calls = 20_000;

    internal static void Run()
    {
        using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSet.Avx512));
        foreach (StripShape shape in (StripShape[])[new(1, false, 0), new(1, false, 8), new(1, true, 0), new(2, false, 32)])
        {
            foreach (int rows in (int[])[4, 5, 6])
            {
                var tile = (delegate* unmanaged<TileArguments*, void>)TileCode.Get(code, shape, rows).Entry;
                using NativeMemoryOwner strip = new(shape.BlockBytes * Blocks);
                using NativeMemoryOwner lines = new(RoundedActivations<Lanes512>.LineBytes * (Blocks + 1) * rows);
                using NativeMemoryOwner results = new(rows * 128);
                TileArguments arguments = new() { Strip = strip.Pointer, Blocks = Blocks, Adds = 1 };
                for (int i = 0; i < rows; i++)
                {
                    arguments.X[i] = (long)(lines.Pointer + (i * RoundedActivations<Lanes512>.LineBytes * (Blocks + 1)));
                    arguments.Sums[i] = (long)(results.Pointer + (i * 128));
                    arguments.Y[i] = (long)(results.Pointer + (i * 128));
                }

                double best = double.PositiveInfinity;
                for (int round = 0; round < 9; round++)
                {
                    double start = MatMulBenchmark.Clock(1);
                    for (int i = 0; i < Calls; i++)
                    {
                        tile(&arguments);
                    }

                    best = Math.Min(best, MatMulBenchmark.Clock(1) - start);
                }

                Console.WriteLine($"{shape,-10} {rows} × 32  {2.0 * rows * 32 * 32 * Blocks * Calls / best / 1e9,6:F0} GOP/s");
            }
        }
    }
}

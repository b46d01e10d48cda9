using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Benchmarks;

/// <summary>What an element takes to be rounded to each block format, scales searched with importance, on one thread.</summary>
static class RoundingBenchmark
{
    const int Elements = 256 * 1024;
    const int Rounds = 40; // The compiler takes the first dozen to make its best code.

    internal static void Run()
    {
        Random random = new(1);
        float[] values = [.. Enumerable.Range(0, Elements).Select(_ => 0.02f * Normal(random))];
        float[] importance = [.. Enumerable.Range(0, Elements).Select(_ => random.NextSingle())];
        foreach (BlockFormat format in BlockFormat.All.Where(format => format.CanQuantize && format is QuantizedFormat))
        {
            byte[] blocks = new byte[format.RowBytes(Elements)];
            double best = double.PositiveInfinity;
            for (int round = 0; round < Rounds; round++)
            {
                double start = MatMulBenchmark.Clock(1);
                format.Quantize(values, importance, blocks);
                best = Math.Min(best, MatMulBenchmark.Clock(1) - start);
            }

            Console.WriteLine($"{format.Format,-7} {best / Elements * 1e9,6:F1} ns an element");
        }
    }

    static float Normal(Random random) => MathF.Sqrt(-2 * MathF.Log(1 - random.NextSingle())) * MathF.Cos(2 * MathF.PI * random.NextSingle());
}

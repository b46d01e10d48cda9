using System.Diagnostics;
using System.Runtime.InteropServices;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Benchmarks;

/// <summary>
/// y = x · wᵀ for 1 to 512 rows, beside a plain read of as many bytes in the same round. Weights change from call to
/// call, as the layers of a model do, so that they come from memory and not from a cache.
/// </summary>
static unsafe partial class MatMulBenchmark
{
    const long WeightBytes = 256 << 20;
    const int Rounds = 7;

    internal static void Run(TensorFormat[] formats, int threads, InstructionSet set, int[] rowCounts)
    {
        Console.WriteLine($"{set}, {threads} threads; median of {Rounds} rounds (min … max); read: a plain sum over the same weights in the same round");
        MachineSpeed speed = MachineProbe.Measure(threads);
        Console.WriteLine(
            $"{MachineProbe.Look().Model}: read {speed.ReadBytesPerSecond / 1e9:F1} GB/s ({speed.ReadBytesPerSecondOneThread / 1e9:F1} on one thread),"
            + $" float32 {speed.FloatOperationsPerSecond / 1e9:F0} GFLOP/s, int8 by intrinsics {speed.ByteOperationsPerSecond / 1e9:F0} GOP/s");
        Console.WriteLine($"{"format",-7} {"n × k",-11} {"rows",4} {"GB/s",22} {"of read",8} {"GOP/s",24} {"of peak",8}");
        using WorkerPool pool = new(threads);
        foreach (TensorFormat format in formats)
        {
            foreach ((int n, int k) in ((int, int)[])[(4096, 4096), (2048, 8192)])
            {
                foreach (int rows in rowCounts)
                {
                    Measure(pool, set, format, n, k, rows, BlockFormat.Of(format) is QuantizedFormat ? speed.ByteOperationsPerSecond : speed.FloatOperationsPerSecond);
                }
            }
        }
    }

    static void Measure(WorkerPool pool, InstructionSet set, TensorFormat format, int n, int k, int rows, double peak)
    {
        long bytes = BlockFormat.Of(format).RowBytes(k) * n;
        int copies = (int)Math.Clamp(WeightBytes / bytes, 1, rows == 1 ? 64 : 4);
        Tensor[] weights = [.. Enumerable.Range(0, copies).Select(_ => Weights(format, n, k))];
        Tensor x = Tensor.Of([.. Enumerable.Range(0, rows * k).Select(i => MathF.Sin(i))], rows, k);
        Tensor y = Tensor.Allocate(TensorFormat.F32, rows, n);
        using WeightStore packed = new();
        using CodeLibrary code = new(CodeLibrary.Allowed(set));
        Kernel[] kernels =
        [
            .. weights.Select((weight, i) =>
                KernelCatalog.For(set, pool, code, exactArithmetic: false).Pick(NodeOf(x, weight, $"w{i}"), new PlanScope(new PlanLimits(), packed, []))),
        ];
        PlainRead read = new();
        List<double> seconds = [];
        List<double> readSeconds = [];
        for (int round = -1; round < Rounds; round++)
        {
            double readTime = 0;
            double time = 0;
            for (int i = 0; i < copies; i++)
            {
                double start = Clock(pool.Threads);
                kernels[i].Run([x.View, weights[i].View], [y.View]);
                time += Clock(pool.Threads) - start;
            }

            foreach (Tensor weight in weights)
            {
                double start = Clock(pool.Threads);
                read.Run(pool, weight);
                readTime += Clock(pool.Threads) - start;
            }

            if (round >= 0)
            {
                seconds.Add(time / copies);
                readSeconds.Add(readTime / copies);
            }
        }

        foreach (Kernel kernel in kernels)
        {
            kernel.Dispose();
        }

        seconds.Sort();
        readSeconds.Sort();
        double median = seconds[Rounds / 2];
        double operations = 2.0 * rows * n * k;
        Console.WriteLine(
            $"{format,-7} {$"{n} × {k}",-11} {rows,4} {bytes / median / 1e9,6:F1} ({bytes / seconds[^1] / 1e9,5:F1} … {bytes / seconds[0] / 1e9,5:F1})"
            + $" {readSeconds[Rounds / 2] / median,8:P0} {operations / median / 1e9,7:F0} ({operations / seconds[^1] / 1e9,5:F0} … {operations / seconds[0] / 1e9,5:F0}) {operations / median / peak,8:P0}");
    }

    static Node NodeOf(Tensor x, Tensor weight, string name)
    {
        GraphBuilder builder = new("bench");
        builder.Output(builder.Apply("y", new MatMul(), builder.Input("x", x.Type), builder.Weight(name, weight)));
        return builder.Build().Nodes[0];
    }

    /// <summary>Seconds: of this thread's processor time where it works alone, because machines are shared; else of the wall.</summary>
    internal static double Clock(int threads)
    {
        if (threads > 1 || !OperatingSystem.IsLinux())
        {
            return Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
        }

        const int ThreadTime = 3;
        long* time = stackalloc long[2];
        _ = GetTime(ThreadTime, time);
        return time[0] + (time[1] * 1e-9);
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, long* time);

    static Tensor Weights(TensorFormat format, int n, int k)
    {
        Tensor tensor = Tensor.Allocate(format, n, k);
        Random random = new(1);
        Span<byte> bytes = new(tensor.Data, checked((int)tensor.Bytes));
        random.NextBytes(bytes);
        for (int i = 0; i < bytes.Length; i++)
        {
            // No exponent of any float is at its top, wherever the scales lie; wide exponents are those of weights, never of denormals.
            bool isExponent = (format == TensorFormat.BF16 && i % 2 == 1) || (format == TensorFormat.F32 && i % 4 == 3);
            bytes[i] = (byte)(isExponent ? (bytes[i] & 0x81) | 0x3C : bytes[i] & 0xBF);
        }

        return tensor;
    }
}

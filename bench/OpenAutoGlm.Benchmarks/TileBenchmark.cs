using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
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
        byte** x = stackalloc byte*[TileCode.MostRows];
        foreach (StripShape shape in (StripShape[])[new(1, false, Raised: true), new(1, false, Raised: true, Packed: true), new(1, true, Raised: false), new(2, false, Raised: true)])
        {
            foreach (int rows in (int[])[4, 5, 6])
            {
                var tile = (delegate* unmanaged<void*, void>)TileCode.Get(code, shape, rows).Entry;
                using NativeMemoryOwner strip = new(shape.BlockBytes * Blocks);
                using NativeMemoryOwner lines = new(RoundedActivations<Lanes512>.LineBytes * (Blocks + 1) * rows);
                using NativeMemoryOwner results = new(rows * 128);
                for (int i = 0; i < rows; i++)
                {
                    x[i] = lines.Pointer + (i * RoundedActivations<Lanes512>.LineBytes * (Blocks + 1));
                }

                TileArguments arguments = new() { Strip = strip.Pointer, Blocks = Blocks, Adds = 1, X = x, Sums = results.Pointer, Second = strip.Pointer + (shape.BlockBytes * Blocks / 2) };

                double best = Best(tile, &arguments);
                Console.WriteLine($"{shape,-10} {rows} × 32  {2.0 * rows * 32 * 32 * Blocks * Calls / best / 1e9,6:F0} GOP/s");
            }
        }
    }

    /// <summary>The tile of the matrix unit beside that of vector instructions, in turn.</summary>
    internal static void Matrices()
    {
        using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSet.Avx512));
        if (!code.Has(EmittedFeatures.Matrix))
        {
            Console.WriteLine("There is no matrix unit here.");
            return;
        }

        MatrixUnit unit = new(code);
        const int Stride = RoundedActivations<Lanes512>.LineBytes * (Blocks + 1);
        using NativeMemoryOwner strip = new(4096 * (Blocks + 3));
        using NativeMemoryOwner lines = new(Stride * 18);
        using NativeMemoryOwner results = new(16 * 128);
        using NativeMemoryOwner products = new(MatrixCode.ProductsBytes);
        byte** x = stackalloc byte*[TileCode.MostRows];
        for (int i = 0; i < TileCode.MostRows; i++)
        {
            x[i] = lines.Pointer + (i * Stride);
        }

        foreach (StripShape shape in (StripShape[])[new(1, false, Raised: false), new(1, true, Raised: false), new(2, false, Raised: false)])
        {
            foreach (int rows in (int[])[2, 4, 8, 16])
            {
                var vectors = (delegate* unmanaged<void*, void>)TileCode.Get(code, shape with { Raised = !shape.HasMinimum }, 6).Entry;
                var matrix = (delegate* unmanaged<void*, void>)MatrixCode.Get(code, shape, rows).Entry;
                TileArguments arguments = new() { Strip = strip.Pointer, Blocks = Blocks, Adds = 1, X = x, Sums = results.Pointer, Stride = Stride, Products = products.Pointer };
                unit.Open(MatrixCode.Sizes(shape));
                List<double> first = [], second = [];
                for (int round = 0; round < 400; round++)
                {
                    first.Add(Once(vectors, &arguments) / 6);
                    second.Add(Once(matrix, &arguments) / rows);
                }

                List<double> ratios = [.. first.Zip(second, (a, b) => a / b).Order()];
                (first, second) = ([.. first.Order()], [.. second.Order()]);
                double Rate(double seconds) => 2.0 * 32 * 32 * Blocks / seconds / 1e9;
                Console.WriteLine($"{shape,-8} vectors 6 rows {Rate(first[200]),5:F0} (best {Rate(first[0]),5:F0}), matrix {rows,2} rows {Rate(second[200]),5:F0} (best {Rate(second[0]),5:F0}) GOP/s, {ratios[200]:F2} ×; {second[0] * rows / Blocks / 2 * 1e9:F1} ns for a block of a panel");
            }
        }
    }

    static double Once(delegate* unmanaged<void*, void> code, void* arguments)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        for (int i = 0; i < 100; i++)
        {
            code(arguments);
        }

        return System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds / 100;
    }

    /// <summary>The kernel of few rows alone, on one thread and data in the first cache.</summary>
    internal static void Rows(OpenAutoGlm.Graph.Formats.TensorFormat format)
    {
        const int Elements = 512;
        using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSet.Avx512));
        PanelFormat panel = PanelFormat.Of(format);
        using NativeMemoryOwner weights = new(panel.PanelBytes(Elements) + 65536);
        using NativeMemoryOwner lines = new((Elements / 32 * 64) + (8 * 8192));
        using NativeMemoryOwner results = new(8 * 64);
        foreach (int rows in (int[])[1, 4, 6, 8])
        {
            var kernel = (delegate* unmanaged<void*, void>)RowsCode.Get(code, panel, rows).Entry;
            RowsArguments arguments = new() { Weights = weights.Pointer, Panels = 1, Units = Elements / panel.Blocks.BlockElements };
            for (int row = 0; row < rows; row++)
            {
                arguments.X[row] = (long)(lines.Pointer + (row * (Elements / 32 * 64)));
                arguments.Y[row] = (long)(results.Pointer + (row * 64));
            }

            double seconds = Best(kernel, &arguments);
            Console.WriteLine($"{format,-6} {rows} × 16  {2.0 * rows * 16 * Elements * Calls / seconds / 1e9,6:F0} GOP/s");
        }
    }

    /// <summary>Taking panels apart, on one thread and data in the first cache.</summary>
    internal static void Strips(OpenAutoGlm.Graph.Formats.TensorFormat format)
    {
        using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSet.Avx512));
        PanelFormat panel = PanelFormat.Of(format);
        StripShape shape = StripShape.Of(panel);
        using NativeMemoryOwner units = new(panel.PanelBytes(32 * Blocks));
        using NativeMemoryOwner strip = new(shape.BlockBytes * Blocks);
        StripArguments arguments = new() { Weights = units.Pointer, Strip = strip.Pointer, Units = Blocks / panel.UnitBlocks };
        double seconds = Best((delegate* unmanaged<void*, void>)StripCode.Get(code, panel, shape).Entry, &arguments);
        Console.WriteLine($"{format} to strip: {seconds / Calls / Blocks * 1e9:F2} ns for 16 × 32");
        if (code.Has(EmittedFeatures.Matrix))
        {
            using NativeMemoryOwner pairs = new(PairPanels.Layout.PanelBytes(32 * Blocks));
            PairStripArguments wider = new() { Weights = units.Pointer, Strip = pairs.Pointer, Units = Blocks / panel.UnitBlocks, Fetch = units.Pointer };
            seconds = Best((delegate* unmanaged<void*, void>)PairStripCode.Get(code, panel).Entry, &wider);
            Console.WriteLine($"{format} to BF16: {seconds / Calls / Blocks * 1e9:F2} ns for 16 × 32");
        }
    }

    /// <summary>The parts of a product of many rows, each alone: rounding rows, taking panels apart, and all of a call.</summary>
    internal static void Parts(OpenAutoGlm.Graph.Formats.TensorFormat format, int k, int rows, int panels)
    {
        using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSet.Avx512));
        EmittedProduct product = new(code, format, k);
        using NativeMemoryOwner weights = new(product.PanelBytes * panels * 16);
        using NativeMemoryOwner lines = new(product.Activations.Bytes(rows));
        using NativeMemoryOwner x = new((long)rows * k * 4);
        using NativeMemoryOwner y = new((long)rows * panels * 16 * 4);
        using NativeMemoryOwner scratch = new(product.WorkerBytes);
        using NativeMemoryOwner list = new(rows * 4);
        Random random = new(1);
        for (long i = 0; i < (long)rows * k; i++)
        {
            ((float*)x.Pointer)[i] = (float)random.NextDouble();
        }

        for (int i = 0; i < rows; i++)
        {
            ((int*)list.Pointer)[i] = i;
        }

        double load = Best(() =>
        {
            for (int i = 0; i < rows; i++)
            {
                product.Activations.Load((float*)x.Pointer + ((long)i * k), i, lines.Pointer);
            }
        });
        RowList all = new((nint)list.Pointer, (nint)list.Pointer, rows);
        PackedWeights packed = product.Packed((nint)weights.Pointer, panels * 16);
        double multiply = Best(() => product.Multiply(packed, 0, panels, all, (float*)y.Pointer, panels * 16, lines.Pointer, scratch.Pointer));
        double operations = 2.0 * rows * k * panels * 16;
        Console.WriteLine($"{format} k {k} rows {rows} panels {panels}: rounding {load / rows / k * 32 * 1e9:F1} ns for 32, product {operations / multiply / 1e9:F0} GOP/s");
    }

    /// <summary>Seconds of so many calls of emitted code, in the best of some rounds.</summary>
    static double Best(delegate* unmanaged<void*, void> code, void* arguments)
    {
        double best = double.PositiveInfinity;
        for (int round = 0; round < 9; round++)
        {
            double start = MatMulBenchmark.Clock(1);
            for (int i = 0; i < Calls; i++)
            {
                code(arguments);
            }

            best = Math.Min(best, MatMulBenchmark.Clock(1) - start);
        }

        return best;
    }

    static double Best(Action action)
    {
        double best = double.PositiveInfinity;
        for (int round = 0; round < 15; round++)
        {
            double start = MatMulBenchmark.Clock(1);
            action();
            best = Math.Min(best, MatMulBenchmark.Clock(1) - start);
        }

        return best;
    }
}

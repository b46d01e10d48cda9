using System.Diagnostics;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Benchmarks;

/// <summary>
/// Attention of one token and of 512 over a long context, beside a plain read of as many keys and values in the same
/// round. They change from call to call, as the layers of a model do, so that they come from memory and not from a cache.
/// </summary>
static unsafe class AttentionBenchmark
{
    const int KvHeads = 8;
    const int BlockTokens = 32;
    const int Rounds = 9;
    const double WarmUpSeconds = 0.8; // until the compiler has done its best
    const long KvBytes = 256 << 20;

    internal static void Run(int threads, int depth)
    {
        Console.WriteLine($"{depth} tokens before, {KvHeads} KV heads, {threads} threads; best and median of {Rounds} rounds");
        using WorkerPool pool = new(threads);
        foreach (TensorFormat format in (TensorFormat[])[TensorFormat.BF16, TensorFormat.Q8_0])
        {
            foreach ((int group, int headDim) in ((int, int)[])[(4, 64), (4, 128), (7, 64)])
            {
                foreach (int tokens in (int[])[1, 512])
                {
                    Measure(pool, format, group * KvHeads, headDim, depth, tokens);
                }
            }
        }
    }

    static void Measure(WorkerPool pool, TensorFormat format, int heads, int headDim, int depth, int tokens)
    {
        int blocks = ((depth + tokens - 1) / BlockTokens) + 1;
        long layerBytes = 2 * (long)blocks * BlockTokens * KvHeads * BlockFormat.Of(format).RowBytes(headDim);
        int layers = tokens == 1 ? (int)Math.Max(2, KvBytes / layerBytes) : 1;
        Tensor[] memory = [.. Enumerable.Range(0, 2 * layers).Select(seed => Filled(format, seed, blocks, KvHeads, BlockTokens, headDim))];
        Tensor queries = Tensor.Of([.. Enumerable.Range(0, tokens * heads * headDim).Select(i => MathF.Sin(i))], tokens, heads, headDim);
        Tensor y = Tensor.Allocate(TensorFormat.F32, tokens, heads, headDim);
        Tensor positions = Ints([.. Enumerable.Range(depth, tokens)], tokens), sequences = Ints(new int[tokens], tokens), table = Ints([.. Enumerable.Range(0, blocks)], 1, blocks);
        GraphBuilder builder = new("bench");
        Value[] inputs = [.. ((Tensor[])[queries, memory[0], memory[1], positions, sequences, table]).Select((tensor, i) => builder.Input($"x{i}", tensor.Type))];
        builder.Output(builder.Apply("y", new PagedAttention(1 / MathF.Sqrt(headDim), BlockTokens), inputs));
        using WeightStore packed = new();
        using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSets.Best));
        using Kernel kernel = KernelCatalog.For(InstructionSets.Best, pool, code, exactArithmetic: false).Pick(builder.Build().Nodes[0], new PlanScope(new PlanLimits(), packed, []));
        PlainRead read = new();
        List<double> seconds = [];
        double plain = double.PositiveInfinity;
        long begin = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begin).TotalSeconds < WarmUpSeconds)
        {
            kernel.Run([queries.View, memory[0].View, memory[1].View, positions.View, sequences.View, table.View], [y.View]);
        }

        for (int round = 0; round < Rounds; round++)
        {
            double start = MatMulBenchmark.Clock(pool.Threads);
            for (int layer = 0; layer < layers; layer++)
            {
                kernel.Run([queries.View, memory[2 * layer].View, memory[(2 * layer) + 1].View, positions.View, sequences.View, table.View], [y.View]);
            }

            double middle = MatMulBenchmark.Clock(pool.Threads);
            foreach (Tensor tensor in memory)
            {
                read.Run(pool, tensor);
            }

            seconds.Add((middle - start) / layers);
            plain = Math.Min(plain, (MatMulBenchmark.Clock(pool.Threads) - middle) / layers);
        }

        seconds.Sort();
        double operations = 4.0 * tokens * (depth + (tokens / 2.0)) * heads * headDim;
        string Of(double time) => $"{layerBytes / time / 1e9,5:F1} GB/s {operations / time / 1e9,5:F0} GFLOP/s";
        Console.WriteLine($"{format,-5} {heads,3} heads of {headDim,-3} {tokens,3} tokens: {Of(seconds[0])}, {Of(seconds[Rounds / 2])}; read {layerBytes / plain / 1e9,5:F1} GB/s");
        GC.KeepAlive((memory, queries, y, positions, sequences, table));
    }

    /// <summary>Random bytes whose exponents are those of keys and values, of scales too.</summary>
    static Tensor Filled(TensorFormat format, int seed, params int[] extents)
    {
        Tensor tensor = Tensor.Allocate(format, [.. extents.Select(extent => (Dim)extent)]);
        Span<byte> bytes = new(tensor.Data, checked((int)tensor.Bytes));
        new Random(seed).NextBytes(bytes);
        if (format == TensorFormat.BF16)
        {
            for (int i = 1; i < bytes.Length; i += 2)
            {
                bytes[i] = (byte)((bytes[i] & 0x81) | 0x3C);
            }

            return tensor;
        }

        // Q8_0: in a group the codes come first, then a scale for every 32 of them.
        int groupCodes = KvLayout.GroupTokens * extents[^1], groupBytes = (int)KvLayout.GroupBytes(format, extents[^1]);
        for (int group = 0; group < bytes.Length; group += groupBytes)
        {
            for (int i = groupCodes + 1; i < groupBytes; i += 2)
            {
                bytes[group + i] = 0x20;
            }
        }

        return tensor;
    }

    static Tensor Ints(int[] values, params int[] extents)
    {
        Tensor tensor = Tensor.Allocate(TensorFormat.I32, [.. extents.Select(extent => (Dim)extent)]);
        values.CopyTo(new Span<int>(tensor.Data, values.Length));
        return tensor;
    }
}

using System.Diagnostics;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Training;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Training;
using OpenAutoGlm.Optimization.Training.Differentiation;

namespace OpenAutoGlm.Benchmarks;

/// <summary>
/// What training costs: the rates of its kernels as shares of the machine's own, measured beside each of them, and tokens a second of
/// whole steps of three models, with the share that each kind of op has.
/// </summary>
static class TrainingBenchmark
{
    const int Tokens = 4096;

    internal static void Run(int threads)
    {
        using CpuBackend cpu = new(new CpuOptions { Threads = threads });
        using MachineRates rates = new(threads);
        (double floats, double pairs) = rates.Arithmetic();
        Console.WriteLine($"{MachineProbe.Processor}, {threads} threads: float32 multiply-adds {floats / 1e9:f0} GFLOP/s, vdpbf16ps or what stands for it {pairs / 1e9:f0} GFLOP/s, reads {rates.Read / 1e9:f1} GB/s");
        Console.WriteLine();
        Console.WriteLine("| kernel | rows × out × in | arithmetic | pass | GFLOP/s | of the BF16 rate | of the FMA rate |");
        Console.WriteLine("|---|---|---|---|---:|---:|---:|");
        foreach ((int m, int n, int k) in ((int, int, int)[])[
            (256, 1024, 1024), (256, 2816, 1024), (256, 4096, 1024), (1024, 1024, 1024), (1024, 2816, 1024), (1024, 1024, 4096), (4096, 1024, 1024), (4096, 2816, 1024),
            (4096, 160, 160), (4096, 768, 160), (4096, 160, 384), (4096, 256, 256), (4096, 2048, 256)])
        {
            foreach (TrainingArithmetic arithmetic in Enum.GetValues<TrainingArithmetic>())
            {
                Products(cpu, rates, arithmetic, m, n, k);
            }
        }

        Attention(cpu, rates, tokens: 1024, heads: 16, headDim: 64);
        Attention(cpu, rates, tokens: 640, heads: 5, headDim: 32);
        Console.WriteLine();
        Console.WriteLine("| kernel | rows × width | GB/s in and out | of reading |");
        Console.WriteLine("|---|---|---:|---:|");
        foreach ((int m, int n) in ((int, int)[])[(4096, 1024), (4096, 160)])
        {
            Rows(cpu, rates, "RMSNorm, forward", new RmsNorm(1e-5f), m, n, 2, Random(m, n), Random(n));
            Rows(cpu, rates, "RMSNorm, input gradient", new RmsNormInputGradient(1e-5f), m, n, 3, Random(m, n), Random(n), Random(m, n));
            Rows(cpu, rates, "RMSNorm, weight gradient", new RmsNormWeightGradient(1e-5f), m, n, 2, Random(n), Random(m, n), Random(m, n));
        }

        foreach ((int m, int vocab) in ((int, int)[])[(1024, 8192), (1024, 2304)])
        {
            Rows(cpu, rates, "cross-entropy, forward", new CrossEntropy(), m, vocab, 1, Random(m, vocab), Ints(m, vocab));
            Rows(cpu, rates, "cross-entropy, gradient", new CrossEntropyGradient(), m, vocab, 2, Random(m, vocab), Random(m), Ints(m, vocab), Random(m));
        }

        Console.WriteLine();
        foreach (BenchmarkModel model in BenchmarkModel.All())
        {
            foreach (TrainingArithmetic arithmetic in Enum.GetValues<TrainingArithmetic>())
            {
                Step(cpu, rates, model, arithmetic, Checkpointing.None);
            }
        }

        foreach (Checkpointing checkpointing in Enum.GetValues<Checkpointing>().Where(value => value != Checkpointing.None))
        {
            Step(cpu, rates, BenchmarkModel.Shakespeare(), TrainingArithmetic.Float32, checkpointing);
        }
    }

    static void Products(CpuBackend cpu, MachineRates rates, TrainingArithmetic arithmetic, int m, int n, int k)
    {
        string shape = $"{m} × {n} × {k}";
        double operations = 2.0 * m * n * k;
        Line(cpu, rates, "product", shape, $"{arithmetic}", "forward", new TrainedMatMul(arithmetic), operations, Random(m, k), Random(n, k));
        Line(cpu, rates, "product", shape, $"{arithmetic}", "input gradient", new MatMulInputGradient(arithmetic), operations, Random(m, n), Random(n, k));
        Line(cpu, rates, "product", shape, $"{arithmetic}", "weight gradient", new MatMulWeightGradient(arithmetic), operations, Random(n, k), Random(m, n), Random(m, k));
    }

    /// <summary>Causal attention over whole sequences: half of the square counts, once for each product.</summary>
    static void Attention(CpuBackend cpu, MachineRates rates, int tokens, int heads, int headDim)
    {
        string shape = $"{tokens} tokens × {heads} heads of {headDim}";
        Tensor starts = Tensor.Allocate(TensorFormat.I32, tokens);
        starts.View.Ints.Clear();
        float scale = 1 / MathF.Sqrt(headDim);
        double product = 2.0 * tokens * (tokens + 1) / 2 * heads * headDim;
        Tensor[] rows = [.. Enumerable.Range(0, 5).Select(_ => Random(tokens, heads, headDim))];
        Line(cpu, rates, "attention", shape, "Float32", "forward", new CausalAttention(scale, 0), 2 * product, rows[0], rows[1], rows[2], starts);
        Line(cpu, rates, "attention", shape, "Float32", "gradient", new CausalAttentionGradient(scale, 0), 5 * product, rows[0], rows[1], rows[2], starts, rows[3], Random(tokens, heads), rows[4]);
    }

    /// <summary>The machine's rates are measured before and after the kernel: what slows one down slows down the other.</summary>
    static void Line(CpuBackend cpu, MachineRates rates, string kernel, string shape, string arithmetic, string pass, Op op, double operations, params Tensor[] inputs)
    {
        (double floats, double pairs) = rates.Arithmetic();
        double rate = operations / Seconds(cpu, rates, op, inputs);
        (double floatsAfter, double pairsAfter) = rates.Arithmetic();
        (floats, pairs) = (Math.Max(floats, floatsAfter), Math.Max(pairs, pairsAfter));
        Console.WriteLine($"| {kernel} | {shape} | {arithmetic} | {pass} | {rate / 1e9:f0} | {rate / pairs:p0} | {rate / floats:p0} |");
    }

    static void Rows(CpuBackend cpu, MachineRates rates, string kernel, Op op, int m, int n, int passes, params Tensor[] inputs)
    {
        double rate = (double)passes * m * n * sizeof(float) / Seconds(cpu, rates, op, inputs);
        Console.WriteLine($"| {kernel} | {m} × {n} | {rate / 1e9:f1} | {rate / rates.Read:p0} |");
    }

    static double Seconds(CpuBackend cpu, MachineRates rates, Op op, Tensor[] inputs)
    {
        GraphBuilder builder = new("kernel");
        Value[] values = [.. inputs.Select((tensor, i) => builder.State($"{i}", tensor.Type))];
        foreach (Value output in builder.ApplyMany("y", op, values))
        {
            builder.Output(output);
        }

        using Plan plan = cpu.LowerPlain(builder.Build(), new PlanLimits());
        using Execution execution = plan.CreateExecution();
        for (int i = 0; i < values.Length; i++)
        {
            execution.Bind(values[i], inputs[i]);
        }

        double best = Best(() => execution.Run(), rates.Threads);
        GC.KeepAlive(inputs);
        return best;
    }

    static void Step(CpuBackend cpu, MachineRates rates, BenchmarkModel model, TrainingArithmetic arithmetic, Checkpointing checkpointing)
    {
        using ModelTrainingStep step = new(model.Config, model, cpu, new TrainingStepOptions(Tokens) { Graph = new() { Arithmetic = arithmetic, Checkpointing = checkpointing } });
        Random random = new(2);
        TrainingBatch batch = new(
            [.. Enumerable.Range(0, Tokens).Select(_ => random.Next(model.Config.Vocab))],
            [.. Enumerable.Range(0, Tokens).Select(i => i % 256)],
            [.. Enumerable.Range(0, Tokens).Select(i => i / 256)],
            [.. Enumerable.Range(0, Tokens).Select(_ => random.Next(model.Config.Vocab))],
            [.. Enumerable.Repeat(1f, Tokens)]);
        (double floats, double pairs) = rates.Arithmetic();
        double seconds = Best(() => step.Accumulate(batch, 1.0 / Tokens), rates.Threads);
        (double floatsAfter, double pairsAfter) = rates.Arithmetic();
        (floats, pairs) = (Math.Max(floats, floatsAfter), Math.Max(pairs, pairsAfter));
        double forward = Best(() => step.Evaluate(batch), rates.Threads);
        long parameters = step.Parameters.Sum(parameter => parameter.Weight.Shape.ElementCount);

        // A tied table multiplies once; what attention multiplies is left out.
        double operations = 6.0 * step.Parameters.Where(parameter => parameter.Weight.Shape.Rank == 2).Sum(parameter => parameter.Weight.Shape.ElementCount) * Tokens;
        Console.WriteLine(
            $"{model.Name}, {parameters / 1e6:f1} M, {Tokens} tokens in sequences of 256, {arithmetic}, checkpoints {checkpointing}: {seconds * 1000:f0} ms, {Tokens / seconds:f0} tokens/s, " +
            $"{operations / seconds / 1e9:f0} GFLOP/s in weights: {operations / seconds / pairs:p0} of the BF16 rate, {operations / seconds / floats:p0} of the FMA rate; " +
            $"forward {Tokens / forward:f0} tokens/s, arena {step.ArenaBytes >> 20} MiB");
        Shares(step, batch);
    }

    /// <summary>The best time that each step of the plan had in some runs, by kind of op: what others do on the machine counts little.</summary>
    static void Shares(ModelTrainingStep step, TrainingBatch batch)
    {
        List<(string Op, double Ms)> best = [];
        for (int round = 0; round < 6; round++)
        {
            int index = 0;
            long last = Stopwatch.GetTimestamp();
            step.Accumulate(batch, 1.0 / Tokens, done =>
            {
                double ms = Stopwatch.GetElapsedTime(last).TotalMilliseconds;
                if (round == 0)
                {
                    best.Add((done.Node.Op.Name, ms));
                }
                else
                {
                    best[index] = (best[index].Op, Math.Min(best[index].Ms, ms));
                }

                index++;
                last = Stopwatch.GetTimestamp();
            });
        }

        double all = best.Sum(entry => entry.Ms);
        var shares = best.GroupBy(entry => entry.Op).Select(group => (group.Key, Ms: group.Sum(entry => entry.Ms))).OrderByDescending(share => share.Ms);
        Console.WriteLine($"    best of each step, {all:f0} ms, {Tokens / all * 1000:f0} tokens/s: " + string.Join(", ", shares.Take(16).Select(share => $"{share.Key} {share.Ms:f1}")));
    }

    /// <summary>The best of some rounds; of one thread its processor time, which others on the machine do not lengthen.</summary>
    static double Best(Action run, int threads)
    {
        double best = double.PositiveInfinity;
        long start = Stopwatch.GetTimestamp();
        for (int round = 0; round < 30 && (round < 3 || Stopwatch.GetElapsedTime(start).TotalSeconds < 2); round++)
        {
            TimeSpan used = Environment.CpuUsage.TotalTime;
            long begin = Stopwatch.GetTimestamp();
            run();
            double elapsed = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            best = Math.Min(best, threads == 1 ? Math.Min(elapsed, (Environment.CpuUsage.TotalTime - used).TotalSeconds) : elapsed);
        }

        return best;
    }

    static Tensor Random(params ReadOnlySpan<Dim> dims)
    {
        Random random = new(1);
        Tensor tensor = Tensor.Allocate(TensorFormat.F32, dims);
        foreach (ref float value in tensor.View.Floats)
        {
            value = (2 * random.NextSingle()) - 1;
        }

        return tensor;
    }

    static Tensor Ints(int count, int below)
    {
        Tensor tensor = Tensor.Allocate(TensorFormat.I32, count);
        Span<int> ints = tensor.View.Ints;
        for (int i = 0; i < count; i++)
        {
            ints[i] = i * 7 % below;
        }

        return tensor;
    }

    /// <summary>What the machine gives at most.</summary>
    sealed class MachineRates : IDisposable
    {
        readonly Cpu.Threads.WorkerPool _pool;
        readonly SpeedTest _test = new(64 << 20);

        internal MachineRates(int threads)
        {
            _pool = new Cpu.Threads.WorkerPool(threads);
            Read = _test.Read(_pool);
        }

        internal int Threads => _pool.Threads;

        /// <summary>Bytes a second from memory.</summary>
        internal double Read { get; }

        /// <summary>Operations a second, now.</summary>
        internal (double Floats, double BFloat16s) Arithmetic() => (_test.Floats(_pool), Math.Max(SpeedTest.BFloat16s(_pool) ?? 0, _test.Floats(_pool)));

        public void Dispose()
        {
            _test.Dispose();
            _pool.Dispose();
        }
    }
}

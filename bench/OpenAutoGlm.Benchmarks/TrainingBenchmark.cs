using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Training;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Training;
using OpenAutoGlm.Optimization.Training.Differentiation;

namespace OpenAutoGlm.Benchmarks;

/// <summary>
/// What training costs: the rates of its matrix products beside the machine's own, measured in the same run, and tokens a second of a
/// whole step of small models, with the share that each kind of op has.
/// </summary>
static class TrainingBenchmark
{
    const int Tokens = 4096;

    internal static void Run(int threads)
    {
        using CpuBackend cpu = new(new CpuOptions { Threads = threads });
        using WorkerPoolRates rates = new(threads);
        Console.WriteLine($"{MachineProbe.Processor}, {threads} threads: float32 {rates.Floats / 1e9:f0}, bfloat16 {rates.BFloat16s / 1e9:f0} GFLOP/s");
        Console.WriteLine();
        Console.WriteLine("| rows × out × in | arithmetic | y = x·wᵀ | dx = dy·w | dw += dyᵀ·x | least, of the machine's |");
        Console.WriteLine("|---|---|---:|---:|---:|---:|");
        foreach ((int m, int n, int k) in ((int, int, int)[])[(4096, 256, 256), (4096, 768, 256), (4096, 256, 768), (4096, 2048, 256), (256, 1024, 1024), (1024, 1024, 1024), (2048, 2048, 2048)])
        {
            foreach (TrainingArithmetic arithmetic in Enum.GetValues<TrainingArithmetic>())
            {
                double[] products = Products(cpu, arithmetic, m, n, k);
                double machine = arithmetic == TrainingArithmetic.Float32 ? rates.Floats : rates.BFloat16s;
                Console.WriteLine($"| {m} × {n} × {k} | {arithmetic} | {string.Join(" | ", products.Select(rate => $"{rate / 1e9:f0}"))} | {products.Min() / machine:p0} |");
            }
        }

        Console.WriteLine();
        foreach (string architecture in (string[])["llama", "glm4"])
        {
            foreach (TrainingArithmetic arithmetic in Enum.GetValues<TrainingArithmetic>())
            {
                foreach (Checkpointing checkpointing in Enum.GetValues<Checkpointing>())
                {
                    Step(cpu, architecture, arithmetic, checkpointing);
                }
            }
        }
    }

    static double[] Products(CpuBackend cpu, TrainingArithmetic arithmetic, int m, int n, int k)
    {
        (Op Op, (int, int)[] Inputs)[] forms =
        [
            (new TrainedMatMul(arithmetic), [(m, k), (n, k)]),
            (new MatMulInputGradient(arithmetic), [(m, n), (n, k)]),
            (new MatMulWeightGradient(arithmetic), [(n, k), (m, n), (m, k)]),
        ];
        return [.. forms.Select(form => Rate(cpu, form.Op, form.Inputs, 2.0 * m * n * k))];
    }

    static double Rate(CpuBackend cpu, Op op, (int Rows, int Columns)[] shapes, double operations)
    {
        GraphBuilder builder = new("product");
        Value[] values = [.. shapes.Select((shape, i) => builder.State($"{i}", TensorType.F32(shape.Rows, shape.Columns)))];
        builder.Output(builder.Apply("y", op, values));
        ModelGraph graph = builder.Build();
        using Plan plan = cpu.LowerPlain(graph, new PlanLimits());
        using Execution execution = plan.CreateExecution();
        Random random = new(1);
        Tensor[] tensors = [.. shapes.Select(shape => Filled(random, 1, shape.Rows, shape.Columns))];
        for (int i = 0; i < values.Length; i++)
        {
            execution.Bind(values[i], tensors[i]);
        }

        double best = Best(() => execution.Run());
        GC.KeepAlive(tensors);
        return operations / best;
    }

    static void Step(CpuBackend cpu, string architecture, TrainingArithmetic arithmetic, Checkpointing checkpointing)
    {
        SmallModel model = new(architecture);
        using ModelTrainingStep step = new(model.Config, model, cpu, new TrainingStepOptions(Tokens) { Graph = new() { Arithmetic = arithmetic, Checkpointing = checkpointing } });
        Random random = new(2);
        TrainingBatch batch = new(
            [.. Enumerable.Range(0, Tokens).Select(_ => random.Next(model.Config.Vocab))],
            [.. Enumerable.Range(0, Tokens).Select(i => i % 256)],
            [.. Enumerable.Range(0, Tokens).Select(i => i / 256)],
            [.. Enumerable.Range(0, Tokens).Select(_ => random.Next(model.Config.Vocab))],
            [.. Enumerable.Repeat(1f, Tokens)]);
        double seconds = Best(() => step.Accumulate(batch, 1.0 / Tokens));
        double forward = Best(() => step.Evaluate(batch));
        long parameters = step.Parameters.Sum(parameter => parameter.Weight.Shape.ElementCount);
        double operations = 6.0 * step.Parameters.Where(parameter => parameter.Weight.Shape.Rank == 2 && parameter.Name != "token_embd.weight").Sum(parameter => parameter.Weight.Shape.ElementCount) * Tokens;
        Console.WriteLine(
            $"{architecture} of {parameters / 1e6:f1} M, {Tokens} tokens in sequences of 256, {arithmetic}, checkpoints {checkpointing}: {seconds * 1000:f0} ms, {Tokens / seconds:f0} tokens/s " +
            $"({operations / seconds / 1e9:f0} GFLOP/s in weights), forward {Tokens / forward:f0} tokens/s, arena {step.ArenaBytes >> 20} MiB");
        double least = Shares(step, batch);
        Console.WriteLine($"    that is {Tokens / least:f0} tokens/s, {operations / least / 1e9:f0} GFLOP/s in weights");
    }

    /// <summary>The best time that each step of the plan had in some runs, by kind of op: what others do on the machine counts little.</summary>
    static double Shares(ModelTrainingStep step, TrainingBatch batch)
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

        var shares = best.GroupBy(entry => entry.Op).Select(group => (group.Key, Ms: group.Sum(entry => entry.Ms))).OrderByDescending(share => share.Ms);
        Console.WriteLine($"    best of each step, {best.Sum(entry => entry.Ms):f0} ms: " + string.Join(", ", shares.Take(16).Select(share => $"{share.Key} {share.Ms:f1}")));
        return best.Sum(entry => entry.Ms) / 1000;
    }

    static double Best(Action run)
    {
        double best = double.PositiveInfinity;
        long start = Stopwatch.GetTimestamp();
        for (int round = 0; round < 30 && (round < 3 || Stopwatch.GetElapsedTime(start).TotalSeconds < 2); round++)
        {
            long begin = Stopwatch.GetTimestamp();
            run();
            best = Math.Min(best, Stopwatch.GetElapsedTime(begin).TotalSeconds);
        }

        return best;
    }

    static Tensor Filled(Random random, double scale, params ReadOnlySpan<Dim> dims)
    {
        Tensor tensor = Tensor.Allocate(TensorFormat.F32, dims);
        foreach (ref float value in tensor.View.Floats)
        {
            value = (float)(scale * ((2 * random.NextDouble()) - 1));
        }

        return tensor;
    }

    /// <summary>Six layers, hidden 256, inner 768, four heads of 64 over two of keys and values, 2,048 tokens.</summary>
    sealed class SmallModel : IWeights
    {
        readonly Dictionary<string, Tensor> _weights = [];

        internal SmallModel(string architecture)
        {
            Config = new ModelConfig
            {
                Architecture = architecture,
                Layers = 6,
                Hidden = 256,
                Heads = 4,
                KvHeads = 2,
                HeadDim = 64,
                Inner = 768,
                Vocab = 2048,
                ContextLength = 4096,
                NormEpsilon = 1e-5f,
                Rope = new RopeConfig(RopePairing.Interleaved, 64, 10_000),
                TiedEmbeddings = true,
            };
            Random random = new(1);
            _weights.Add("token_embd.weight", Filled(random, 0.05, 2048, 256));
            _weights.Add("output_norm.weight", Filled(random, 1, 256));
            for (int layer = 0; layer < 6; layer++)
            {
                string[] norms = architecture == "glm4" ? ["attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"] : ["attn_norm", "ffn_norm"];
                foreach (string norm in norms)
                {
                    _weights.Add($"blk.{layer}.{norm}.weight", Filled(random, 1, 256));
                }

                (string, int, int)[] matrices = [("attn_q", 256, 256), ("attn_k", 128, 256), ("attn_v", 128, 256), ("attn_output", 256, 256), ("ffn_up", 1536, 256), ("ffn_down", 256, 768)];
                foreach ((string name, int rows, int columns) in matrices)
                {
                    _weights.Add($"blk.{layer}.{name}.weight", Filled(random, 0.08, rows, columns));
                }
            }
        }

        internal ModelConfig Config { get; }

        public bool TryGet(string name, [NotNullWhen(true)] out Tensor? weight) => _weights.TryGetValue(name, out weight);

        public Tensor Get(string name) => TryGet(name, out Tensor? weight) ? weight : throw new ModelFormatException("small", name, "is missing.");
    }

    /// <summary>What the machine gives at most.</summary>
    sealed class WorkerPoolRates : IDisposable
    {
        readonly Cpu.Threads.WorkerPool _pool;
        readonly SpeedTest _test = new(64 << 20);

        internal WorkerPoolRates(int threads)
        {
            _pool = new Cpu.Threads.WorkerPool(threads);
            (Floats, BFloat16s) = (_test.Floats(_pool), _test.BFloat16s(_pool));
        }

        internal double Floats { get; }

        internal double BFloat16s { get; }

        public void Dispose()
        {
            _test.Dispose();
            _pool.Dispose();
        }
    }
}

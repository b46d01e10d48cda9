using System.Diagnostics;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Optimization.Search.Costs;

/// <summary>What one use of a weight, or of the keys and values of all layers, takes.</summary>
/// <param name="DecodeSeconds">For one token.</param>
/// <param name="PrefillSeconds">For a token among many.</param>
public readonly record struct KernelTime(double DecodeSeconds, double PrefillSeconds)
{
    /// <summary>The slower of both, one by one.</summary>
    public static KernelTime Slower(KernelTime a, KernelTime b) => new(Math.Max(a.DecodeSeconds, b.DecodeSeconds), Math.Max(a.PrefillSeconds, b.PrefillSeconds));
}

/// <summary>
/// Times the kernels that a backend picks, in small graphs of nothing else. A weight is there as often as in the model,
/// up to <see cref="ColdBytes"/>, so that a weight that will come from memory comes from memory here too. What is in the
/// weights does not matter to the time, and is a harmless number.
/// </summary>
public static class KernelClock
{
    /// <summary>Tokens of the prompt piece that is timed.</summary>
    public const int PrefillTokens = 128;

    const long ColdBytes = 64 << 20;
    const byte Filling = 0x3C;
    const int BlockTokens = 32;
    const int LeastRuns = 5;
    const int MostRuns = 200;

    static readonly TimeSpan TimeForOne = TimeSpan.FromMilliseconds(25);

    /// <summary>Times the product with a tensor in a format.</summary>
    /// <param name="backend">What computes.</param>
    /// <param name="tensor">The shape, and how it is used.</param>
    /// <param name="format">Its format.</param>
    /// <param name="modelBytes">Bytes of the whole model, which says how much of it stays in caches.</param>
    /// <param name="cancellation">Checked before every run.</param>
    /// <returns>Times; null where the backend has no kernel for it.</returns>
    public static KernelTime? OfProduct(IBackend backend, GroupTensor tensor, TensorFormat format, long modelBytes, CancellationToken cancellation = default)
    {
        if (tensor.Use == TensorUse.Rows)
        {
            return default(KernelTime); // A row is copied.
        }

        long bytes = tensor.Elements / tensor.Columns * BlockFormat.Of(format).RowBytes(tensor.Columns);
        int copies = (int)Math.Clamp(Math.Min(modelBytes, ColdBytes) / bytes, 1, 64);
        GraphBuilder builder = new("clock");
        Value x = builder.Input("x", TensorType.F32(Dim.Tokens, tensor.Columns));
        bool routed = tensor.Use == TensorUse.Experts;
        Value? chosen = routed ? builder.Input("chosen", TensorType.I32(Dim.Tokens, tensor.Used)) : null;
        for (int i = 0; i < copies; i++)
        {
            Tensor weight = routed ? Tensor.Allocate(format, tensor.Matrices, tensor.Rows, tensor.Columns) : Tensor.Allocate(format, tensor.Rows, tensor.Columns);
            weight.Fill(Filling);
            Value w = builder.Weight($"w{i}", weight);
            builder.Output(routed ? builder.Apply($"y{i}", new ExpertMatMul(), x, w, chosen!) : builder.Apply($"y{i}", new MatMul(), x, w));
        }

        ModelGraph graph = builder.Build();
        Dictionary<string, Tensor> inputs = new() { ["x"] = Filled(PrefillTokens, tensor.Columns) };
        if (routed)
        {
            inputs["chosen"] = Tensor.Of([.. Enumerable.Range(0, PrefillTokens * tensor.Used).Select(i => i * 7 % tensor.Matrices)], PrefillTokens, tensor.Used);
        }

        return Time(backend, graph, inputs, [], copies, cancellation);
    }

    /// <summary>Times attention over keys and values in a format, for all layers together.</summary>
    /// <param name="backend">What computes.</param>
    /// <param name="config">The model.</param>
    /// <param name="format">Keys and values.</param>
    /// <param name="depth">Tokens that are there already when one is written.</param>
    /// <param name="cancellation">Checked before every run.</param>
    public static KernelTime? OfAttention(IBackend backend, ModelConfig config, TensorFormat format, int depth, CancellationToken cancellation = default)
    {
        int blocks = (Math.Max(depth, PrefillTokens) + BlockTokens) / BlockTokens;
        long bytes = blocks * BlockTokens * 2 * KvLayout.BytesPerToken(format, config.KvHeads, config.HeadDim);
        int copies = (int)Math.Clamp(ColdBytes / bytes, 1, config.Layers);
        GraphBuilder builder = new("clock");
        Value queries = builder.Input("queries", TensorType.F32(Dim.Tokens, config.Heads, config.HeadDim));
        Value positions = builder.Input("positions", TensorType.I32(Dim.Tokens));
        Value sequences = builder.Input("sequences", TensorType.I32(Dim.Tokens));
        Value table = builder.Input("table", TensorType.I32(Dim.Sequences, Dim.Blocks));
        TensorType type = KvLayout.StateType(format, config.KvHeads, BlockTokens, config.HeadDim);
        for (int i = 0; i < copies; i++)
        {
            builder.Output(builder.Apply($"y{i}", new PagedAttention(1 / MathF.Sqrt(config.HeadDim), BlockTokens, config.SlidingWindow), queries, builder.State($"keys{i}", type), builder.State($"values{i}", type), positions, sequences, table));
        }

        int[] last = new int[PrefillTokens];
        last[0] = Math.Max(0, depth);
        Dictionary<string, Tensor> inputs = new()
        {
            ["queries"] = Filled(PrefillTokens, config.Heads, config.HeadDim),
            ["positions"] = Tensor.Of(last, PrefillTokens),
            ["sequences"] = Tensor.Of(new int[PrefillTokens], PrefillTokens),
            ["table"] = Tensor.Of([.. Enumerable.Range(0, blocks)], 1, blocks),
        };
        KernelTime? decode = Time(backend, builder.Build(), inputs, [(Dim.Sequences, 1), (Dim.Blocks, blocks), (Dim.KvBlocks, blocks)], copies, cancellation, one =>
        {
            int[] places = one ? last : [.. Enumerable.Range(0, PrefillTokens)];
            places.CopyTo(inputs["positions"].View.Ints);
        });
        return decode is { } time ? new KernelTime(time.DecodeSeconds * config.Layers, time.PrefillSeconds * config.Layers) : null;
    }

    static KernelTime? Time(
        IBackend backend, ModelGraph graph, Dictionary<string, Tensor> inputs, (Dim Dim, int Size)[] sizes, int copies, CancellationToken cancellation, Action<bool>? prepare = null)
    {
        Plan plan;
        try
        {
            plan = backend.Lower(graph, new PlanLimits([(Dim.Tokens, PrefillTokens), .. sizes]));
        }
        catch (NotSupportedException)
        {
            return null;
        }

        using (plan)
        using (Execution execution = plan.CreateExecution())
        {
            List<Tensor> states = [];
            foreach (Value value in graph.Values.Where(value => value.Kind is ValueKind.Input or ValueKind.State))
            {
                Tensor bound;
                if (value.Kind == ValueKind.Input)
                {
                    bound = inputs[value.Name];
                }
                else
                {
                    bound = Tensor.Allocate(value.Type.Format, [sizes[^1].Size, .. value.Type.Shape.Dims[1..]]);
                    bound.Fill(Filling);
                    states.Add(bound);
                }

                execution.Bind(value, bound);
            }

            foreach ((Dim dim, int size) in sizes)
            {
                execution.SetSize(dim, size);
            }

            double decode = Median(1);
            double prefill = Median(PrefillTokens);
            GC.KeepAlive(states);
            GC.KeepAlive(inputs);
            GC.KeepAlive(graph);
            return new KernelTime(decode / copies, prefill / copies / PrefillTokens);

            double Median(int tokens)
            {
                execution.SetSize(Dim.Tokens, tokens);
                prepare?.Invoke(tokens == 1);
                execution.Run();
                List<double> seconds = [];
                long start = Stopwatch.GetTimestamp();
                while (seconds.Count < LeastRuns || (seconds.Count < MostRuns && Stopwatch.GetElapsedTime(start) < TimeForOne))
                {
                    cancellation.ThrowIfCancellationRequested();
                    long before = Stopwatch.GetTimestamp();
                    execution.Run();
                    seconds.Add(Stopwatch.GetElapsedTime(before).TotalSeconds);
                }

                seconds.Sort();
                return seconds[seconds.Count / 2];
            }
        }
    }

    static Tensor Filled(params ReadOnlySpan<Dim> dims)
    {
        Tensor tensor = Tensor.Allocate(TensorFormat.F32, dims);
        tensor.Fill(Filling);
        return tensor;
    }
}

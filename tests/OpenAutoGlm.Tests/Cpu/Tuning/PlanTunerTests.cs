using System.Diagnostics;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Tuning;

public class PlanTunerTests
{
    [Fact]
    public void The_fastest_choice_of_every_number_is_noted_and_used()
    {
        using CpuBackend backend = new(new CpuOptions { Threads = 1 });
        using SlowKernel slow = new("slow", standard: 7, fastest: 3);
        using SlowKernel fine = new("fine", standard: 2, fastest: 2);
        using Plan plan = PlanOf(slow, fine);
        PlanTuner tuner = new(backend, plan);
        TuningCache cache = TuningCache.InMemory();
        Assert.Equal(3, tuner.Count); // and the pool's
        Assert.False(tuner.IsKnown(cache));

        IReadOnlyList<TuningResult> results = tuner.Search(after => Run(plan, after), cache, TimeSpan.FromMilliseconds(300), TestContext.Current.CancellationToken);

        Assert.True(tuner.IsKnown(cache));
        Assert.Equal((3, 2), (slow.Choice, fine.Choice));
        Assert.Equal((7, 3), (results[0].Default, results[0].Best));
        Assert.InRange(results[0].Gain, 1.5, 100);
        Assert.True(cache.TryGet(backend.TuningKeyOf("slow"), out int value));
        Assert.Equal(3, value);
        Assert.InRange(tuner.Compare(results, after => Run(plan, after), TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken), 1.2, 100);
        Assert.Equal(3, slow.Choice);
    }

    [Fact]
    public void A_backend_uses_what_the_cache_knows_and_nothing_that_is_no_choice()
    {
        using CpuBackend plain = new(new CpuOptions { Threads = 1 });
        TuningCache cache = TuningCache.InMemory();
        ITunable standard = Lowered(plain);
        cache.Set(plain.TuningKeyOf(standard.TuningKey), 32);
        using CpuBackend tuned = new(new CpuOptions { Threads = 1, Tuning = cache });
        Assert.NotEqual(32, standard.Choice);
        Assert.Equal(32, Lowered(tuned).Choice);
        cache.Set(plain.TuningKeyOf(standard.TuningKey), int.MaxValue);
        Assert.Equal(standard.Choice, Lowered(tuned).Choice);
    }

    static ITunable Lowered(CpuBackend backend)
    {
        GraphBuilder builder = new("one");
        Value x = builder.Input("x", TensorType.F32(Dim.Tokens, 32));
        builder.Output(builder.Apply("y", new MatMul(), x, builder.Weight("w", Tensor.Allocate(TensorFormat.Q8_0, 64, 32))));
        using Plan plan = backend.Lower(builder.Build(), new PlanLimits((Dim.Tokens, 1)));
        return Assert.IsAssignableFrom<ITunable>(plan.Steps[0].Kernel);
    }

    static Plan PlanOf(params Kernel[] kernels)
    {
        GraphBuilder builder = new("spinning");
        Value x = builder.Input("x", TensorType.F32(1, 4));
        for (int i = 0; i < kernels.Length; i++)
        {
            x = builder.Apply($"y{i}", new Scale(2), x);
        }

        builder.Output(x);
        ModelGraph graph = builder.Build();
        return new Plan(graph, new PlanLimits(), [.. graph.Nodes.Zip(kernels, (node, kernel) => new PlanStep(node, kernel))]);
    }

    static void Run(Plan plan, Action<PlanStep>? after)
    {
        foreach (PlanStep step in plan.Steps)
        {
            step.Kernel.Run([], []);
            after?.Invoke(step);
        }
    }

    /// <summary>Takes a tenth of a millisecond with one choice and four times as long with every other.</summary>
    sealed class SlowKernel(string key, int standard, int fastest) : Kernel, ITunable
    {
        public override string Name => key;

        public string TuningKey => key;

        public ReadOnlySpan<int> Choices => [2, 3, 5];

        public int Choice { get; set; } = standard;

        public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
        {
            long start = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < (Choice == fastest ? 0.1 : 0.4))
            {
            }
        }
    }
}

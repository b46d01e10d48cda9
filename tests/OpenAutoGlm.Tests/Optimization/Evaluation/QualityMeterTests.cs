using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Models.Weights;

namespace OpenAutoGlm.Optimization.Evaluation;

public sealed class QualityMeterTests : IDisposable
{
    readonly string _path = Path.Combine(Path.GetTempPath(), $"meter-{Guid.NewGuid():n}.gguf");
    readonly ModelPackage _model;
    readonly TokenWindows _windows = TokenWindows.Of([.. Enumerable.Range(0, 40).Select(i => (i * 37 % 250) + 1)], 10);

    public QualityMeterTests()
    {
        ModelSynthesizer.Write(ModelShape.Find("glm4-tiny"), "F32", _path);
        _model = ModelPackage.Open(_path);
    }

    public void Dispose()
    {
        _model.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public void The_original_is_no_distance_from_itself_and_its_perplexity_is_that_of_the_reference()
    {
        using CpuBackend cpu = new();
        using QualityMeter meter = new(_model.Config, _model.Weights, cpu, _windows);
        Quality again = meter.Measure(_model.Weights, cpu, TensorFormat.F32, cancellation: TestContext.Current.CancellationToken);

        Assert.Equal(meter.Original, again);
        Assert.Equal((0, 1), (again.MeanKl, again.Top1Agreement));
        Assert.Equal(_windows.Scored, again.Tokens);

        using QualityMeter reference = new(_model.Config, _model.Weights, new ReferenceInterpreter(), _windows);
        Assert.Equal(reference.Original.CrossEntropy, meter.Original.CrossEntropy, 1e-4);
    }

    [Fact]
    public void A_candidate_is_measured_the_same_from_memory_and_from_a_file_and_with_any_number_of_threads()
    {
        WeightOverlay candidate = new(_model.Weights);
        candidate.Replace("output_norm.weight", Tensor.Of(_model.Weights.Get("output_norm.weight").ToFloats().Select(value => 1.5f * value).ToArray(), _model.Weights.Get("output_norm.weight").Shape.Last));
        List<Quality> qualities = [];
        foreach ((int threads, long bytes) in new[] { (1, long.MaxValue), (2, long.MaxValue), (2, 0), (1, 5L * _model.Config.Vocab * 4) })
        {
            using CpuBackend cpu = new(new CpuOptions { Threads = threads });
            using QualityMeter meter = new(_model.Config, _model.Weights, cpu, _windows, memoryBytes: bytes);
            qualities.Add(meter.Measure(candidate, cpu, TensorFormat.BF16, cancellation: TestContext.Current.CancellationToken));
        }

        Assert.True(qualities[0].MeanKl > 0);
        Assert.All(qualities, quality => Assert.Equal(qualities[0], quality));
    }

    [Fact]
    public void Logits_that_overflow_are_named_with_their_window()
    {
        using CpuBackend cpu = new();
        using QualityMeter meter = new(_model.Config, _model.Weights, cpu, _windows);
        WeightOverlay broken = new(_model.Weights);
        broken.Replace("output_norm.weight", Tensor.Of(_model.Weights.Get("output_norm.weight").ToFloats().Select(_ => float.NaN).ToArray(), _model.Weights.Get("output_norm.weight").Shape.Last));

        Assert.StartsWith("Window 0, position 0:", Assert.Throws<EvaluationException>(() => meter.Measure(broken, cpu, TensorFormat.F32, cancellation: TestContext.Current.CancellationToken)).Message);
        Assert.Throws<EvaluationException>(() => new QualityMeter(_model.Config, broken, cpu, _windows));
    }

    [Fact]
    public void Measuring_stops_between_windows_when_asked_to_and_says_how_far_it_is()
    {
        using CpuBackend cpu = new();
        using QualityMeter meter = new(_model.Config, _model.Weights, cpu, _windows);
        using CancellationTokenSource stop = new();
        Shares shares = new(share =>
        {
            if (share >= 0.5)
            {
                stop.Cancel();
            }
        });

        Assert.Throws<OperationCanceledException>(() => meter.Measure(_model.Weights, cpu, TensorFormat.F32, shares, stop.Token));
        Assert.Equal([0.25, 0.5], shares.Seen);
    }

    [Fact]
    public void Ids_of_another_tokenizer_are_refused()
    {
        using CpuBackend cpu = new();
        Assert.Throws<ArgumentException>(() => new QualityMeter(_model.Config, _model.Weights, cpu, TokenWindows.Of([1, 2, _model.Config.Vocab], 3)));
    }

    sealed class Shares(Action<double> told) : IProgress<double>
    {
        public List<double> Seen { get; } = [];

        public void Report(double value)
        {
            Seen.Add(value);
            told(value);
        }
    }
}

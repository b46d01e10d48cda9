using OpenAutoGlm.Cpu;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Optimization.Calibration;

public sealed class CollectionStateTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("collection-");
    readonly TokenWindows _windows = TokenWindows.Of([.. Enumerable.Range(0, 40).Select(i => (i * 37 % 250) + 1)], 8);
    readonly ModelPackage _model;
    readonly CpuBackend _cpu = new();

    public CollectionStateTests()
    {
        string path = Path.Combine(_folder.FullName, "model.gguf");
        ModelSynthesizer.Write(ModelShape.Find("glm4moe-tiny"), "F32", path);
        _model = ModelPackage.Open(path);
    }

    string State => Path.Combine(_folder.FullName, "state");

    CalibrationOptions Options => new() { Gram = name => name.Contains("ffn_down"), StatePath = State, ModelIdentity = "tiny", WindowsBetweenSaves = 2 };

    public void Dispose()
    {
        _cpu.Dispose();
        _model.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public void A_run_that_was_interrupted_goes_on_to_the_same_bits()
    {
        ActivationStatistics whole = Collect(Options with { StatePath = null });
        using CancellationTokenSource stop = new();
        Assert.Throws<OperationCanceledException>(() => Collect(Options, new Told(share => StopAt(share, stop)), stop));
        Assert.Throws<EvaluationException>(() => ActivationStatistics.Load(State));

        List<double> shares = [];
        ActivationStatistics resumed = Collect(Options, new Told(shares.Add));
        Assert.Equal([0.8, 1.0], shares);
        AssertSame(whole, resumed);
        AssertSame(whole, ActivationStatistics.Load(State));
        Assert.False(File.Exists(State + ".partial"));
    }

    [Fact]
    public void A_file_of_another_run_is_refused_with_what_differs()
    {
        Collect(Options);
        Assert.Contains("another model ('tiny' instead of 'other')", Refused(Options with { ModelIdentity = "other" }));
        Assert.Contains("another choice of Gram matrices", Refused(Options with { Gram = null }));
        Assert.Contains("another format of keys and values", Refused(Options with { KvFormat = Graph.Formats.TensorFormat.BF16 }));
        string message = Assert.Throws<EvaluationException>(() =>
            ActivationStatistics.Collect(_model.Config, _model.Weights, _cpu, TokenWindows.Of([1, 2, 3, 4], 2), Options, cancellation: TestContext.Current.CancellationToken)).Message;
        Assert.Contains("another text", message);
    }

    [Fact]
    public void A_file_that_is_cut_or_damaged_is_never_believed()
    {
        Collect(Options);
        byte[] whole = File.ReadAllBytes(State);
        Random random = new(3);
        for (int trial = 0; trial < 200; trial++)
        {
            byte[] damaged = [.. whole];
            damaged[random.Next(whole.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(State, trial % 2 == 0 ? damaged : whole[..random.Next(whole.Length)]);
            Assert.Throws<EvaluationException>(() => ActivationStatistics.Load(State));
        }
    }

    static void StopAt(double share, CancellationTokenSource stop)
    {
        if (share >= 0.6)
        {
            stop.Cancel();
        }
    }

    static void AssertSame(ActivationStatistics expected, ActivationStatistics actual)
    {
        Assert.Equal(expected.Names.Order(), actual.Names.Order());
        foreach (string name in expected.Names)
        {
            Assert.True(expected.TryGet(name, out ColumnStatistics? a) & actual.TryGet(name, out ColumnStatistics? b));
            AssertSame(a!, b!);
            Assert.Equal(a!.Experts.Length, b!.Experts.Length);
            Assert.All(a.Experts.Zip(b.Experts), pair => AssertSame(pair.First, pair.Second));
        }
    }

    static void AssertSame(ColumnStatistics a, ColumnStatistics b)
    {
        Assert.Equal(a.Rows, b.Rows);
        Assert.Equal(a.Mean, b.Mean);
        Assert.Equal(a.MeanAbs, b.MeanAbs);
        Assert.Equal(a.MeanSquare, b.MeanSquare);
        Assert.Equal(a.Max, b.Max);
        Assert.Equal(a.Gram, b.Gram);
        Assert.True(a.Histogram.Counts.SequenceEqual(b.Histogram.Counts));
    }

    string Refused(CalibrationOptions options) => Assert.Throws<EvaluationException>(() => Collect(options)).Message;

    ActivationStatistics Collect(CalibrationOptions options, IProgress<double>? progress = null, CancellationTokenSource? stop = null) =>
        ActivationStatistics.Collect(_model.Config, _model.Weights, _cpu, _windows, options, progress, stop?.Token ?? TestContext.Current.CancellationToken);

    sealed class Told(Action<double> told) : IProgress<double>
    {
        public void Report(double value) => told(value);
    }
}

using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Export;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>A small model of random weights, a backend and a few tokens to read.</summary>
sealed class TinyModel : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public TinyModel(string shape, string format = "F32")
    {
        string path = _folder.File("model.gguf");
        ModelSynthesizer.Write(TinyShapes.Find(shape), format, path, cancellation: TestContext.Current.CancellationToken);
        Package = ModelPackage.Open(path);
    }

    public ModelPackage Package { get; }

    public ModelConfig Config => Package.Config;

    public IWeights Weights => Package.Weights;

    public CpuBackend Cpu { get; } = new(new CpuOptions { Threads = 1, PinThreads = false });

    /// <summary>Two windows of twelve tokens, no two alike.</summary>
    public TokenWindows Windows { get; } = TokenWindows.Of([.. Enumerable.Range(0, 24).Select(i => ((i * 37) + 11) % 250)], 12);

    public string File(string name) => _folder.File(name);

    public float[] Logits(ModelConfig config, IWeights weights)
    {
        using ModelProbe probe = new(config, weights, Cpu, new ProbeOptions(12, TensorFormat.F32));
        return [.. Windows.Windows.SelectMany(window =>
        {
            probe.Run(window.AsSpan());
            return Enumerable.Range(0, window.Length).SelectMany(t => probe.Logits(t).ToArray()).ToArray();
        })];
    }

    /// <summary>Mean KL of the model to another, computed in float64 from the logits of both.</summary>
    public double Kl(ModelConfig config, IWeights weights)
    {
        float[] original = Logits(Config, Weights), other = Logits(config, weights);
        int vocab = Config.Vocab;
        double sum = 0;
        for (int start = 0; start < original.Length; start += vocab)
        {
            double[] p = Softmax(original.AsSpan(start, vocab)), q = Softmax(other.AsSpan(start, vocab));
            sum += p.Zip(q).Sum(pair => pair.First * Math.Log(pair.First / pair.Second));
        }

        return sum / (original.Length / vocab);
    }

    /// <summary>The weights with some columns of a matrix set to zero.</summary>
    public static void ZeroColumns(WeightOverlay overlay, string name, IEnumerable<int> columns)
    {
        Tensor matrix = overlay.Get(name);
        float[] values = matrix.ToFloats();
        int width = matrix.Shape.Last.Size;
        foreach (int column in columns)
        {
            for (int row = 0; row < values.Length / width; row++)
            {
                values[(row * width) + column] = 0;
            }
        }

        overlay.Replace(name, Tensor.Of(values, [.. matrix.Shape.Dims]));
    }

    public void Dispose()
    {
        Package.Dispose();
        Cpu.Dispose();
        _folder.Dispose();
    }

    static double[] Softmax(ReadOnlySpan<float> logits)
    {
        double most = double.NegativeInfinity;
        foreach (float logit in logits)
        {
            most = Math.Max(most, logit);
        }

        double[] exponentials = new double[logits.Length];
        for (int i = 0; i < logits.Length; i++)
        {
            exponentials[i] = Math.Exp(logits[i] - most);
        }

        double sum = exponentials.Sum();
        return [.. exponentials.Select(value => value / sum)];
    }
}

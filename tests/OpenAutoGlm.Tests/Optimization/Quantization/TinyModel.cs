using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>A random model of two layers, 96 wide, with what the tests ask of it.</summary>
sealed class TinyModel : IDisposable
{
    const int WindowTokens = 24;

    readonly TemporaryFolder _folder = new();
    readonly ModelPackage _package;

    public TinyModel(string architecture)
    {
        ModelShape shape = architecture switch
        {
            "llama" => Shrunk("llama-3.1-8b", RopePairing.Interleaved),
            "llama-tied" => Shrunk("llama-3.2-1b", RopePairing.Interleaved),
            "qwen2" => Shrunk("qwen2.5-0.5b", RopePairing.Half),
            "glm" => Shrunk("glm-4-9b-chat", RopePairing.Interleaved),
            "glm4" => Shrunk("glm-4-9b-0414", RopePairing.Interleaved),
            _ => ModelShape.Find("glm4moe-tiny"),
        };
        string path = _folder.File("model.gguf");
        ModelSynthesizer.Write(shape, "F32", path, cancellation: TestContext.Current.CancellationToken);
        _package = ModelPackage.Open(path);
        Weights = new WeightOverlay(_package.Weights);
    }

    public ModelConfig Config => _package.Config;

    /// <summary>The weights, which a test may change.</summary>
    public WeightOverlay Weights { get; }

    public void Dispose()
    {
        _package.Dispose();
        _folder.Dispose();
    }

    /// <summary>Random tokens.</summary>
    public TokenWindows Windows(int count, int seed = 1)
    {
        Random random = new(seed);
        return TokenWindows.Of([.. Enumerable.Range(0, count * WindowTokens).Select(_ => random.Next(300))], WindowTokens);
    }

    public ActivationStatistics Statistics(ModelConfig? config = null, IWeights? weights = null)
    {
        using CpuBackend cpu = new();
        return ActivationStatistics.Collect(
            config ?? Config, weights ?? Weights, cpu, Windows(8), new CalibrationOptions { Gram = _ => true }, null, TestContext.Current.CancellationToken);
    }

    /// <summary>All logits after a window: [tokens · vocab].</summary>
    public float[] Logits(ModelConfig? config = null, IWeights? weights = null)
    {
        using CpuBackend cpu = new();
        using ModelProbe probe = new(config ?? Config, weights ?? Weights, cpu, new ProbeOptions(WindowTokens, TensorFormat.F32));
        probe.Run(Windows(1, seed: 2).Windows[0].AsSpan());
        return [.. Enumerable.Range(0, WindowTokens).SelectMany(i => probe.Logits(i).ToArray())];
    }

    /// <summary>All matrices of layers in another format.</summary>
    public WeightOverlay Rounded(IWeights weights, TensorFormat format)
    {
        WeightOverlay rounded = new(weights);
        foreach (string name in _package.Weights.Names.Where(name => name.StartsWith("blk.", StringComparison.Ordinal)))
        {
            Tensor weight = weights.Get(name);
            if (weight.Shape.Rank == 2)
            {
                rounded.Replace(name, new Nearest().Rounded(weight, format, null));
            }
        }

        return rounded;
    }

    /// <summary>Makes some channels of each norm's output large, and the matrices behind them smaller by as much.</summary>
    public void PlantOutliers(float factor)
    {
        WeightEditor editor = new(_package.Weights);
        foreach (ScaleSite site in ScaleSite.Of(Architecture.Build(Config, _package.Weights, new GraphOptions())).Sites.Where(site => site.Name.Contains("norm", StringComparison.Ordinal)))
        {
            site.Fold(editor, [.. Enumerable.Range(0, site.Channels).Select(i => i % 24 == 5 ? 1 / factor : 1)]);
        }

        foreach ((string name, Tensor tensor) in editor.Overlay.Replaced)
        {
            Weights.Replace(name, tensor);
        }
    }

    /// <summary>Largest difference over the largest value.</summary>
    public static double Distance(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Abs(x - (double)y)).Max() / a.Max(Math.Abs);

    /// <summary>Root mean square of the difference over that of the values.</summary>
    public static double Rms(float[] a, float[] b) => Math.Sqrt(a.Zip(b, (x, y) => Math.Pow(x - (double)y, 2)).Sum() / a.Sum(x => (double)x * x));

    static ModelShape Shrunk(string name, RopePairing pairing)
    {
        ModelShape shape = ModelShape.Find(name);
        return shape with
        {
            Config = shape.Config with
            {
                Layers = 2,
                Hidden = 96,
                Heads = 4,
                KvHeads = 2,
                HeadDim = 32,
                Inner = 160,
                Vocab = 1024,
                ContextLength = 256,
                Rope = new RopeConfig(pairing, 16, 10000),
            },
        };
    }
}

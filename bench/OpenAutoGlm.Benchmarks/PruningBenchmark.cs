using System.Diagnostics;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Analysis;
using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Pruning;

namespace OpenAutoGlm.Benchmarks;

/// <summary>
/// How well cheap estimates of importance agree with measured harm: every head and layer is silenced alone on held-out text, and
/// each method ranks them from other text. Printed: Spearman's ρ, and what each cost in tokens that were run.
/// </summary>
static class PruningBenchmark
{
    public static void Run(string modelPath, string textPath, int windows, int windowTokens)
    {
        using ModelPackage model = ModelPackage.Open(modelPath);
        using CpuBackend cpu = new(new CpuOptions { Threads = 1, PinThreads = false });
        string text = File.ReadAllText(textPath);
        TokenWindows held = TokenWindows.Of(model.Tokenizer!, text[(text.Length / 2)..], windowTokens, windows);
        TokenWindows few = TokenWindows.Of(model.Tokenizer!, text[..(text.Length / 2)], Math.Min(64, windowTokens), 2);
        TokenWindows some = TokenWindows.Of(model.Tokenizer!, text[..(text.Length / 2)], Math.Min(64, windowTokens), 8);
        TokenWindows many = TokenWindows.Of(model.Tokenizer!, text[..(text.Length / 2)], 16, 512);

        PrunableUnit[] heads = [.. PrunableUnit.Of(model.Config, UnitKind.Head)];
        PrunableUnit[] layers = [.. PrunableUnit.Of(model.Config, UnitKind.Layer)];
        Stopwatch clock = Stopwatch.StartNew();
        using AblationMeter meter = new(model.Config, model.Weights, cpu, held);
        double[] headHarm = meter.HarmOfEach(heads), layerHarm = meter.HarmOfEach(layers);
        Console.WriteLine($"{model.Name}: {heads.Length} heads and {layers.Length} layers silenced one by one over {held.TokenCount} tokens in {clock.Elapsed.TotalSeconds:0.0} s");
        Console.WriteLine($"harm of heads {headHarm.Min():0.00000} to {headHarm.Max():0.000}, of layers {layerHarm.Min():0.000} to {layerHarm.Max():0.00} nats a token");
        Console.WriteLine($"{"method",-28} {"heads",7} {"layers",7} {"all",7} {"tokens run",11} {"seconds",8}");
        double[] all = [.. headHarm, .. layerHarm];
        foreach ((string name, ImportanceMethod method, TokenWindows read) in new[]
        {
            ("magnitude", ImportanceMethod.Magnitude, few),
            ("activation", ImportanceMethod.Activation, some),
            ("block influence", ImportanceMethod.BlockInfluence, some),
            ("sensitivity", ImportanceMethod.Sensitivity, some),
            ("random masks", ImportanceMethod.RandomMasks, many),
            ("ablation, 128 tokens", ImportanceMethod.Ablation, few),
            ("ablation, 512 tokens", ImportanceMethod.Ablation, some),
        })
        {
            UnitImportance importance = new(model.Config, model.Weights, cpu, read, seed: 1);
            clock.Restart();
            double[] ofHeads = importance.Of(method, heads), ofLayers = importance.Of(method, layers);
            int runs = method switch
            {
                ImportanceMethod.Magnitude => 0,
                ImportanceMethod.Activation or ImportanceMethod.BlockInfluence => 1,
                ImportanceMethod.Sensitivity => 2 + (2 * model.Config.Layers),
                ImportanceMethod.RandomMasks => 3,
                _ => 1 + heads.Length + layers.Length,
            };
            Console.WriteLine(FormattableString.Invariant(
                $"{name,-28} {RankCorrelation.Spearman(ofHeads, headHarm),7:0.000} {RankCorrelation.Spearman(ofLayers, layerHarm),7:0.000} {RankCorrelation.Spearman([.. ofHeads, .. ofLayers], all),7:0.000} {runs * (long)read.TokenCount,11} {clock.Elapsed.TotalSeconds,8:0.0}"));
        }

        Console.WriteLine($"the measurement itself: {(1 + heads.Length + layers.Length) * (long)held.TokenCount} tokens run");
        Zeros(model, cpu, some, held);
        Console.WriteLine();
        PruningAdvisor advisor = new(model.Config, model.Weights, cpu, some, held, new MachineLimits(20e9, 200e9));
        PruningAdvice measured = advisor.Advise(measure: true);
        Dictionary<string, double> predicted = advisor.Advise(measure: false).Options.ToDictionary(option => option.Name, option => option.Harm);
        PruningOption[] both = [.. measured.Options.Where(option => predicted.ContainsKey(option.Name))];
        Console.WriteLine(measured);
        foreach (PruningOption option in both)
        {
            Console.WriteLine(FormattableString.Invariant($"{option.Name}: measured {option.Harm:0.000}, predicted {predicted[option.Name]:0.000}"));
        }

        Console.WriteLine(FormattableString.Invariant($"predicted and measured harm of the ways: {RankCorrelation.Spearman([.. both.Select(option => option.Harm)], [.. both.Select(option => predicted[option.Name])]):0.000}"));
    }

    /// <summary>What setting weights to zero costs, by method and pattern.</summary>
    static void Zeros(ModelPackage model, CpuBackend cpu, TokenWindows calibration, TokenWindows held)
    {
        ActivationStatistics statistics = ActivationStatistics.Collect(model.Config, model.Weights, cpu, calibration, new CalibrationOptions { Gram = _ => true, Threads = 1 });
        using QualityMeter meter = new(model.Config, model.Weights, cpu, held);
        Console.WriteLine();
        Console.WriteLine($"{"zeros",-20} {"share",7} {"output error",13} {"KL",8} {"perplexity",11} (was {meter.Original.Perplexity:0.00})");
        foreach (Sparsity sparsity in new[] { new Sparsity(0.25), new Sparsity(0.5), Sparsity.TwoOfFour })
        {
            foreach (SparseMethod method in Enum.GetValues<SparseMethod>())
            {
                WeightOverlay overlay = new(model.Weights);
                IReadOnlyDictionary<string, SparseMatrix> pruned = SparseModel.Apply(model.Config, overlay, sparsity, method, statistics);
                Quality quality = meter.Measure(overlay, cpu, TensorFormat.F32);
                Console.WriteLine(FormattableString.Invariant(
                    $"{$"{sparsity} {method}",-20} {pruned.Values.Average(matrix => matrix.Zeros),7:0.0%} {pruned.Values.Average(matrix => matrix.RelativeError),13:0.0000} {quality.MeanKl,8:0.0000} {quality.Perplexity,11:0.00}"));
            }
        }
    }
}

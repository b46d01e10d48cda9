using System.Collections.Immutable;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models;
using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Quantization;
using OpenAutoGlm.Optimization.Recipes;
using OpenAutoGlm.Optimization.Search;
using OpenAutoGlm.Optimization.Search.Costs;
using OpenAutoGlm.Optimization.Search.Runs;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Benchmarks;

/// <summary>A model with its windows, sensitivities and search, as the optimizer's benchmarks need them.</summary>
sealed class OptimizerLab : IDisposable
{
    const int WindowTokens = 128;

    readonly QualityMeter _heldOut;

    internal OptimizerLab(string path, string? textPath, int threads, int windowCount, SensitivityMethod method, RoundingMethod rounding, ImmutableArray<TensorFormat> formats)
    {
        Model = ModelPackage.Open(path);
        Backend = new CpuBackend(new CpuOptions { Threads = threads });
        TokenWindows all = textPath is null ? Sampled(Model, Backend, 2 * windowCount) : TokenWindows.Of(Model.Tokenizer!, File.ReadAllText(textPath), WindowTokens, 2 * windowCount);
        RecipeCalibration calibration = new() { Windows = windowCount, HeldOutWindows = windowCount, SensitivityWindows = windowCount, WindowTokens = WindowTokens };
        CalibrationWindows windows = CalibrationWindows.Of(all, calibration);
        Space = ChoiceSpace.Of(Model.Config, Model.Weights, Grouping.Stored, formats, [TensorFormat.F32]);
        ActivationStatistics? statistics = !rounding.UsesStatistics ? null : ActivationStatistics.Collect(Model.Config, Model.Weights, Backend, windows.Calibration, new CalibrationOptions());
        Builder = new CandidateBuilder(Model.Weights, Space, statistics, _ => rounding);
        using QualityMeter sensing = new(Model.Config, Model.Weights, Backend, windows.Sensitivity);
        _heldOut = new QualityMeter(Model.Config, Model.Weights, Backend, windows.HeldOut);
        Losses = new SensitivityScan(Builder, (candidate, kv, cancellation) => sensing.Measure(candidate, Backend, kv, null, cancellation).MeanKl, new SensitivityCache(null, "", TimeProvider.System), TimeProvider.System)
            .Run(method, TimeSpan.Zero);
        Search = new FormatSearch(Losses, ModelCosts.Bytes(Model.Config, Model.Weights, Space, 0));
        Description = $"{Model.Name}: {Space.Groups.Length} groups, {Space.Choices.Sum(choices => choices.Length)} choices, {Losses.Measurements} measurements, {windows.HeldOut.Scored} predictions held out, {Backend.Description}";
    }

    internal ModelPackage Model { get; }

    internal CpuBackend Backend { get; }

    internal ChoiceSpace Space { get; }

    internal CandidateBuilder Builder { get; }

    internal SensitivityTable Losses { get; }

    /// <summary>A search by bytes and losses, without times.</summary>
    internal FormatSearch Search { get; }

    internal string Description { get; }

    internal Quality Measure(Assignment assignment) => _heldOut.Measure(Builder.Build(assignment), Backend, assignment.KvFormat);

    /// <inheritdoc/>
    public void Dispose()
    {
        _heldOut.Dispose();
        Backend.Dispose();
        Model.Dispose();
    }

    /// <summary>Text of the model itself: temperature 1, seeded, from BOS until the window is full.</summary>
    internal static TokenWindows Sampled(ModelPackage model, CpuBackend backend, int count)
    {
        int bos = model.Tokenizer?.BosId ?? 1;
        Random random = new(1);
        List<int> ids = [];
        using ModelProbe probe = new(model.Config, model.Weights, backend, new ProbeOptions(WindowTokens, TensorFormat.F32));
        for (int w = 0; w < count; w++)
        {
            List<int> window = [bos];
            while (window.Count < WindowTokens)
            {
                probe.Run([.. window]);
                window.Add(Draw(probe.Logits(window.Count - 1), random.NextDouble()));
            }

            ids.AddRange(window);
        }

        return TokenWindows.Of([.. ids], WindowTokens);
    }

    static int Draw(ReadOnlySpan<float> logits, double share)
    {
        float most = float.NegativeInfinity;
        foreach (float logit in logits)
        {
            most = Math.Max(most, logit);
        }

        double[] weights = new double[logits.Length];
        double sum = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            sum += weights[i] = Math.Exp(logits[i] - most);
        }

        for (int i = 0; i < weights.Length; i++)
        {
            share -= weights[i] / sum;
            if (share < 0)
            {
                return i;
            }
        }

        return weights.Length - 1;
    }
}

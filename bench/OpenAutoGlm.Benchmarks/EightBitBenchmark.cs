using System.Globalization;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Engine.Measuring;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Quantization;
using OpenAutoGlm.Optimization.Recipes;
using OpenAutoGlm.Optimization.Search;
using OpenAutoGlm.Optimization.Search.Costs;
using OpenAutoGlm.Optimization.Search.Runs;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Benchmarks;

/// <summary>
/// Weights and activations of 8 bits with INT8 keys and values, against BF16 of both: latency, memory and throughput in turn, and on a text
/// what is lost, with and without SmoothQuant, which changes weights and no kernel.
/// </summary>
static class EightBitBenchmark
{
    const int WindowTokens = 128;
    const int Windows = 32;
    const int Depth = 2048;
    const int Prompt = 512;
    const int Sequences = 8;

    internal static void Run(string path, string? textPath, int threads, int rounds)
    {
        using ModelPackage model = ModelPackage.Open(path);
        using CpuBackend backend = new(new CpuOptions { Threads = threads });
        TensorFormat kv = FormatRule.Fits(TensorFormat.Q8_0, model.Config.HeadDim) ? TensorFormat.Q8_0 : TensorFormat.BF16;
        ChoiceSpace space = ChoiceSpace.Of(model.Config, model.Weights, Grouping.Stored, [], [TensorFormat.BF16, kv]);
        Console.WriteLine($"# {model.Name}: {backend.Description}, keys and values {kv} against BF16{(kv == TensorFormat.BF16 ? $" (heads are {model.Config.HeadDim} wide, INT8 takes 32 at a time)" : "")}\n");
        if (textPath is not null)
        {
            Losses(model, backend, space, kv, textPath == "-" ? OptimizerLab.Sampled(model, backend, 2 * Windows) : TokenWindows.Of(model.Tokenizer!, File.ReadAllText(textPath), WindowTokens, 2 * Windows));
        }

        if (rounds > 0)
        {
            CandidateBuilder builder = new(model.Weights, space, null, _ => new Nearest());
            Speeds(model.Config, backend, builder.Build(All(space, TensorFormat.BF16)), builder.Build(All(space, TensorFormat.Q8_0)), kv, rounds);
        }
    }

    static Assignment All(ChoiceSpace space, TensorFormat format) => new([.. space.Groups.Select(_ => format)], TensorFormat.BF16);

    static void Losses(ModelPackage model, CpuBackend backend, ChoiceSpace space, TensorFormat kv, TokenWindows text)
    {
        CalibrationWindows windows = CalibrationWindows.Of(text, new RecipeCalibration { Windows = text.Windows.Length / 2, HeldOutWindows = text.Windows.Length / 2, WindowTokens = WindowTokens });
        ActivationStatistics statistics = ActivationStatistics.Collect(model.Config, model.Weights, backend, windows.Calibration, new CalibrationOptions());
        TransformedWeights smooth = WeightTransforms.SmoothQuant(model.Config, model.Weights, statistics);
        CandidateBuilder plain = new(model.Weights, space, statistics, _ => new Nearest());
        CandidateBuilder smoothed = new(smooth.Weights, space, statistics, _ => new Nearest()) { Adapt = smooth.Adapt };
        using QualityMeter meter = new(model.Config, model.Weights, backend, windows.HeldOut);
        Console.WriteLine($"{meter.Original.Tokens} predictions held out; perplexity of the model as stored {N(meter.Original.Perplexity)}.\n");
        Console.WriteLine("| weights | keys and values | KL, nats | perplexity | change | same likeliest token |");
        Console.WriteLine("|---|---|---|---|---|---|");
        Row("BF16", plain.Build(All(space, TensorFormat.BF16)), TensorFormat.BF16);
        Row("Q8_0", plain.Build(All(space, TensorFormat.Q8_0)), TensorFormat.BF16);
        Row("Q8_0 after SmoothQuant", smoothed.Build(All(space, TensorFormat.Q8_0)), TensorFormat.BF16);
        if (kv != TensorFormat.BF16)
        {
            Row("Q8_0", plain.Build(All(space, TensorFormat.Q8_0)), kv);
            Row("Q8_0 after SmoothQuant", smoothed.Build(All(space, TensorFormat.Q8_0)), kv);
        }

        Console.WriteLine();

        void Row(string name, IWeights weights, TensorFormat format)
        {
            Quality quality = meter.Measure(weights, backend, format);
            Console.WriteLine($"| {name} | {format} | {N(quality.MeanKl)} ± {N(quality.MeanKlError)} | {N(quality.Perplexity)} | {100 * (Math.Exp(quality.CrossEntropyChange) - 1):+0.000;-0.000} % ± {100 * quality.CrossEntropyChangeError:0.000} | {quality.Top1Agreement:P2} |");
        }
    }

    static void Speeds(ModelConfig config, CpuBackend backend, IWeights halves, IWeights bytes, TensorFormat kv, int rounds)
    {
        int depth = Math.Min(Depth, config.ContextLength - 1), prompt = Math.Min(Prompt, config.ContextLength);
        using ModelMeter before = new(config, halves, backend, Limits(TensorFormat.BF16));
        using ModelMeter after = new(config, bytes, backend, Limits(kv));
        Console.WriteLine($"{rounds} rounds in turn, medians.\n\n| | BF16 | INT8 | change |");
        Console.WriteLine("|---|---|---|---|");
        Row("weights, MiB", ModelCosts.StoredBytes(config, halves, out _) / (double)(1 << 20), ModelCosts.StoredBytes(config, bytes, out _) / (double)(1 << 20));
        Row($"keys and values of {depth} tokens, MiB", depth * config.KvBytesPerToken(TensorFormat.BF16) / (double)(1 << 20), depth * config.KvBytesPerToken(kv) / (double)(1 << 20));
        Timed("latency of a token, ms", meter => meter.Decode(1, 0), seconds => 1e3 * seconds);
        Timed($"latency of a token after {depth}, ms", meter => meter.Decode(1, depth), seconds => 1e3 * seconds);
        Timed($"latency of a prompt of {prompt}, ms", meter => meter.Prefill(prompt), seconds => 1e3 * seconds);
        Timed($"throughput of {Sequences} sequences after {depth / Sequences}, tokens/s", meter => meter.Decode(Sequences, depth / Sequences), seconds => Sequences / seconds);
        Timed("throughput of prompts, tokens/s", meter => meter.Prefill(prompt), seconds => prompt / seconds);

        MeterLimits Limits(TensorFormat format) => new(Sequences, depth + 1, depth + Sequences + prompt, prompt, format);

        void Timed(string what, Func<ModelMeter, TimeSpan> step, Func<double, double> figure)
        {
            (double[] first, double[] second) = (new double[rounds], new double[rounds]);
            step(before);
            step(after);
            for (int i = 0; i < rounds; i++)
            {
                first[i] = step(before).TotalSeconds;
                second[i] = step(after).TotalSeconds;
            }

            Row(what, figure(Median(first)), figure(Median(second)));
        }

        static void Row(string what, double first, double second) => Console.WriteLine($"| {what} | {N(first)} | {N(second)} | {100 * ((second / first) - 1):+0.0;-0.0} % |");
    }

    static double Median(double[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }

    static string N(double value) => value.ToString(value >= 100 ? "0" : value >= 1 ? "0.000" : value == 0 ? "0" : "0.00e0", CultureInfo.InvariantCulture);
}

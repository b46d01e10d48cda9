using System.Collections.Immutable;
using System.Globalization;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Quantization;
using OpenAutoGlm.Optimization.Search;
using OpenAutoGlm.Optimization.Search.Costs;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Benchmarks;

/// <summary>
/// Whether random wishes for the time of a token and of a prompt's token are kept when they are measured again. Draws are seeded,
/// around what formats take here, some below anything. The original, measured in turns with each result, shows what the machine
/// itself did meanwhile.
/// </summary>
static class OptimizerTimesBenchmark
{
    const int Wishes = 16;
    const int Turns = 5;
    const double LeastShare = 0.85;
    const double MostShare = 1.1;

    static readonly ImmutableArray<TensorFormat> Formats = [TensorFormat.F32, TensorFormat.BF16, TensorFormat.Q8_0, TensorFormat.Q6_K, TensorFormat.Q5_K, TensorFormat.Q4_K, TensorFormat.Q4_0];

    internal static void Run(string path, string? textPath, int threads)
    {
        using OptimizerLab lab = new(path, textPath, threads, windowCount: 2, SensitivityMethod.Proxy, new Nearest(), Formats);
        ModelConfig config = lab.Model.Config;
        ModelCosts costs = ModelCosts.Measure(config, lab.Model.Weights, lab.Backend, lab.Space, 0, "here", new TimeCache(null));
        FormatSearch search = new(lab.Losses, costs);
        KernelTime Time(Assignment assignment) => ModelCosts.Whole(config, lab.Builder.Build(assignment), lab.Backend, 0, assignment.KvFormat);
        KernelTime Original() => ModelCosts.Whole(config, lab.Model.Weights, lab.Backend, 0, TensorFormat.F32);

        Console.WriteLine($"# {lab.Description}\n");
        KernelTime original = Median([.. Enumerable.Range(0, Turns).Select(_ => Original())]);
        Console.WriteLine($"As it is: {Ms(original.DecodeSeconds)} ms a token, {Ms(original.PrefillSeconds)} ms a prompt token.\n");
        Console.WriteLine("| format | predicted ms a token | measured | predicted ms a prompt token | measured |");
        Console.WriteLine("|---|---|---|---|---|");
        List<KernelTime> reached = [];
        foreach ((TensorFormat format, Assignment assignment) in search.Uniform())
        {
            ChoiceCost predicted = search.Predict(assignment).Cost;
            reached.Add(Time(assignment));
            Console.WriteLine($"| {format} | {Ms(predicted.DecodeSeconds)} | {Ms(reached[^1].DecodeSeconds)} | {Ms(predicted.PrefillSeconds)} | {Ms(reached[^1].PrefillSeconds)} |");
        }

        Console.WriteLine("\n| wish | kept | KL | ms a token | again | ms a prompt token | again | original then ÷ now | measured | nearest |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
        Random random = new(5);
        double Between(Func<KernelTime, double> of) => LeastShare * reached.Min(of) * Math.Pow(MostShare / LeastShare * reached.Max(of) / reached.Min(of), random.NextDouble());
        (int honest, int kept, int broken) = (0, 0, 0);
        for (int i = 0; i < Wishes; i++)
        {
            (double decode, double prefill) = (Between(time => time.DecodeSeconds), Between(time => time.PrefillSeconds));
            double kl = search.Predict(search.Uniform()[^1].Assignment).Loss * Math.Exp(-5 * random.NextDouble());
            long bytes = (long)(costs.Fixed.Bytes + (costs.Groups.Sum(group => group.Max(cost => cost.Bytes)) * (0.1 + (0.5 * random.NextDouble()))));
            Wish wish = (i % 8) switch
            {
                0 => new Wish { MaxDecodeSeconds = decode },
                1 => new Wish { MaxPrefillSeconds = prefill },
                2 => new Wish { MaxDecodeSeconds = decode, MaxKl = kl },
                3 => new Wish { MaxDecodeSeconds = decode, MaxBytes = bytes },
                4 => new Wish { MaxPrefillSeconds = prefill, MaxKl = kl, Minimise = Goal.Bytes },
                5 => new Wish { MaxDecodeSeconds = decode, MaxPrefillSeconds = prefill },
                6 => new Wish { MaxPrefillSeconds = prefill, MaxBytes = bytes, MaxKl = kl },
                _ => new Wish { MaxKl = kl, MaxBytes = bytes, Minimise = Goal.DecodeSeconds },
            };
            PromiseResult result = new PromiseKeeper(search, (assignment, _) =>
            {
                KernelTime before = Time(assignment);
                var quality = lab.Measure(assignment);
                return new MeasuredCandidate(quality, KernelTime.Slower(before, Time(assignment)));
            }).Run(wish);
            if (result.Best is not { } best)
            {
                honest += result.Nearest.IsEmpty ? 0 : 1;
                Console.WriteLine($"| {wish} | no | | | | | | | 0 | {string.Join("; ", result.Nearest)} |");
                continue;
            }

            List<(KernelTime Result, KernelTime Original)> turns = [];
            for (int turn = 0; turn < Turns; turn++)
            {
                turns.Add((Time(best.Answer.Assignment), Original()));
            }

            KernelTime again = Median([.. turns.Select(turn => turn.Result)]);
            double drift = Median([.. turns.Select(turn => turn.Original)]).DecodeSeconds / original.DecodeSeconds;
            bool keeps = again.DecodeSeconds <= (wish.MaxDecodeSeconds ?? double.PositiveInfinity) && again.PrefillSeconds <= (wish.MaxPrefillSeconds ?? double.PositiveInfinity)
                && best.Answer.Cost.Bytes <= (wish.MaxBytes ?? double.PositiveInfinity) && PromiseKeeper.Use(wish, best.Measured.Quality) <= 1;
            kept += result.Kept ? 1 : 0;
            broken += result.Kept && !keeps ? 1 : 0;
            honest += result.Kept ? (keeps ? 1 : 0) : result.Nearest.IsEmpty ? 0 : 1;
            Console.WriteLine($"| {wish} | {(result.Kept ? keeps ? "yes" : "not again" : "no")} | {OptimizerBenchmark.F(best.Measured.Quality.MeanKl)} | {Ms(best.Measured.Time!.Value.DecodeSeconds)} | {Ms(again.DecodeSeconds)} | {Ms(best.Measured.Time!.Value.PrefillSeconds)} | {Ms(again.PrefillSeconds)} | {1 / drift:0.00} | {result.Rounds.Length} | {string.Join("; ", result.Nearest)} |");
        }

        Console.WriteLine($"\n{honest} of {Wishes} wishes are kept by times measured again, or the nearest that can be reached is named: {kept} kept, of these {broken} not when measured again.");
    }

    static KernelTime Median(KernelTime[] times) => new(Middle(times.Select(time => time.DecodeSeconds)), Middle(times.Select(time => time.PrefillSeconds)));

    static double Middle(IEnumerable<double> values) => values.Order().ElementAt(Turns / 2);

    static string Ms(double seconds) => (1e3 * seconds).ToString("0.000", CultureInfo.InvariantCulture);
}

using System.Globalization;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Quantization;
using OpenAutoGlm.Optimization.Search;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Benchmarks;

/// <summary>
/// What the optimizer's search is worth on a trained model, as tables: against uniform formats and fixed mixtures at equal bytes and at equal loss, how
/// predicted losses rank candidates, and whether random wishes are kept by measured numbers. All random draws are seeded; the
/// windows that numbers are from are not those that were calibrated with.
/// </summary>
static class OptimizerBenchmark
{
    const int Combinations = 40;
    const int Wishes = 20;

    internal static void Run(string path, string? textPath, int threads, bool wishes)
    {
        using OptimizerLab lab = new(path, textPath, threads, windowCount: 24, SensitivityMethod.Measured, new ImportanceWeighted(), formats: []);
        (FormatSearch search, ModelConfig config) = (lab.Search, lab.Model.Config);
        Console.WriteLine($"# {lab.Description}\n");
        AtEqualBytes(search, config, lab.Measure);
        AtEqualLoss(search, config, lab.Measure);
        Ranking(search, lab.Space, lab.Measure);
        if (wishes)
        {
            RandomWishes(search, config, lab.Measure);
        }
    }

    static void AtEqualBytes(FormatSearch search, ModelConfig config, Func<Assignment, Quality> measure)
    {
        Console.WriteLine("| at most the bytes of | bytes | its KL | searched: bytes | predicted KL | KL | of it |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        int better = 0, compared = 0;
        foreach ((string name, Assignment fixedOne) in Fixed(search, config))
        {
            double bytes = search.Predict(fixedOne).Cost.Bytes;
            SearchAnswer answer = search.Solve(Goal.Loss, new SearchLimits(double.PositiveInfinity, bytes, double.PositiveInfinity, double.PositiveInfinity)).Answer!;
            (Quality theirs, Quality ours) = (measure(fixedOne), measure(answer.Assignment));
            compared++;
            better += ours.MeanKl < theirs.MeanKl ? 1 : 0;
            Console.WriteLine($"| {name} | {bytes:N0} | {F(theirs.MeanKl)} ± {F(theirs.MeanKlError)} | {answer.Cost.Bytes:N0} | {F(answer.Loss)} | {F(ours.MeanKl)} ± {F(ours.MeanKlError)} | {ours.MeanKl / theirs.MeanKl:P0} |");
        }

        Console.WriteLine($"\nThe search is nearer to the original in {better} of {compared}.\n");
    }

    /// <summary>The other way round: what keeps the divergence of a fixed choice, as small as the search finds it.</summary>
    static void AtEqualLoss(FormatSearch search, ModelConfig config, Func<Assignment, Quality> measure)
    {
        Console.WriteLine("| KL at most that of | its KL | bytes | searched: KL | with its error | bytes | saved |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        int smaller = 0, kept = 0, compared = 0;
        foreach (var alike in Fixed(search, config).GroupBy(one => one.Assignment, one => one.Name))
        {
            double theirs = measure(alike.Key).MeanKl;
            double bytes = search.Predict(alike.Key).Cost.Bytes;
            PromiseResult result = new PromiseKeeper(search, (assignment, _) => new MeasuredCandidate(measure(assignment), null)).Run(new Wish { MaxKl = theirs, Minimise = Goal.Bytes });
            Quality ours = measure(result.Best!.Answer.Assignment);
            double most = ours.MeanKl + (PromiseKeeper.ErrorsAllowed * ours.MeanKlError);
            double saved = 1 - (result.Best.Answer.Cost.Bytes / bytes);
            compared++;
            kept += result.Kept && most <= theirs ? 1 : 0;
            smaller += saved > 0 ? 1 : 0;
            Console.WriteLine($"| {string.Join(", ", alike)} | {F(theirs)} | {bytes:N0} | {F(ours.MeanKl)} | {F(most)} | {result.Best.Answer.Cost.Bytes:N0} | {100 * saved:0.0} % |");
        }

        Console.WriteLine($"\nMeasured, {kept} of {compared} are within that KL, error included; {smaller} of {compared} are smaller.\n");
    }

    static IEnumerable<(string Name, Assignment Assignment)> Fixed(FormatSearch search, ModelConfig config) =>
        search.Uniform().Where(uniform => BlockFormat.Of(uniform.Format).BitsPerElement <= 9).Select(uniform => ($"{uniform.Format}", uniform.Assignment)).Concat(search.Mixes(config));

    static void Ranking(FormatSearch search, ChoiceSpace space, Func<Assignment, Quality> measure)
    {
        Random random = new(2);
        List<(double Predicted, double Measured)> pairs = [];
        for (int i = 0; i < Combinations; i++)
        {
            // From coarse to fine, so that combinations of all sizes are there.
            double coarse = (i + 0.5) / Combinations;
            Assignment assignment = new(
                [.. space.Choices.Select(choices => choices[Math.Clamp((int)((choices.Length * coarse) + ((random.NextDouble() - 0.5) * choices.Length * 0.8)), 0, choices.Length - 1)])],
                space.KvChoices[0]);
            pairs.Add((search.Losses.Predict(assignment), measure(assignment).MeanKl));
        }

        double ratio = Math.Exp(pairs.Average(pair => Math.Log(pair.Measured / pair.Predicted)));
        double spread = Math.Sqrt(pairs.Average(pair => Math.Pow(Math.Log(pair.Measured / pair.Predicted / ratio), 2)));
        Console.WriteLine($"{Combinations} random combinations, KL {F(pairs.Min(pair => pair.Measured))} to {F(pairs.Max(pair => pair.Measured))}: Spearman of predicted and measured {Spearman(pairs):0.000}, measured ÷ predicted {F(ratio)} (× or ÷ {F(Math.Exp(spread))}).");
        (double Predicted, double Measured)[] alike = [.. pairs.OrderBy(pair => pair.Predicted).Skip(Combinations / 4).Take(Combinations / 2)];
        Console.WriteLine($"The middle half alone: Spearman {Spearman(alike):0.000}.\n");
    }

    static void RandomWishes(FormatSearch search, ModelConfig config, Func<Assignment, Quality> measure)
    {
        Random random = new(3);
        double least = search.Solve(Goal.Bytes, new SearchLimits(double.PositiveInfinity, double.PositiveInfinity, double.PositiveInfinity, double.PositiveInfinity)).Answer!.Cost.Bytes;
        double most = search.Solve(Goal.Loss, new SearchLimits(double.PositiveInfinity, double.PositiveInfinity, double.PositiveInfinity, double.PositiveInfinity)).Answer!.Cost.Bytes;
        Console.WriteLine("| wish | kept | bytes | KL | perplexity | floor used | measured | nearest |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        int honest = 0;
        for (int i = 0; i < Wishes; i++)
        {
            double kl = Math.Exp(Math.Log(1e-4) + (random.NextDouble() * Math.Log(2e3)));
            long bytes = (long)(least * 0.9 * Math.Pow(most / least, random.NextDouble()));
            Wish wish = (i % 4) switch
            {
                0 => new Wish { MaxKl = kl },
                1 => new Wish { MaxLossPercent = 100 * kl },
                2 => new Wish { MaxBytes = bytes },
                _ => new Wish { MaxBytes = bytes, MaxKl = kl },
            };
            PromiseResult result = new PromiseKeeper(search, (assignment, _) => new MeasuredCandidate(measure(assignment), null))
            {
                Rivals = [.. search.Uniform().Select(uniform => ($"{uniform.Format} everywhere", uniform.Assignment)), .. search.Mixes(config)],
            }.Run(wish);
            Quality? quality = result.Best is null ? null : measure(result.Best.Answer.Assignment);
            bool keeps = quality is not null && PromiseKeeper.Use(wish, quality) <= 1 && result.Best!.Answer.Cost.Bytes <= (wish.MaxBytes ?? long.MaxValue);
            honest += result.Kept ? (keeps ? 1 : 0) : result.Nearest.IsEmpty ? 0 : 1;
            Console.WriteLine($"| {wish} | {(result.Kept ? "yes" : "no")} | {result.Best?.Answer.Cost.Bytes:N0} | {(quality is null ? "" : F(quality.MeanKl))} | {(quality is null ? "" : F(quality.Perplexity))} | {(quality is null || !wish.HasFloor ? "" : PromiseKeeper.Use(wish, quality).ToString("P0", CultureInfo.InvariantCulture))} | {result.Rounds.Length} | {string.Join("; ", result.Nearest)} |");
        }

        Console.WriteLine($"\n{honest} of {Wishes} wishes are kept by numbers measured again, or the nearest that can be reached is named.");
    }

    /// <summary>The correlation of ranks.</summary>
    static double Spearman(IReadOnlyList<(double A, double B)> pairs)
    {
        double[] a = Ranks(pairs.Select(pair => pair.A));
        double[] b = Ranks(pairs.Select(pair => pair.B));
        double mean = (pairs.Count - 1) / 2.0;
        double cross = a.Zip(b).Sum(pair => (pair.First - mean) * (pair.Second - mean));
        return cross / Math.Sqrt(a.Sum(rank => (rank - mean) * (rank - mean)) * b.Sum(rank => (rank - mean) * (rank - mean)));
    }

    static double[] Ranks(IEnumerable<double> values)
    {
        double[] all = [.. values];
        return [.. all.Select(value => all.Count(other => other < value) + ((all.Count(other => other == value) - 1) / 2.0))];
    }

    internal static string F(double value) => value.ToString(value is >= 0.1 or 0 ? "0.000" : "0.0e0", CultureInfo.InvariantCulture);
}

using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Reports;
using OpenAutoGlm.Optimization.Search.Costs;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Optimization.Search.Runs;

/// <summary>What is said about an optimisation that only its caller knows.</summary>
/// <param name="Name">What the model is called.</param>
/// <param name="Source">Where it lies; null where that does not matter.</param>
/// <param name="Machine">The machine.</param>
/// <param name="Program">What ran, with its version.</param>
/// <param name="Written">When.</param>
/// <param name="Commands">Commands that do the same again.</param>
public sealed record ReportFacts(
    string Name, string? Source, ReportedMachine Machine, string Program, DateTimeOffset Written, ImmutableArray<ReportedCommand> Commands);

/// <summary>Puts what an optimisation found out into a report.</summary>
public static class OptimizationReporting
{
    /// <summary>The report.</summary>
    /// <param name="result">What was found out.</param>
    /// <param name="config">The model.</param>
    /// <param name="weights">The model's weights as it came.</param>
    /// <param name="facts">What else is said.</param>
    public static OptimizationReport Of(OptimizationResult result, ModelConfig config, IWeights weights, ReportFacts facts)
    {
        ArgumentNullException.ThrowIfNull(result);
        TensorFormat usual = FormatRule.KvChoicesOf(config.HeadDim).Contains(TensorFormat.BF16) ? TensorFormat.BF16 : TensorFormat.F32;
        PromiseRound? best = result.Promise.Best;
        return new OptimizationReport
        {
            Written = facts.Written,
            Program = facts.Program,
            Model = ReportedModel.Of(facts.Name, facts.Source, config, Architecture.Build(config, weights, new GraphOptions(KvFormat: usual))),
            Result = result.Weights is { } made && best is not null
                ? ReportedModel.Of(facts.Name, null, result.Config, Architecture.Build(result.Config, made, new GraphOptions(KvFormat: best.Answer.Assignment.KvFormat)))
                : null,
            Machine = facts.Machine,
            Wish = new ReportedWish($"{result.Wish}", Promises(result)),
            Summary = result.Summary(),
            Decisions = Decisions(result),
            Comparison = Comparison(result, config, usual),
            Quality = best is null ? null : Qualities(result, best.Measured.Quality),
            Sensitivity = Ranking(result),
            Formats = best is null ? null : Formats(result, best, result.Config),
            Candidates = Candidate.WithFront(Candidates(result, result.Config, TensorGroups.Of(config, weights).Sum(group => group.Elements))),
            Stages = [.. result.Stages.Select(stage => new StageTime(stage.Stage.ToString().ToLowerInvariant(), stage.Time.TotalSeconds))],
            Commands = facts.Commands,
            Warnings = result.Warnings,
            Shortfalls = result.Kept ? [] : [.. result.Promise.Nearest.Select(nearest => nearest.ToString())],
        };
    }

    static ImmutableArray<Promise> Promises(OptimizationResult result)
    {
        Wish wish = result.Wish;
        PromiseRound? best = result.Promise.Best;
        Quality? quality = best?.Measured.Quality;
        List<Promise> promises = [];
        string rule = $"kept where the mean plus {PromiseKeeper.ErrorsAllowed} standard errors is within the limit";
        string speed = $"kept where the median and {Figures.Short(100 * PromiseKeeper.TimeMargin)} % of it are within the limit";
        Add("weights", ReportUnit.Bytes, wish.MaxBytes, Goal.Bytes, best?.Answer.Cost.Bytes, best?.Answer.Cost.Bytes, wish.ContextTokens > 0 ? $"with the keys and values of {wish.ContextTokens} tokens" : null);
        Add("mean KL divergence", ReportUnit.Nats, wish.MaxKl, Goal.Loss, Predicted(), quality is null ? null : quality.MeanKl + (PromiseKeeper.ErrorsAllowed * quality.MeanKlError), rule);
        Add("rise of perplexity", ReportUnit.Share, wish.MaxLossPercent / 100, Goal.Loss, Predicted() is { } loss ? Math.Exp(loss) - 1 : null, quality is null ? null : Math.Exp(quality.CrossEntropyChange + (PromiseKeeper.ErrorsAllowed * quality.CrossEntropyChangeError)) - 1, rule);
        Add("time per token", ReportUnit.Seconds, wish.MaxDecodeSeconds, Goal.DecodeSeconds, best?.Answer.Cost.DecodeSeconds, best?.Measured.Time is { } decode ? PromiseKeeper.Promised(decode.DecodeSeconds) : null, speed);
        Add("time per prompt token", ReportUnit.Seconds, wish.MaxPrefillSeconds, Goal.PrefillSeconds, best?.Answer.Cost.PrefillSeconds, best?.Measured.Time is { } prefill ? PromiseKeeper.Promised(prefill.PrefillSeconds) : null, speed);
        return [.. promises];

        double? Predicted() => best is null || double.IsNaN(best.Answer.Loss) ? null : best.Answer.Loss;

        void Add(string what, ReportUnit unit, double? asked, Goal goal, double? predicted, double? measured, string? note)
        {
            if (asked is { } limit)
            {
                NearestReach? nearest = result.Promise.Nearest.FirstOrDefault(reach => reach.What == goal);
                promises.Add(new Promise(what, unit, PromiseLimit.AtMost, limit, best is null ? PromiseOutcome.Impossible : measured <= limit ? PromiseOutcome.Kept : PromiseOutcome.Missed)
                {
                    Predicted = predicted,
                    Measured = measured,
                    Nearest = nearest is null || what == "rise of perplexity" ? null : nearest.Reachable,
                    Note = note,
                });
            }
        }
    }

    static ImmutableArray<Decision> Decisions(OptimizationResult result)
    {
        List<Decision> decisions = [new("weights rounded", $"method {result.Recipe.Method}{(result.Recipe.Rules.IsEmpty ? "" : ", rules of the recipe before it")}")];
        if (result.Pruned is { } pruned)
        {
            decisions.Insert(0, new("parts taken out", $"{pruned.Removed.Length} units by {result.Recipe.Prune.Method.ToString().ToLowerInvariant()}{(pruned.Zeros is { } zeros ? $", {Figures.Short(100 * zeros)} % of the layers' weights zero" : "")}"));
        }

        if (result.Sensitivity is { } table)
        {
            decisions.Add(new("sensitivities found", $"{table.Method.ToString().ToLowerInvariant()}: {table.Groups.Sum(group => group.Count(loss => loss.Measured))} of {table.Groups.Sum(group => group.Length)} choices measured by themselves"));
        }

        if (result.Promise.Best is { } best)
        {
            decisions.Add(new("formats chosen", double.IsNaN(best.Answer.Gap)
                ? best.Name == "given" ? "as the recipe fixes them" : $"{best.Name}, which measured better than what the search predicted to be the best"
                : best.Answer.Gap == 0 ? $"proven to be the best for the predicted losses, {result.Promise.Rounds.Length} candidates measured" : $"within {Figures.Short(100 * best.Answer.Gap)} % of the best for the predicted losses, {result.Promise.Rounds.Length} candidates measured"));
            decisions.Add(new($"keys and values as {best.Answer.Assignment.KvFormat}", result.Space.KvChoices.Length > 1 ? "chosen by the search" : "as asked for"));
        }

        return [.. decisions];
    }

    static ImmutableArray<BeforeAfter> Comparison(OptimizationResult result, ModelConfig config, TensorFormat usual)
    {
        if (result.Promise.Best is not { } best)
        {
            return [];
        }

        List<BeforeAfter> rows =
        [
            new("weights", ComparisonTopic.Memory, ReportUnit.Bytes, result.OriginalBytes, result.WeightBytes(best), true),
            new("keys and values per token", ComparisonTopic.Memory, ReportUnit.Bytes, config.KvBytesPerToken(usual), result.Config.KvBytesPerToken(best.Answer.Assignment.KvFormat), true),
        ];
        if (result is { OriginalTime: { } before, ResultTime: { } after })
        {
            string depth = $"1 sequence, {result.Wish.ContextTokens} tokens deep";
            rows.Add(new("time per token", ComparisonTopic.Latency, ReportUnit.Seconds, before.DecodeSeconds, after.DecodeSeconds, true) { Conditions = depth });
            rows.Add(new("time per prompt token", ComparisonTopic.Latency, ReportUnit.Seconds, before.PrefillSeconds, after.PrefillSeconds, true) { Conditions = $"prompt of {KernelClock.PrefillTokens} tokens" });
            rows.Add(new("tokens written", ComparisonTopic.Throughput, ReportUnit.TokensPerSecond, 1 / before.DecodeSeconds, 1 / after.DecodeSeconds, false) { Conditions = depth });
            rows.Add(new("tokens read", ComparisonTopic.Throughput, ReportUnit.TokensPerSecond, 1 / before.PrefillSeconds, 1 / after.PrefillSeconds, false));
        }

        return [.. rows];
    }

    static ReportedQuality Qualities(OptimizationResult result, Quality after) => new(
        "windows held out from calibration",
        after.Tokens,
        new QualityFigures(result.Original.Perplexity, result.Original.PerplexityError, result.Original.CrossEntropy),
        new QualityFigures(after.Perplexity, after.PerplexityError, after.CrossEntropy),
        new DivergenceFigures(after.MeanKl, after.MeanKlError, after.KlP90, after.KlP99, after.KlMax, after.Top1Agreement),
        []);

    static SensitivityRanking? Ranking(OptimizationResult result) => result.Sensitivity is not { } table ? null : new SensitivityRanking(
        "mean KL divergence when this group alone is stored at about 4.5 bits",
        ReportUnit.Nats,
        [
            .. table.Ranking().Select(row => new SensitivityRow(row.Group.Name, row.Group.Layer < 0 ? null : row.Group.Layer, row.Group.Kind, row.Group.Elements, ModelCosts.BytesOf(row.Group, result.Space.Sources[result.Space.IndexOf(row.Group.Name)]), row.Loss.Loss)
            {
                Chosen = result.Promise.Best is { } best ? $"{best.Answer.Assignment.Formats[result.Space.IndexOf(row.Group.Name)]}" : null,
            }),
        ]);

    static FormatMap Formats(OptimizationResult result, PromiseRound best, ModelConfig config)
    {
        ImmutableArray<FormatCell>.Builder cells = ImmutableArray.CreateBuilder<FormatCell>();
        for (int g = 0; g < result.Space.Groups.Length; g++)
        {
            TensorGroup group = result.Space.Groups[g];
            TensorFormat format = best.Answer.Assignment.Formats[g];
            cells.Add(new FormatCell(group.Layer < 0 ? null : group.Layer, RoleOf(group.Kind), format, result.Space.Sources[g], group.Elements, ModelCosts.BytesOf(group, format))
            {
                Method = format == result.Space.Sources[g] ? null : result.Recipe.MethodOf(group.Tensors[0].Name),
                PredictedLoss = result.Sensitivity is { } table ? table.Groups[g][result.Space.Choices[g].IndexOf(format)].Loss : null,
            });
        }

        TensorFormat kv = best.Answer.Assignment.KvFormat;
        cells.Add(new FormatCell(null, "kv cache", kv, result.Space.SourceKv, 2L * config.Layers * config.KvHeads * config.HeadDim, config.KvBytesPerToken(kv)));
        return new FormatMap([.. cells.Where(cell => cell.Layer is not null).Select(cell => cell.Role).Distinct()], cells.ToImmutable());
    }

    static string RoleOf(string kind) => kind switch
    {
        "attn_q" => "q",
        "attn_k" => "k",
        "attn_v" => "v",
        "attn_output" => "o",
        "ffn_gate" => "gate",
        "ffn_up" => "up",
        "ffn_down" => "down",
        "token_embd" => "embedding",
        "output" => "head",
        _ => kind,
    };

    static IEnumerable<Candidate> Candidates(OptimizationResult result, ModelConfig config, long originalElements)
    {
        long elements = result.Space.Groups.Sum(group => group.Elements);
        yield return new Candidate("original", CandidateKind.Original, result.OriginalBytes, 8.0 * result.OriginalBytes / originalElements)
        {
            MeanKl = 0,
            PredictedKl = 0,
            Perplexity = result.Original.Perplexity,
            SecondsPerToken = result.OriginalTime?.DecodeSeconds,
            PrefillTokensPerSecond = 1 / result.OriginalTime?.PrefillSeconds,
            TimeMeasured = result.OriginalTime is not null,
        };
        foreach (PromiseRound round in result.Promise.Rounds)
        {
            bool chosen = ReferenceEquals(round, result.Promise.Best);
            KernelTime? time = chosen ? result.ResultTime ?? round.Measured.Time : round.Measured.Time;
            long bytes = (long)result.WeightBytes(round);
            yield return new Candidate(chosen ? "chosen" : round.Name, chosen ? CandidateKind.Chosen : round.Name.EndsWith(" everywhere", StringComparison.Ordinal) ? CandidateKind.Uniform : round.Name == "searched" ? CandidateKind.Searched : CandidateKind.Mix, bytes, 8.0 * bytes / elements)
            {
                MeanKl = round.Measured.Quality.MeanKl,
                MeanKlError = round.Measured.Quality.MeanKlError,
                PredictedKl = double.IsNaN(round.Answer.Loss) ? null : round.Answer.Loss,
                Perplexity = round.Measured.Quality.Perplexity,
                SecondsPerToken = time?.DecodeSeconds,
                PrefillTokensPerSecond = 1 / time?.PrefillSeconds,
                TimeMeasured = time is not null,
            };
        }

        if (result.Sensitivity is not { } table)
        {
            yield break;
        }

        FormatSearch search = new(table, result.Costs);
        foreach ((string name, Assignment assignment) in search.Uniform().Select(uniform => ($"{uniform.Format} everywhere", uniform.Assignment)).Concat(search.Mixes(config)))
        {
            if (result.Promise.Rounds.Any(round => round.Answer.Assignment.Equals(assignment)))
            {
                continue;
            }

            SearchAnswer answer = search.Predict(assignment);
            long bytes = (long)(answer.Cost.Bytes - result.Costs.Kv[result.Space.KvChoices.IndexOf(assignment.KvFormat)].Bytes);
            yield return new Candidate(name, name.EndsWith(" everywhere", StringComparison.Ordinal) ? CandidateKind.Uniform : CandidateKind.Mix, bytes, 8.0 * bytes / elements)
            {
                PredictedKl = answer.Loss,
                SecondsPerToken = result.Wish.NeedsTimes ? answer.Cost.DecodeSeconds : null,
                PrefillTokensPerSecond = result.Wish.NeedsTimes ? 1 / answer.Cost.PrefillSeconds : null,
            };
        }
    }
}

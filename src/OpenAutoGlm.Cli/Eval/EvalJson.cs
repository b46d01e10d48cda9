using System.Text.Json.Nodes;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Evaluation.Tasks;

namespace OpenAutoGlm.Cli.Eval;

/// <summary>What was measured, for programs: all digits.</summary>
static class EvalJson
{
    public static JsonObject Of(EvalOutcome outcome)
    {
        JsonObject json = new() { ["original"] = outcome.Original };
        if (outcome.Candidate is not null)
        {
            json["candidate"] = outcome.Candidate;
        }

        if (outcome.Text is { } text)
        {
            json["text"] = new JsonObject
            {
                ["windows"] = text.Windows.Windows.Length,
                ["windowTokens"] = text.Windows.WindowTokens,
                ["predictions"] = text.Windows.Scored,
                ["original"] = Of(text.Original, compared: false),
                ["candidate"] = text.Candidate is { } candidate ? Of(candidate, compared: true) : null,
            };
        }

        json["tasks"] = new JsonArray([.. outcome.Tasks.Select(task => (JsonNode)Of(task))]);
        return json;
    }

    static JsonObject Of(Quality quality, bool compared)
    {
        JsonObject json = new()
        {
            ["perplexity"] = Number(quality.Perplexity),
            ["perplexityError"] = Number(quality.PerplexityError),
            ["crossEntropy"] = Number(quality.CrossEntropy),
            ["crossEntropyError"] = Number(quality.CrossEntropyError),
        };
        if (compared)
        {
            json["crossEntropyChange"] = Number(quality.CrossEntropyChange);
            json["crossEntropyChangeError"] = Number(quality.CrossEntropyChangeError);
            json["meanKl"] = Number(quality.MeanKl);
            json["meanKlError"] = Number(quality.MeanKlError);
            json["klP90"] = Number(quality.KlP90);
            json["klP99"] = Number(quality.KlP99);
            json["klMax"] = Number(quality.KlMax);
            json["top1Agreement"] = quality.Top1Agreement;
            json["top1AgreementError"] = quality.Top1AgreementError;
        }

        return json;
    }

    static JsonObject Of(TaskOutcome outcome)
    {
        JsonArray groups = [];
        TaskSummary[] original = [.. TaskSummary.Of(outcome.Task, outcome.Original)];
        TaskSummary[]? candidate = outcome.Candidate is { } results ? [.. TaskSummary.Of(outcome.Task, results)] : null;
        for (int i = 0; i < original.Length; i++)
        {
            JsonObject group = new() { ["group"] = original[i].Group, ["questions"] = original[i].Items, ["original"] = Of(original[i]) };
            if (candidate is not null)
            {
                TaskComparison compared = outcome.CompareGroup(original[i].Group);
                group["candidate"] = Of(candidate[i]);
                group["change"] = compared.Change;
                group["changeError"] = compared.ChangeError;
                group["lost"] = compared.Lost;
                group["gained"] = compared.Gained;
                group["chance"] = compared.Chance;
            }

            groups.Add((JsonNode)group);
        }

        return new JsonObject { ["task"] = outcome.Task.Name, ["results"] = groups };
    }

    static JsonObject Of(TaskSummary summary) => new()
    {
        ["right"] = summary.Right,
        ["accuracy"] = summary.Accuracy,
        ["accuracyError"] = summary.AccuracyError,
        ["low"] = summary.Interval.Low,
        ["high"] = summary.Interval.High,
        ["loss"] = summary.Loss is { } loss ? Number(loss) : null,
    };

    /// <summary>JSON has no infinity: null stands for it.</summary>
    static JsonNode? Number(double value) => double.IsFinite(value) ? value : null;
}

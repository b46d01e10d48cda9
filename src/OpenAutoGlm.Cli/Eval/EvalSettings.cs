using System.Collections.Immutable;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Evaluation.Tasks;

namespace OpenAutoGlm.Cli.Eval;

/// <summary>What to measure by.</summary>
/// <param name="Texts">Files to predict.</param>
/// <param name="Tasks">Questions to answer.</param>
/// <param name="Windows">Windows of text at most.</param>
/// <param name="WindowTokens">Tokens in one; null for the default.</param>
/// <param name="Journal">Where answers are kept; null for nowhere.</param>
sealed record EvalSettings(IReadOnlyList<string> Texts, IReadOnlyList<TaskFile> Tasks, int Windows, int? WindowTokens, string? Journal)
{
    public const int DefaultWindows = 32;

    public const int DefaultWindowTokens = 256;

    /// <summary>Whether text is to be predicted.</summary>
    public bool WantsText => Texts.Count > 0 || Tasks.Count == 0;
}

/// <summary>How two models, or one, predicted a text.</summary>
sealed record TextOutcome(TokenWindows Windows, Quality Original, Quality? Candidate);

/// <summary>How two models, or one, answered the questions of a task.</summary>
sealed record TaskOutcome(TaskFile Task, ImmutableArray<TaskResult> Original, ImmutableArray<TaskResult>? Candidate)
{
    /// <summary>Both models on the questions of a group; "" for all.</summary>
    public TaskComparison CompareGroup(string group)
    {
        return TaskComparison.Of(Of(Original), Of(Candidate ?? []));

        TaskResult[] Of(ImmutableArray<TaskResult> results) => [.. results.Where(result => group.Length == 0 || Task.Items[result.Item].Group == group)];
    }
}

/// <summary>All that was measured.</summary>
sealed record EvalOutcome(string Original, string? Candidate, TextOutcome? Text, IReadOnlyList<TaskOutcome> Tasks);

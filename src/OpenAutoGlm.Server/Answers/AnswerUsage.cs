using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Operations;

namespace OpenAutoGlm.Server.Answers;

/// <summary>Adds up what choices took. Prompts count once, however many choices continue them.</summary>
sealed class AnswerUsage(TextRuns runs, RequestRecord record)
{
    readonly int[] _cached = new int[runs.Choices];

    public int FinishedChoices { get; private set; }

    public int PromptTokens { get; } = runs.PromptTokens;

    public int CompletionTokens { get; private set; }

    /// <summary>Tokens of the prompts that were there already.</summary>
    public int CachedTokens => _cached.Where((_, choice) => choice % runs.ChoicesPerRun == 0).Sum();

    public void Add(ChoiceFinished finished)
    {
        FinishedChoices++;
        _cached[finished.Choice] = finished.Usage.CachedTokens;
        CompletionTokens += finished.Usage.CompletionTokens;
        record.CompletionTokens = CompletionTokens;
    }
}

using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Cli;

/// <summary>What a generation took, in one line.</summary>
static class Statistics
{
    public static string Line(ChoiceFinished finished)
    {
        TokenUsage usage = finished.Usage;
        SequenceTimings timings = finished.Timings;
        string prefill = Rate((usage.PromptTokens - usage.CachedTokens) / timings.Prefill.TotalSeconds);
        return $"prompt {usage.PromptTokens} tokens{prefill} · answer {usage.CompletionTokens} tokens{Rate(timings.DecodeTokensPerSecond)} · first after {Units.Duration(timings.TimeToFirstToken)}";
    }

    static string Rate(double tokensPerSecond) => double.IsFinite(tokensPerSecond) && tokensPerSecond > 0 ? $" at {Units.Short(tokensPerSecond)}/s" : "";
}

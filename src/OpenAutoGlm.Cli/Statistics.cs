using System.Globalization;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Cli;

/// <summary>What a generation took, in one line.</summary>
static class Statistics
{
    public static string Line(ChoiceFinished finished)
    {
        double prefill = finished.Timings.Prefill.TotalSeconds;
        double decode = finished.Timings.Decode.TotalSeconds;
        int computed = finished.Usage.PromptTokens - finished.Usage.CachedTokens;
        int steps = finished.Usage.CompletionTokens - 1;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"prompt {finished.Usage.PromptTokens} tokens{Rate(computed, prefill)} · answer {finished.Usage.CompletionTokens} tokens{Rate(steps, decode)} · first token after {Units.Duration(finished.Timings.Queue + finished.Timings.Prefill)} · ended by {finished.Reason.ToString().ToLowerInvariant()}");
    }

    static string Rate(int tokens, double seconds) => tokens > 0 && seconds > 0 ? $" at {Units.Short(tokens / seconds)}/s" : "";
}

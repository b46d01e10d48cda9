using System.Collections.Immutable;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;
using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Recipes;

namespace OpenAutoGlm.Optimization.Search.Runs;

/// <summary>
/// The windows of an optimisation, spread evenly over all texts: some for statistics, of these some for sensitivities, and
/// others in between, held out, that only the last few candidates are chosen by and that promises are measured on. No token
/// is in two of them but the marks at a window's start.
/// </summary>
/// <param name="Calibration">For statistics.</param>
/// <param name="Sensitivity">For sensitivities; a part of <paramref name="Calibration"/>.</param>
/// <param name="HeldOut">For promises.</param>
/// <param name="Warning">What was cut short; null for nothing.</param>
public sealed record CalibrationWindows(TokenWindows Calibration, TokenWindows Sensitivity, TokenWindows HeldOut, string? Warning)
{
    const int LeastTokens = 16;

    // Weights times tokens that one measurement of a sensitivity may come to: a few seconds on two cores.
    const double MostWork = 3e11;
    const int LeastWindows = 2;

    /// <summary>The windows of texts. What is too short for a recipe gives fewer windows, and then shorter ones.</summary>
    /// <exception cref="EvaluationException">There is too little text for two windows of 16 tokens.</exception>
    public static CalibrationWindows Of(CalibrationData data, Tokenizer tokenizer, ChatTemplate? template, RecipeCalibration recipe, int contextLength)
    {
        ArgumentNullException.ThrowIfNull(data);
        for (int tokens = Math.Min(recipe.WindowTokens, contextLength); ; tokens = Math.Max(LeastTokens, tokens / 2))
        {
            try
            {
                return Of(data.Windows(tokenizer, template, tokens), recipe);
            }
            catch (EvaluationException error)
            {
                if (tokens <= LeastTokens)
                {
                    throw new EvaluationException($"The calibration text is too short for two windows of {tokens} tokens, one to calibrate with and one to check with: give a longer text. {error.Message}", error);
                }
            }
        }
    }

    /// <summary>Windows shared out as a recipe asks, or where there are fewer, in its proportion.</summary>
    /// <exception cref="EvaluationException">There is only one window.</exception>
    public static CalibrationWindows Of(TokenWindows all, RecipeCalibration recipe)
    {
        ArgumentNullException.ThrowIfNull(all);
        int wanted = recipe.Windows + recipe.HeldOutWindows;
        int count = Math.Min(all.Windows.Length, wanted);
        if (count < 2)
        {
            throw new EvaluationException($"The calibration text fills one window of {all.WindowTokens} tokens, and two are the least: one to calibrate with and one to check with. Give a longer text.");
        }

        int held = count == wanted ? recipe.HeldOutWindows : Math.Clamp((int)Math.Round((double)count * recipe.HeldOutWindows / wanted), 1, count - 1);
        int[] taken = Spread(all.Windows.Length, count);
        HashSet<int> heldOut = [.. Spread(count, held)];
        int[] calibration = [.. Enumerable.Range(0, count).Where(i => !heldOut.Contains(i)).Select(i => taken[i])];
        int[] sensitivity = [.. Spread(calibration.Length, Math.Min(calibration.Length, recipe.SensitivityWindows)).Select(i => calibration[i])];
        string? warning = count < wanted || all.WindowTokens < recipe.WindowTokens
            ? $"The calibration text is short: {calibration.Length} windows of {all.WindowTokens} tokens to calibrate with and {held} held out, where {recipe.Windows} and {recipe.HeldOutWindows} of {recipe.WindowTokens} were asked for. Error bars are wider for it."
            : null;
        return new CalibrationWindows(Some(all, calibration), Some(all, sensitivity), Some(all, heldOut.Order().Select(i => taken[i])), warning);
    }

    /// <summary>Fewer windows for sensitivities where a model is so large that a few dozen measurements over all of them would take most of an hour.</summary>
    /// <param name="elements">Elements of the weights that are chosen for.</param>
    public CalibrationWindows For(long elements)
    {
        int all = Sensitivity.Windows.Length;
        int most = (int)Math.Clamp(MostWork / ((double)elements * Sensitivity.WindowTokens), Math.Min(LeastWindows, all), all);
        return most == all ? this : this with { Sensitivity = Some(Sensitivity, Spread(all, most)) };
    }

    /// <summary>So many of the numbers from 0 on, evenly spread.</summary>
    static int[] Spread(int all, int count) => [.. Enumerable.Range(0, count).Select(i => (int)(((2L * i) + 1) * all / (2L * count)))];

    static TokenWindows Some(TokenWindows all, IEnumerable<int> chosen)
    {
        ImmutableArray<int>[] windows = [.. chosen.Select(i => all.Windows[i])];
        return TokenWindows.Cut(windows[0].AsSpan()[..all.MarkTokens], [.. windows.SelectMany(window => window.Skip(all.MarkTokens))], all.WindowTokens, most: null);
    }
}

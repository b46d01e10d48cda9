using OpenAutoGlm.Models.Tokenizers;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Recipes;

namespace OpenAutoGlm.Optimization.Search.Runs;

/// <summary>
/// The windows of an optimisation: the first ones for statistics, of these the first for sensitivities, and others behind
/// them for promises, which nothing is chosen by but the last few candidates.
/// </summary>
/// <param name="Calibration">For statistics.</param>
/// <param name="Sensitivity">For sensitivities.</param>
/// <param name="HeldOut">For promises.</param>
/// <param name="Warning">What was cut short; null for nothing.</param>
public sealed record CalibrationWindows(TokenWindows Calibration, TokenWindows Sensitivity, TokenWindows HeldOut, string? Warning)
{
    const int LeastTokens = 16;

    /// <summary>The windows of a text. A text that is too short for what a recipe asks gives fewer windows, and then shorter ones.</summary>
    /// <exception cref="EvaluationException">The text is empty, or shorter than two windows of 16 tokens.</exception>
    public static CalibrationWindows Of(Tokenizer tokenizer, string text, RecipeCalibration recipe, int contextLength)
    {
        int tokens = Math.Min(recipe.WindowTokens, contextLength);
        int bare = tokenizer.Encode(text, addSpecials: false).Length;
        int marks = tokenizer.Encode("a").Length - tokenizer.Encode("a", addSpecials: false).Length;
        if (bare > 0 && bare / Math.Max(1, tokens - marks) < 2)
        {
            tokens = Math.Max(LeastTokens, (bare / 2) + marks);
        }

        try
        {
            TokenWindows all = TokenWindows.Of(tokenizer, text, tokens, recipe.Windows + recipe.HeldOutWindows);
            return Of(all, recipe);
        }
        catch (EvaluationException error) when (bare > 0)
        {
            throw new EvaluationException($"The calibration text has {bare} tokens, too few for two windows of {LeastTokens}: one to calibrate with and one to check with. Give a longer text.", error);
        }
    }

    /// <summary>Windows shared out: as many held out as the recipe asks, or where there are fewer windows, in its proportion.</summary>
    /// <exception cref="EvaluationException">There is only one window.</exception>
    public static CalibrationWindows Of(TokenWindows all, RecipeCalibration recipe)
    {
        int wanted = recipe.Windows + recipe.HeldOutWindows;
        int count = all.Windows.Length;
        if (count < 2)
        {
            throw new EvaluationException($"The calibration text fills {count} window of {all.WindowTokens} tokens, and two are the least: one to calibrate with and one to check with. Give a longer text.");
        }

        int first = count >= wanted ? recipe.Windows : Math.Clamp((int)Math.Round((double)count * recipe.Windows / wanted), 1, count - 1);
        (TokenWindows calibration, TokenWindows rest) = all.Split(first);
        TokenWindows heldOut = rest.Windows.Length > recipe.HeldOutWindows ? rest.Split(recipe.HeldOutWindows).First : rest;
        TokenWindows sensitivity = calibration.Windows.Length > recipe.SensitivityWindows ? calibration.Split(recipe.SensitivityWindows).First : calibration;
        string? warning = count < wanted || all.WindowTokens < recipe.WindowTokens
            ? $"The calibration text is short: {calibration.Windows.Length} windows of {all.WindowTokens} tokens to calibrate with and {heldOut.Windows.Length} held out, where {recipe.Windows} and {recipe.HeldOutWindows} of {recipe.WindowTokens} were asked for."
            : null;
        return new CalibrationWindows(calibration, sensitivity, heldOut, warning);
    }
}

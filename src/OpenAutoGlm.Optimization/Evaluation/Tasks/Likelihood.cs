using System.Collections.Immutable;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Optimization.Evaluation.Tasks;

/// <summary>How likely a model finds a continuation of a prompt.</summary>
/// <param name="Sum">Σ log p of its tokens, in nats.</param>
/// <param name="Tokens">How many those are.</param>
/// <param name="Greedy">Whether each of them is the likeliest at its place.</param>
readonly record struct Likelihood(double Sum, int Tokens, bool Greedy)
{
    /// <summary>
    /// Prompt and continuation are tokenised together, as the text would be; the continuation's tokens are those from the first
    /// that the prompt alone does not have.
    /// </summary>
    internal static Likelihood Of(InferenceEngine engine, Tokenizer tokenizer, string source, string prompt, string continuation)
    {
        int[] before = tokenizer.Encode(prompt);
        ImmutableArray<int> whole = [.. tokenizer.Encode(prompt + continuation)];
        int start = before.AsSpan().CommonPrefixLength(whole.AsSpan());
        if (start == 0 || start == whole.Length)
        {
            throw new EvaluationException(start == 0
                ? $"{source}: the prompt has no tokens, and the model has none that begins a text, so there is nothing to predict from."
                : $"{source}: the continuation adds no tokens to the prompt.");
        }

        float[][] logits = engine.ComputeLogits(whole[..^1]);
        double sum = 0;
        bool greedy = true;
        for (int i = start; i < whole.Length; i++)
        {
            RowSummary row = RowSummary.Of(logits[i - 1], whole[i]);
            if (!row.IsNumber)
            {
                throw new EvaluationException($"{source}: {RowSummary.Fault}");
            }

            sum -= row.Surprise;
            greedy &= row.Top == whole[i];
        }

        return new Likelihood(sum, whole.Length - start, greedy);
    }
}

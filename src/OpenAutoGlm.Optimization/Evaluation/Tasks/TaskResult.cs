namespace OpenAutoGlm.Optimization.Evaluation.Tasks;

/// <summary>What became of one question.</summary>
/// <param name="Item">Its place in the task, from 0.</param>
/// <param name="Right">Whether the answer is right: the likeliest choice, an exact match, or every token of the continuation the likeliest.</param>
public sealed record TaskResult(int Item, bool Right)
{
    /// <summary>Log-likelihood in nats: of the right choice or of the continuation; null for generation.</summary>
    public double? LogLikelihood { get; init; }

    /// <summary>Tokens that the log-likelihood is of, or that were written.</summary>
    public int Tokens { get; init; }

    /// <summary>The choice that was taken, or the answer that was found; null for a loss, or where no answer was found.</summary>
    public string? Answer { get; init; }
}

namespace OpenAutoGlm.Engine.Generation;

/// <summary>What becomes of a model's thinking. Whether it thinks at all is a variable of its chat template.</summary>
public sealed record ThinkingOptions
{
    /// <summary>Whether thinking comes as <see cref="ThinkingDelta"/>, apart from the answer; otherwise it is part of the text, with its tags.</summary>
    public bool Apart { get; init; }

    /// <summary>Most tokens of thinking, at least 0; then it is ended and the answer begins. Null for any number.</summary>
    public int? Budget { get; init; }

    /// <summary>The budget that stands for an effort: none 0, minimal 256, low 1,024, medium 4,096 tokens, high any number.</summary>
    /// <param name="effort">The effort's name, in small letters.</param>
    /// <param name="budget">Tokens; null for any number.</param>
    /// <returns>Whether there is such an effort.</returns>
    public static bool TryBudget(string effort, out int? budget)
    {
        (bool known, budget) = effort switch
        {
            "none" => (true, 0),
            "minimal" => (true, 256),
            "low" => (true, 1024),
            "medium" => (true, 4096),
            "high" => (true, (int?)null),
            _ => (false, null),
        };
        return known;
    }
}

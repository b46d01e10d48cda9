namespace OpenAutoGlm.Engine.Generation;

/// <summary>What becomes of a model's thinking. Whether it thinks at all is a variable of its chat template.</summary>
public sealed record ThinkingOptions
{
    /// <summary>Whether thinking comes as <see cref="ThinkingDelta"/>, apart from the answer; otherwise it is part of the text, with its tags.</summary>
    public bool Apart { get; init; }

    /// <summary>Most tokens of thinking, at least 0; then it is ended and the answer begins. Null for any number.</summary>
    public int? Budget { get; init; }
}

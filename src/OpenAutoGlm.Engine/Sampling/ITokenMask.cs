namespace OpenAutoGlm.Engine.Sampling;

/// <summary>
/// A rule for which tokens may come next, held by one sequence. It is called on the engine's thread: it must be quick,
/// and what it throws fails the sequence.
/// </summary>
public interface ITokenMask
{
    /// <summary>Whether what came so far may be the whole answer.</summary>
    bool IsComplete => false;

    /// <summary>The only token that may come next, so that nothing need be computed to choose it; null where there are several, or it is not known.</summary>
    int? Forced => null;

    /// <summary>Sets the logits of tokens that may not come next to −∞. logits: [vocab].</summary>
    void Apply(Span<float> logits);

    /// <summary>Is told which token came.</summary>
    void Accept(int token);

    /// <summary>A mask that stands where this one does and goes its own way, for another answer that begins the same; null where that is not possible.</summary>
    ITokenMask? Fork() => null;
}

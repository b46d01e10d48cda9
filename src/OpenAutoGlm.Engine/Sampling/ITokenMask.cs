namespace OpenAutoGlm.Engine.Sampling;

/// <summary>
/// A rule for which tokens may come next, held by one sequence. It is called on the engine's thread: it must be quick,
/// and what it throws fails the sequence.
/// </summary>
public interface ITokenMask
{
    /// <summary>Sets the logits of tokens that may not come next to −∞. logits: [vocab].</summary>
    void Apply(Span<float> logits);

    /// <summary>Is told which token came.</summary>
    void Accept(int token);
}

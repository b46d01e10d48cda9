namespace OpenAutoGlm.Engine.Simulation;

/// <summary>
/// What a step of a model takes, as a sum: seconds = Step + Token × tokens + Sequence × sequences + Context × Σ positions that the tokens attend
/// to, and never less than Floor, the time in which the weights are read.
/// </summary>
public sealed record StepCosts
{
    /// <summary>Seconds of a step with nothing in it: launching, sampling's fixed part.</summary>
    public double Step { get; init; }

    /// <summary>Seconds for each token.</summary>
    public double Token { get; init; }

    /// <summary>Seconds for each sequence, choosing its token included.</summary>
    public double Sequence { get; init; }

    /// <summary>Seconds for each pair of a token and a position that it attends to.</summary>
    public double Context { get; init; }

    /// <summary>Least seconds of a step, however few its tokens: reading the weights.</summary>
    public double Floor { get; init; }

    /// <summary>Seconds of a step.</summary>
    public double Of(int tokens, int sequences, long attended) =>
        Step + Math.Max(Floor, Token * tokens) + (Sequence * sequences) + (Context * attended);
}

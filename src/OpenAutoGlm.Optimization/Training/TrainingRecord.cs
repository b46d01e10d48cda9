namespace OpenAutoGlm.Optimization.Training;

/// <summary>What one step was like.</summary>
public sealed record TrainingRecord
{
    /// <summary>Steps done, this one included.</summary>
    public required long Step { get; init; }

    /// <summary>Share of the run that is done, 0 to 1.</summary>
    public required double Progress { get; init; }

    /// <summary>Passes over the data.</summary>
    public required double Epochs { get; init; }

    /// <summary>Mean loss of the step, in nats per token that counts, before its update.</summary>
    public required double Loss { get; init; }

    /// <summary>The learning rate of the update.</summary>
    public required double LearningRate { get; init; }

    /// <summary>√Σ g², before clipping.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>Tokens run since the run began.</summary>
    public required long Tokens { get; init; }

    /// <summary>Tokens run in this step.</summary>
    public required int StepTokens { get; init; }

    /// <summary>Time that the step took, validation and checkpoints left out.</summary>
    public required TimeSpan StepTime { get; init; }

    /// <summary>The factor on the loss; 1 without loss scaling.</summary>
    public required double LossScale { get; init; }

    /// <summary>Whether gradients overflowed, so that the weights stayed as they were.</summary>
    public bool Skipped { get; init; }

    /// <summary>Mean loss on the data for validation, where the step had one.</summary>
    public double? ValidationLoss { get; init; }
}

/// <summary>How a run ended.</summary>
/// <param name="Steps">Steps done, those before a resumption included.</param>
/// <param name="Tokens">Tokens run.</param>
/// <param name="Loss">Mean loss of the last step.</param>
/// <param name="ValidationLoss">The last loss on the data for validation.</param>
/// <param name="Completed">Whether it came to its end; otherwise it was stopped.</param>
public sealed record TrainingOutcome(long Steps, long Tokens, double Loss, double? ValidationLoss, bool Completed);

/// <summary>A loss or a gradient that is no number: the run cannot go on. The weights are those before the step.</summary>
public sealed class TrainingDivergedException : Exception
{
    /// <summary>What happened, where, and what helps.</summary>
    public TrainingDivergedException(string message)
        : base(message)
    {
    }
}

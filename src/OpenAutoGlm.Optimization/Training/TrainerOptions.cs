using OpenAutoGlm.Optimization.Training.Updates;

namespace OpenAutoGlm.Optimization.Training;

/// <summary>In what the length of a run is counted.</summary>
public enum RunUnit
{
    /// <summary>Updates of the weights.</summary>
    Steps,

    /// <summary>Tokens run.</summary>
    Tokens,

    /// <summary>Passes over the data.</summary>
    Epochs,
}

/// <summary>How long a run is.</summary>
/// <param name="Amount">How many.</param>
/// <param name="Unit">Of what.</param>
public readonly record struct RunLength(double Amount, RunUnit Unit)
{
    /// <summary>So many updates.</summary>
    public static RunLength Steps(long count) => new(count, RunUnit.Steps);

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Amount} {Unit.ToString().ToLowerInvariant()}");
}

/// <summary>What the one who trains decides; a recipe.</summary>
public sealed record TrainerOptions
{
    /// <summary>How long the run is.</summary>
    public RunLength Length { get; init; } = new(1, RunUnit.Epochs);

    /// <summary>The highest learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>How the learning rate goes.</summary>
    public Schedule Schedule { get; init; } = new(ScheduleForm.Cosine, 0.1);

    /// <summary>How gradients become changes.</summary>
    public UpdateOptions Update { get; init; } = new();

    /// <summary>Batches whose gradients make one step.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>
    /// Longer gradients are shortened to this length, over all parameters together; 0 for never.
    /// Source: Pascanu et al. 2013, §3.2.
    /// </summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>Decay of the average of the weights that is kept beside them; 0 for none.</summary>
    public double AverageDecay { get; init; }

    /// <summary>Loss scaling, for arithmetic of a short range; null for none.</summary>
    public LossScaling? LossScaling { get; init; }

    /// <summary>Steps between validations; 0 for one at the end only.</summary>
    public int ValidateEvery { get; init; } = 100;

    /// <summary>Steps between checkpoints; 0 for one at the end only.</summary>
    public int CheckpointEvery { get; init; } = 500;

    /// <summary>Threads that change the weights.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>What must be the same for a run to go on with the same bits, as text, by name.</summary>
    internal IEnumerable<(string Name, string Value)> Identity()
    {
        yield return ("length", Length.ToString());
        yield return ("learning rate", FormattableString.Invariant($"{LearningRate:r}"));
        yield return ("schedule", FormattableString.Invariant($"{Schedule}, warm-up {Schedule.WarmUp}"));
        yield return ("update", FormattableString.Invariant($"{Update.Rule} {Update.Beta1:r} {Update.Beta2:r} {Update.Epsilon:r} {Update.WeightDecay:r} {Update.Momentum:r}"));
        yield return ("accumulation", FormattableString.Invariant($"{Accumulate}"));
        yield return ("clipping", FormattableString.Invariant($"{ClipNorm:r}"));
        yield return ("average", FormattableString.Invariant($"{AverageDecay:r}"));
        yield return ("loss scaling", LossScaling is { } scaling ? FormattableString.Invariant($"{scaling.Initial:r} {scaling.GrowEvery} {scaling.Most:r}") : "none");
    }

    internal void Check()
    {
        Update.Check();
        ArgumentOutOfRangeException.ThrowIfLessThan(Accumulate, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Threads, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(ValidateEvery);
        ArgumentOutOfRangeException.ThrowIfNegative(CheckpointEvery);
        ArgumentOutOfRangeException.ThrowIfNegative(ClipNorm);
        if (!(Length.Amount > 0) || !(LearningRate > 0) || AverageDecay is < 0 or >= 1)
        {
            throw new ArgumentException($"A run is longer than 0 ({Length}), learns at a rate above 0 ({LearningRate}) and averages with a decay from 0 to below 1 ({AverageDecay}).");
        }
    }
}

using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Training;

/// <summary>A tensor that training changes: its float32 master copy, and where gradients are summed up.</summary>
/// <param name="Name">The name that the model's files use, or an adapter's.</param>
/// <param name="Weight">The values, changed in place by whoever optimises.</param>
/// <param name="Gradient">The sum of the gradients since it was last cleared; the shape of <paramref name="Weight"/>.</param>
public sealed record TrainedParameter(string Name, Tensor Weight, Tensor Gradient);

/// <summary>
/// Sequences packed one behind another: a token sees only those before it in its own segment. All arrays have one
/// element for every token.
/// </summary>
/// <param name="Ids">Token ids.</param>
/// <param name="Positions">Position of each token in its sequence, from 0.</param>
/// <param name="Segments">Which sequence each token belongs to; tokens of one stand together.</param>
/// <param name="Targets">The id that should follow each token; any id where its weight is 0.</param>
/// <param name="Weights">What the loss after each token counts; 0 for prompts and padding.</param>
public sealed record TrainingBatch(
    ImmutableArray<int> Ids, ImmutableArray<int> Positions, ImmutableArray<int> Segments, ImmutableArray<int> Targets, ImmutableArray<float> Weights);

/// <summary>The loss of a batch, as sums, so that batches add up.</summary>
/// <param name="Sum">Σ weight · loss, in nats.</param>
/// <param name="Weight">Σ weight.</param>
public readonly record struct BatchLoss(double Sum, double Weight)
{
    /// <summary>The mean loss, in nats.</summary>
    public double Mean => Weight > 0 ? Sum / Weight : 0;

    /// <summary>Two batches together.</summary>
    public static BatchLoss operator +(BatchLoss a, BatchLoss b) => new(a.Sum + b.Sum, a.Weight + b.Weight);
}

/// <summary>A model that can be run forward and backward: what a trainer needs to know of it. Not thread-safe.</summary>
public interface ITrainingStep : IDisposable
{
    /// <summary>What is trained, in a fixed order.</summary>
    IReadOnlyList<TrainedParameter> Parameters { get; }

    /// <summary>Most tokens in a batch.</summary>
    int MaxTokens { get; }

    /// <summary>Runs forward and backward and adds the gradient of scale · Σ weight · loss to every parameter's.</summary>
    /// <param name="batch">The tokens.</param>
    /// <param name="scale">Factor on the gradients: 1 ÷ the weight of the whole step, times a loss scale. The loss that is returned does not have it.</param>
    BatchLoss Accumulate(TrainingBatch batch, double scale);

    /// <summary>Runs forward only.</summary>
    BatchLoss Evaluate(TrainingBatch batch);
}

using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>How a <see cref="ModelTrainingStep"/> is made.</summary>
/// <param name="MaxTokens">Most tokens in a batch.</param>
public sealed record TrainingStepOptions(int MaxTokens)
{
    /// <summary>What is trained, and how.</summary>
    public TrainingGraphOptions Graph { get; init; } = new();

    /// <summary>The model to learn from; null for none.</summary>
    public Teacher? Teacher { get; init; }
}

/// <summary>A model whose answers another one is to give: its tokens are the same.</summary>
/// <param name="Config">The teacher.</param>
/// <param name="Weights">Its weights, in any format; they must live as long as the step.</param>
/// <param name="Temperature">What both models' logits are divided by when they are compared.</param>
/// <param name="Mix">The part of the distillation loss, 0 … 1; the rest is cross-entropy with the targets.</param>
public sealed record Teacher(ModelConfig Config, IWeights Weights, float Temperature = 1, float Mix = 0.5f);

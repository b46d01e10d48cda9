using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops.Training;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>What is trained of a model, and how.</summary>
public sealed record TrainingGraphOptions
{
    /// <summary>What the matrix products compute in.</summary>
    public TrainingArithmetic Arithmetic { get; init; }

    /// <summary>What is kept for the way back.</summary>
    public Checkpointing Checkpointing { get; init; }

    /// <summary>Which weights are trained, by the names of the model's file; all if null. With <see cref="Lora"/> none of them is.</summary>
    public Func<string, bool>? Trains { get; init; }

    /// <summary>Adapters that are trained instead of the weights; null for none.</summary>
    public LoraOptions? Lora { get; init; }

    /// <summary>The format whose rounding a trained weight is to meet (<see cref="FakeQuantize"/>), by name; null for none.</summary>
    public Func<string, TensorFormat?>? Quantization { get; init; }

    /// <summary>The temperature at which the student is compared with a teacher; null where there is no teacher.</summary>
    public float? Temperature { get; init; }

    /// <summary>
    /// Rows whose logits lie in memory together, for vocabularies so large that those of a whole batch would not fit; null for all of
    /// them. Not together with a teacher, whose logits are held anyway.
    /// </summary>
    public int? LossRows { get; init; }
}

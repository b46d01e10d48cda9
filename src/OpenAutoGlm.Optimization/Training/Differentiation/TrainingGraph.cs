using System.Collections.Immutable;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>A parameter in a training graph: a state, and the state that its gradient is added to, both of one shape.</summary>
/// <param name="Name">The model's name for it: a weight, rows of one ("name[0..64]"), or an adapter.</param>
/// <param name="Weight">The state with its values.</param>
/// <param name="Gradient">The state with its gradient; null in a graph that only runs forward.</param>
public sealed record GraphParameter(string Name, Value Weight, Value? Gradient);

/// <summary>
/// A graph that runs a model over packed sequences and gives the loss of every wanted token, and, unless it only runs forward, adds
/// the gradients of Σ factor · loss to states. Made by <see cref="Build"/> from the graph that an architecture describes.
/// </summary>
/// <param name="Graph">The graph, verified.</param>
/// <param name="Parameters">What is trained, in the order of first use.</param>
/// <param name="Losses">Cross-entropy of every wanted token: [outputs].</param>
/// <param name="Distances">Distillation loss of every wanted token, [outputs]; null without a teacher.</param>
/// <param name="Logits">What the model says: [outputs, vocab]. On the way back its memory is taken over. Null where <see cref="TrainingGraphOptions.LossRows"/> keeps them from being there together.</param>
/// <param name="Vocab">Tokens that the model knows.</param>
public sealed record TrainingGraph(ModelGraph Graph, ImmutableArray<GraphParameter> Parameters, Value Losses, Value? Distances, Value? Logits, int Vocab)
{
    /// <summary>Token ids: [tokens] I32.</summary>
    public const string Ids = "ids";

    /// <summary>Position of each token in its sequence: [tokens] I32.</summary>
    public const string Positions = "positions";

    /// <summary>The row in which each token's sequence begins: [tokens] I32.</summary>
    public const string Starts = "starts";

    /// <summary>The rows whose loss is wanted: [outputs] I32.</summary>
    public const string OutputRows = "output_rows_wanted";

    /// <summary>The token that should follow each wanted row: [outputs] I32.</summary>
    public const string Targets = "targets";

    /// <summary>What the gradient of each cross-entropy is multiplied with: [outputs] F32.</summary>
    public const string Factors = "factors";

    /// <summary>What the gradient of each distillation loss is multiplied with: [outputs] F32.</summary>
    public const string DistanceFactors = "distance_factors";

    /// <summary>What the teacher says: [outputs, vocab] F32.</summary>
    public const string TeacherLogits = "teacher_logits";

    /// <summary>Turns a model's graph, as its architecture describes it, into one that trains it.</summary>
    /// <param name="model">The graph, before any pass, ending in logits.</param>
    /// <param name="options">What is trained, and how.</param>
    /// <param name="backward">Whether gradients are computed.</param>
    /// <exception cref="NotSupportedException">An op of the model cannot be differentiated.</exception>
    /// <exception cref="ArgumentException">Nothing is trained, the graph does not end in logits, or a teacher's are compared with some rows of them only.</exception>
    public static TrainingGraph Build(ModelGraph model, TrainingGraphOptions options, bool backward = true) =>
        new TrainingGraphBuilder(model, options, backward).Build();
}

using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Training.Data;

namespace OpenAutoGlm.Optimization.Training.Checkpoints;

/// <summary>Where a run stands.</summary>
/// <param name="Steps">Steps done.</param>
/// <param name="Updates">Of those, the ones that changed the weights.</param>
/// <param name="Tokens">Tokens run.</param>
/// <param name="Data">The place in the data.</param>
/// <param name="LossScale">The factor on the loss.</param>
public sealed record TrainingProgress(long Steps, long Updates, long Tokens, DataPosition Data, LossScale LossScale);

/// <summary>All that a run needs to go on with the same bits.</summary>
/// <param name="Progress">Where it stands.</param>
/// <param name="Identity">Options and data that must be the same, in words.</param>
/// <param name="Tensors">Weights, moments and averages, by name.</param>
public sealed record TrainingState(TrainingProgress Progress, ImmutableArray<string> Identity, ImmutableArray<(string Name, Tensor Tensor)> Tensors);

namespace OpenAutoGlm.Optimization.Training.Updates;

/// <summary>What a parameter is, as far as its update depends on it; told by name and shape.</summary>
public enum ParameterRole
{
    /// <summary>A matrix of a layer, adapters' matrices included: decays, and Muon's rule applies.</summary>
    Matrix,

    /// <summary>The output projection: decays, but each of its rows is a token's, so Muon leaves it to AdamW.</summary>
    Output,

    /// <summary>An embedding table: a row without gradient should stay as it is, so it does not decay.</summary>
    Embedding,

    /// <summary>Norm weights and biases: vectors that do not decay.</summary>
    Vector,
}

/// <summary>Tells parameters' roles.</summary>
public static class ParameterRoles
{
    /// <summary>The role of a parameter.</summary>
    public static ParameterRole Of(TrainedParameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return parameter.Weight.Shape.Rank < 2 || parameter.Weight.Shape[0].Size == 1 ? ParameterRole.Vector
            : parameter.Name.StartsWith("token_embd.", StringComparison.Ordinal) ? ParameterRole.Embedding
            : parameter.Name.StartsWith("output.", StringComparison.Ordinal) ? ParameterRole.Output
            : ParameterRole.Matrix;
    }

    /// <summary>Whether weight decay applies.</summary>
    public static bool Decays(this ParameterRole role) => role is ParameterRole.Matrix or ParameterRole.Output;
}

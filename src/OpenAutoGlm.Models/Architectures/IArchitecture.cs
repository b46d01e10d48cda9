using OpenAutoGlm.Graph;

namespace OpenAutoGlm.Models.Architectures;

/// <summary>How a family of models is put together.</summary>
public interface IArchitecture
{
    /// <summary>The name in <see cref="ModelConfig.Architecture"/>.</summary>
    string Name { get; }

    /// <summary>Describes the model as a graph over the given weights.</summary>
    /// <exception cref="ModelFormatException">A weight is missing or has another shape than the configuration says.</exception>
    ModelGraph Build(ModelConfig config, IWeights weights, GraphOptions options);
}

using System.Collections.Immutable;
using OpenAutoGlm.Graph;

namespace OpenAutoGlm.Models.Architectures;

/// <summary>The architectures that can be built.</summary>
public static class Architecture
{
    /// <summary>All of them.</summary>
    public static ImmutableArray<IArchitecture> All { get; } =
        [new Llama("llama"), new Llama("qwen2"), new Llama("qwen3"), new Llama("glm"), new Qwen3Moe(), new Glm4(), new Glm4Moe()];

    /// <summary>Describes a model as a graph.</summary>
    /// <exception cref="NotSupportedException">Nobody knows the architecture.</exception>
    /// <exception cref="ModelFormatException">A weight is missing or has another shape than the configuration says.</exception>
    public static ModelGraph Build(ModelConfig config, IWeights weights, GraphOptions options) =>
        (All.FirstOrDefault(architecture => architecture.Name == config.Architecture)
            ?? throw new NotSupportedException($"The architecture '{config.Architecture}' is not supported; known: {string.Join(", ", All.Select(architecture => architecture.Name))}."))
        .Build(config, weights, options);
}

using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models.Architectures;

/// <summary>
/// The weights of a model under the names that GGUF files use (token_embd.weight, blk.0.attn_q.weight, …), whatever
/// the file calls them. Matrices are [out, in], rows along the last extent.
/// </summary>
public interface IWeights
{
    /// <summary>Finds a weight.</summary>
    bool TryGet(string name, [NotNullWhen(true)] out Tensor? weight);

    /// <summary>Finds a weight that must be there.</summary>
    /// <exception cref="ModelFormatException">The file has no such weight.</exception>
    Tensor Get(string name);
}

using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Synthesis;

/// <summary>
/// The weights that <see cref="ModelSynthesizer"/> would write, as shapes and formats without elements: to build a
/// graph and count what it costs before any byte is on the disk. Nothing of it can be run.
/// </summary>
public sealed class SyntheticWeights : IWeights
{
    readonly Dictionary<string, Tensor> _weights = [];
    readonly string _shape;

    /// <summary>The weights of a shape in a format.</summary>
    /// <exception cref="ArgumentException">The format is not known.</exception>
    public unsafe SyntheticWeights(ModelShape shape, string format)
    {
        ArgumentNullException.ThrowIfNull(shape);
        _shape = shape.Name;
        FormatMixture mixture = FormatMixture.Find(format);
        foreach (PlannedTensor tensor in PlannedTensor.For(shape))
        {
            TensorFormat tensorFormat = mixture.For(tensor, shape.Config);
            Shape extents = new([.. tensor.Extents.Select(extent => new Dim(extent))]);
            _weights.Add(tensor.Name, new Tensor(new TensorType(extents, tensorFormat), null, null));
        }
    }

    /// <inheritdoc/>
    public bool TryGet(string name, [NotNullWhen(true)] out Tensor? weight) => _weights.TryGetValue(name, out weight);

    /// <inheritdoc/>
    public Tensor Get(string name) => TryGet(name, out Tensor? weight) ? weight : throw new ModelFormatException(_shape, name, "the weight is missing.");
}

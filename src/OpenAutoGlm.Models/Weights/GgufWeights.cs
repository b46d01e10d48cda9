using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models.Weights;

/// <summary>Weights from a GGUF file, or from the parts of a split one; the names are the file's.</summary>
public sealed class GgufWeights : ModelWeights
{
    readonly IReadOnlyList<GgufFile> _files;
    readonly Dictionary<string, GgufFile> _byName = new(StringComparer.Ordinal);

    /// <summary>Takes over files that are parts of one model; they are disposed with this object.</summary>
    /// <exception cref="ModelFormatException">Two parts hold a tensor of the same name.</exception>
    public GgufWeights(params IReadOnlyList<GgufFile> files)
        : base(files[0].Path)
    {
        _files = files;
        Stored = [.. files.SelectMany(file => file.Tensors)];
        foreach (GgufFile file in files)
        {
            foreach (TensorInfo tensor in file.Tensors)
            {
                if (!_byName.TryAdd(tensor.Name, file))
                {
                    throw new ModelFormatException(file.Path, tensor.Name, $"the tensor is in {_byName[tensor.Name].Path} already.");
                }
            }
        }
    }

    /// <summary>Keys and values of the first part, which has those of the model.</summary>
    internal GgufMetadata Metadata => _files[0].Metadata;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Stored { get; }

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => _byName.Keys;

    /// <inheritdoc/>
    public override string Identity => string.Join(' ', _files.Select(file => file.Identity));

    /// <inheritdoc/>
    public override bool TryGetStored(string name, [NotNullWhen(true)] out Tensor? tensor) => TryGet(name, out tensor);

    private protected override Tensor? Make(string name) => _byName.TryGetValue(name, out GgufFile? file) ? file.GetTensor(name) : null;

    private protected override void Close()
    {
        foreach (GgufFile file in _files)
        {
            file.Dispose();
        }
    }
}

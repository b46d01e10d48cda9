using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Safetensors;

namespace OpenAutoGlm.Models.Weights;

/// <summary>Weights from safetensors files with Hugging Face's names. Experts that are stored one by one are stacked without copying.</summary>
public sealed class HuggingFaceWeights : ModelWeights
{
    readonly SafetensorsModel _files;
    readonly ExpertsConfig? _experts;
    readonly Dictionary<string, string> _single = new(StringComparer.Ordinal);
    readonly Dictionary<string, SortedDictionary<int, string>> _stacked = new(StringComparer.Ordinal);

    /// <summary>Takes over files; they are disposed with this object.</summary>
    /// <exception cref="ModelFormatException">The names are not those of the architecture.</exception>
    public HuggingFaceWeights(SafetensorsModel files, ModelConfig config)
        : base(files.Path)
    {
        ArgumentNullException.ThrowIfNull(config);
        _files = files;
        _experts = config.Experts;
        Stored = [.. files.Tensors];
        (HuggingFaceNames names, string prefix) = HuggingFaceNames.For(config.Architecture, files.Path, files.Contains);
        Prefix = prefix;
        foreach (TensorInfo tensor in Stored)
        {
            // A tied model may still store the projection; its authors' code ignores it then.
            if (names.Translate(tensor.Name, prefix, out int expert) is not { } name || (config.TiedEmbeddings && name == "output.weight"))
            {
                continue;
            }

            if (expert < 0)
            {
                _single[name] = tensor.Name;
            }
            else
            {
                _stacked.TryAdd(name, []);
                _stacked[name][expert] = tensor.Name;
            }
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Stored { get; }

    /// <summary>What stands before the layers' names in these files.</summary>
    internal string Prefix { get; }

    /// <summary>What the files hold beside the language model: a vision tower, say.</summary>
    internal IEnumerable<string> Others => Stored.Select(tensor => tensor.Name).Where(name => !name.StartsWith(Prefix, StringComparison.Ordinal) && !name.EndsWith("lm_head.weight", StringComparison.Ordinal));

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => [.. _single.Keys, .. _stacked.Keys];

    /// <inheritdoc/>
    public override string Identity => string.Join(' ', [.. _files.Files.Select(file => file.Identity), $"{ConfigurationSum():x16}"]);

    /// <inheritdoc/>
    public override bool TryGetStored(string name, [NotNullWhen(true)] out Tensor? tensor) => _files.TryGetTensor(name, out tensor);

    private protected override Tensor? Make(string name)
    {
        if (_single.TryGetValue(name, out string? stored))
        {
            return Load(stored);
        }

        return _stacked.TryGetValue(name, out SortedDictionary<int, string>? parts) ? Stack(name, parts) : null;
    }

    private protected override void Close() => _files.Dispose();

    Tensor Stack(string name, SortedDictionary<int, string> parts)
    {
        int count = _experts?.Count ?? 0;
        if (parts.Count != count || parts.Keys.First() != 0 || parts.Keys.Last() != count - 1)
        {
            throw new ModelFormatException(Path, name, $"the configuration says {count} experts, but the file holds {parts.Count}, numbered from {parts.Keys.First()} to {parts.Keys.Last()}.");
        }

        Tensor[] tensors = [.. parts.Values.Select(Load)];
        int odd = Array.FindIndex(tensors, tensor => tensor.Type != tensors[0].Type || tensor.Shape.Rank != 2);
        return odd < 0
            ? Tensor.Stack([.. tensors])
            : throw new ModelFormatException(Path, parts[odd], $"is {tensors[odd]}, but expert 0 is {tensors[0]}; all must be equal matrices.");
    }

    /// <summary>How weights are put together depends on config.json, which stands beside them.</summary>
    ulong ConfigurationSum()
    {
        string folder = Directory.Exists(Path) ? Path : System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;
        string path = System.IO.Path.Combine(folder, "config.json");
        return File.Exists(path) ? ContentSum.Of(File.ReadAllBytes(path)) : 0;
    }

    Tensor Load(string stored) => _files.TryGetTensor(stored, out Tensor? tensor) ? tensor : throw new ModelFormatException(Path, stored, "the tensor is missing.");
}

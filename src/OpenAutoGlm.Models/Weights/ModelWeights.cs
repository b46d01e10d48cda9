using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Weights;

/// <summary>The weights of a model in its mapped files. Whoever opened them disposes them, after the last use of any tensor.</summary>
public abstract class ModelWeights : IWeights, IDisposable
{
    // A stack of experts holds a table of pointers, so every weight is made once and kept.
    readonly ConcurrentDictionary<string, Tensor> _made = new(StringComparer.Ordinal);

    private protected ModelWeights(string path) => Path = path;

    /// <summary>The file or folder, as the caller named it.</summary>
    public string Path { get; }

    /// <summary>What the files hold, under the files' own names; other parts of the model, such as a vision tower, included.</summary>
    public abstract IReadOnlyList<TensorInfo> Stored { get; }

    /// <summary>The names of the language model's weights as <see cref="TryGet"/> takes them.</summary>
    public abstract IReadOnlyCollection<string> Names { get; }

    /// <summary>Tells these weights from every other, without reading all of them: sizes, times, headers and samples of the files.</summary>
    public abstract string Identity { get; }

    /// <inheritdoc/>
    /// <exception cref="ModelFormatException">The weight is there, but in a type that cannot be computed with.</exception>
    public bool TryGet(string name, [NotNullWhen(true)] out Tensor? weight)
    {
        if (_made.TryGetValue(name, out weight))
        {
            return true;
        }

        weight = Make(name);
        if (weight is null)
        {
            return false;
        }

        weight = _made.GetOrAdd(name, weight);
        return true;
    }

    /// <inheritdoc/>
    public Tensor Get(string name) => TryGet(name, out Tensor? weight) ? weight : throw new ModelFormatException(Path, name, "the weight is missing.");

    /// <summary>Finds a tensor by the file's own name: a weight of the vision or the speech part, say.</summary>
    /// <exception cref="ModelFormatException">The tensor is there, but in a type that cannot be computed with.</exception>
    public abstract bool TryGetStored(string name, [NotNullWhen(true)] out Tensor? tensor);

    /// <summary>Unmaps the files. No tensor of them must be used afterwards.</summary>
    public void Dispose()
    {
        _made.Clear();
        Close();
        GC.SuppressFinalize(this);
    }

    private protected abstract Tensor? Make(string name);

    private protected abstract void Close();
}

using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Quantization;
using OpenAutoGlm.Optimization.Search;

namespace OpenAutoGlm.Optimization.Sensitivity;

/// <summary>
/// Makes the models that a search looks at, without writing files: the original's weights with every group rounded to its
/// format. Tensors that were rounded are kept up to a budget of memory, since candidates share most of them. Not thread-safe.
/// </summary>
public sealed class CandidateBuilder
{
    /// <summary>Memory for rounded tensors where nobody says.</summary>
    public const long DefaultMemoryBytes = 2L << 30;

    readonly Dictionary<(string Name, TensorFormat Format), Tensor> _rounded = [];
    readonly Queue<(string Name, TensorFormat Format)> _order = [];
    readonly long _memoryBytes;
    long _bytes;

    /// <summary>A builder.</summary>
    /// <param name="weights">What is rounded: the original, or a rewriting of it that computes the same.</param>
    /// <param name="space">The groups.</param>
    /// <param name="statistics">Statistics of activations for methods that use them; null for none.</param>
    /// <param name="methodOf">How a tensor of a name is rounded.</param>
    /// <param name="memoryBytes">Memory for rounded tensors.</param>
    public CandidateBuilder(IWeights weights, ChoiceSpace space, ActivationStatistics? statistics, Func<string, RoundingMethod> methodOf, long memoryBytes = DefaultMemoryBytes)
    {
        (Weights, Space, Statistics, MethodOf, _memoryBytes) = (weights, space, statistics, methodOf, memoryBytes);
    }

    /// <summary>What is rounded.</summary>
    public IWeights Weights { get; }

    /// <summary>The groups.</summary>
    public ChoiceSpace Space { get; }

    /// <summary>Statistics of activations; null for none.</summary>
    public ActivationStatistics? Statistics { get; }

    /// <summary>How a tensor of a name is rounded.</summary>
    public Func<string, RoundingMethod> MethodOf { get; }

    /// <summary>Statistics of the original as they are for <see cref="Weights"/>, where those are a rewriting; null where they are the same.</summary>
    public Func<string, ColumnStatistics, ColumnStatistics>? Adapt { get; init; }

    /// <summary>The weights of an assignment.</summary>
    /// <exception cref="ArgumentException">A value is not a number, or too large for its format; the message says where.</exception>
    public WeightOverlay Build(Assignment assignment, CancellationToken cancellation = default)
    {
        WeightOverlay overlay = new(Weights);
        for (int g = 0; g < Space.Groups.Length; g++)
        {
            Put(overlay, g, assignment.Formats[g], cancellation);
        }

        return overlay;
    }

    /// <summary>The original with one group, or several, in a format.</summary>
    /// <inheritdoc cref="Build"/>
    public WeightOverlay Only(IEnumerable<int> groups, Func<int, TensorFormat> formatOf, CancellationToken cancellation = default)
    {
        WeightOverlay overlay = new(Weights);
        foreach (int g in groups)
        {
            Put(overlay, g, formatOf(g), cancellation);
        }

        return overlay;
    }

    /// <summary>A tensor in a format, by its method.</summary>
    public Tensor Rounded(string name, TensorFormat format, CancellationToken cancellation = default)
    {
        if (_rounded.TryGetValue((name, format), out Tensor? known))
        {
            return known;
        }

        Tensor tensor = MethodOf(name).Round(Weights.Get(name), format, StatisticsOf(name), name, cancellation);
        if (tensor.Bytes <= _memoryBytes)
        {
            while (_bytes + tensor.Bytes > _memoryBytes && _order.TryDequeue(out (string, TensorFormat) oldest))
            {
                _bytes -= _rounded[oldest].Bytes;
                _rounded.Remove(oldest);
            }

            _rounded.Add((name, format), tensor);
            _order.Enqueue((name, format));
            _bytes += tensor.Bytes;
        }

        return tensor;
    }

    /// <summary>The statistics of a weight; null where there are none.</summary>
    internal ColumnStatistics? StatisticsOf(string name) =>
        Statistics is not null && Statistics.TryGet(name, out ColumnStatistics? known) && known.Rows > 0 ? Adapt?.Invoke(name, known) ?? known : null;

    void Put(WeightOverlay overlay, int group, TensorFormat format, CancellationToken cancellation)
    {
        foreach (GroupTensor tensor in Space.Groups[group].Tensors)
        {
            // A tensor that has no more bits already stays as it is.
            Tensor source = Weights.Get(tensor.Name);
            if (BlockFormat.Of(format).BitsPerElement < BlockFormat.Of(source.Format).BitsPerElement)
            {
                overlay.Replace(tensor.Name, Rounded(tensor.Name, format, cancellation));
            }
        }
    }
}

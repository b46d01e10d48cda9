using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Weights;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>Trained adapters put into the weights that they stand beside, so that the model needs none any more.</summary>
public static class LoraMerge
{
    const string A = ".lora_a";
    const string B = ".lora_b";

    /// <summary>The weights with w + Alpha / Rank · B · A, in float32, in place of each that has an adapter.</summary>
    /// <param name="weights">The model's own weights, in any format.</param>
    /// <param name="adapters">What was trained: <see cref="ITrainingStep.Parameters"/>.</param>
    /// <param name="options">What it was trained with.</param>
    /// <exception cref="ArgumentException">An adapter lacks its other half, or there is none.</exception>
    public static WeightOverlay Into(IWeights weights, IReadOnlyList<TrainedParameter> adapters, LoraOptions options)
    {
        ArgumentNullException.ThrowIfNull(adapters);
        ArgumentNullException.ThrowIfNull(options);
        WeightOverlay merged = new(weights);
        Dictionary<string, Tensor> byName = adapters.ToDictionary(adapter => adapter.Name, adapter => adapter.Weight);
        foreach (TrainedParameter adapter in adapters.Where(adapter => adapter.Name.EndsWith(A, StringComparison.Ordinal)))
        {
            string name = adapter.Name[..^A.Length];
            if (!byName.TryGetValue(name + B, out Tensor? b))
            {
                throw new ArgumentException($"'{adapter.Name}' has no '{name + B}' beside it.", nameof(adapters));
            }

            WeightName rows = WeightName.Of(name);
            if (!merged.Replaced.TryGetValue(rows.Whole, out Tensor? weight))
            {
                Tensor given = weights.Get(rows.Whole);
                weight = Tensor.Of(given.ToFloats(), [.. given.Shape.Dims]);
                merged.Replace(rows.Whole, weight);
            }

            Add(adapter.Weight, b, options.Scale, rows.Count == 0 ? weight : weight.Rows(rows.Start, rows.Count));
        }

        return merged.Replaced.Count > 0 ? merged : throw new ArgumentException("There is no adapter among the parameters.", nameof(adapters));
    }

    /// <summary>w += scale · b · a, sums in float64.</summary>
    static void Add(Tensor a, Tensor b, float scale, Tensor w)
    {
        int rank = a.Shape[0].Size;
        double[] sums = new double[a.Shape[1].Size];
        for (int row = 0; row < w.Shape[0].Size; row++)
        {
            Array.Clear(sums);
            ReadOnlySpan<float> factors = b.View.Row(row);
            for (int r = 0; r < rank; r++)
            {
                ReadOnlySpan<float> values = a.View.Row(r);
                for (int i = 0; i < sums.Length; i++)
                {
                    sums[i] += (double)factors[r] * values[i];
                }
            }

            Span<float> weight = w.View.Row(row);
            for (int i = 0; i < sums.Length; i++)
            {
                weight[i] = (float)(weight[i] + (scale * sums[i]));
            }
        }

        GC.KeepAlive((a, b, w));
    }
}

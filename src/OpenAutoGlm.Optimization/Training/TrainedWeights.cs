using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Quantization;

namespace OpenAutoGlm.Optimization.Training;

/// <summary>What training made of a model's weights, as weights that can be run or written.</summary>
public static class TrainedWeights
{
    const string LoraA = ".lora_a";
    const string LoraB = ".lora_b";

    /// <summary>
    /// The weights with the trained ones in place: masters rounded to a format, adapters multiplied out and added. Vectors
    /// stay float32, as the field keeps them.
    /// </summary>
    /// <param name="source">The weights that training began with; the result reads the others from it.</param>
    /// <param name="parameters">What was trained.</param>
    /// <param name="format">The format of trained matrices: F32, BF16, F16 or one of blocks.</param>
    /// <param name="loraScale">The factor on B · A; of no meaning without adapters.</param>
    public static WeightOverlay Over(IWeights source, IReadOnlyList<TrainedParameter> parameters, TensorFormat format, float loraScale = 1)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(parameters);
        WeightOverlay overlay = new(source);
        Dictionary<string, TrainedParameter> byName = parameters.ToDictionary(parameter => parameter.Name);
        Dictionary<string, Tensor> merged = [];
        foreach (TrainedParameter parameter in parameters)
        {
            if (parameter.Name.EndsWith(LoraA, StringComparison.Ordinal))
            {
                string target = parameter.Name[..^LoraA.Length];
                Merge(source, merged, target, parameter.Weight, byName[target + LoraB].Weight, loraScale);
            }
            else if (!parameter.Name.EndsWith(LoraB, StringComparison.Ordinal))
            {
                merged[parameter.Name] = parameter.Weight;
            }
        }

        foreach ((string name, Tensor weight) in merged)
        {
            overlay.Replace(name, weight.Shape.Rank < 2 || format == TensorFormat.F32 ? weight : new Nearest().Round(weight, format, null, name));
        }

        return overlay;
    }

    /// <summary>w + scale · B · A, over the rows that the adapter stands beside.</summary>
    static void Merge(IWeights source, Dictionary<string, Tensor> merged, string target, Tensor a, Tensor b, float scale)
    {
        (string whole, int start) = RowsOf(target);
        if (!merged.TryGetValue(whole, out Tensor? weight))
        {
            Tensor given = source.Get(whole);
            weight = Tensor.Of(given.ToFloats(), given.Shape.Dims.AsSpan());
            merged.Add(whole, weight);
        }

        int rank = a.Shape[0].Size;
        for (int row = 0; row < b.Shape[0].Size; row++)
        {
            Span<float> values = weight.View.Row(start + row);
            ReadOnlySpan<float> shares = b.View.Row(row);
            for (int r = 0; r < rank; r++)
            {
                float share = scale * shares[r];
                ReadOnlySpan<float> direction = a.View.Row(r);
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] += share * direction[i];
                }
            }
        }
    }

    /// <summary>"blk.0.ffn_up.weight[64..128]" is rows of a weight of the file, from the first number on.</summary>
    static (string Whole, int Start) RowsOf(string name)
    {
        int bracket = name.EndsWith(']') ? name.LastIndexOf('[') : -1;
        return bracket < 0 ? (name, 0) : (name[..bracket], int.Parse(name.AsSpan((bracket + 1)..name.IndexOf("..", bracket, StringComparison.Ordinal))));
    }
}

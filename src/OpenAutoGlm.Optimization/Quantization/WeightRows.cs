using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Weights;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>Rows of a weight: all of them, or those that a graph takes of a fused one.</summary>
/// <param name="Name">The whole weight's name.</param>
/// <param name="Start">The first row.</param>
/// <param name="Count">How many.</param>
readonly record struct WeightRows(string Name, int Start, int Count)
{
    /// <summary>What a graph's value stands for; slices are called "name[start..end]".</summary>
    public static WeightRows Of(Value weight)
    {
        int rows = weight.Type.Shape[0].Size, bracket = weight.Name.EndsWith(']') ? weight.Name.LastIndexOf('[') : -1;
        return bracket < 0
            ? new WeightRows(weight.Name, 0, rows)
            : new WeightRows(weight.Name[..bracket], int.Parse(weight.Name.AsSpan(bracket + 1, weight.Name.IndexOf("..", bracket, StringComparison.Ordinal) - bracket - 1)), rows);
    }
}

/// <summary>Weights under change: each is copied to float32 when it is first touched, and the source stays as it is.</summary>
sealed class WeightEditor(IWeights source)
{
    /// <summary>The source with what was touched in its place.</summary>
    public WeightOverlay Overlay { get; } = new(source);

    /// <summary>The float32 copy of a weight, to be changed in place.</summary>
    public Tensor Edit(string name)
    {
        if (Overlay.Replaced.TryGetValue(name, out Tensor? copy))
        {
            return copy;
        }

        Tensor tensor = source.Get(name);
        copy = Tensor.Allocate(TensorFormat.F32, [.. tensor.Shape.Dims]);
        for (int row = 0; row < copy.View.RowCount; row++)
        {
            tensor.View.ReadRow(row, copy.View.Row(row));
        }

        GC.KeepAlive(tensor);
        Overlay.Replace(name, copy);
        return copy;
    }

    /// <summary>Multiplies columns: [rows, columns] · diag(factors).</summary>
    public void ScaleColumns(WeightRows rows, float[] factors)
    {
        Tensor weight = Edit(rows.Name);
        Parallel.For(rows.Start, rows.Start + rows.Count, row =>
        {
            Span<float> values = weight.View.Row(row);
            for (int i = 0; i < values.Length; i++)
            {
                values[i] *= factors[i];
            }
        });
        GC.KeepAlive(weight);
    }

    /// <summary>Divides rows, or elements of a weight with one extent.</summary>
    public void DivideRows(WeightRows rows, float[] divisors)
    {
        Tensor weight = Edit(rows.Name);
        for (int row = 0; row < rows.Count; row++)
        {
            Span<float> values = weight.Shape.Rank == 1 ? weight.View.Floats.Slice(rows.Start + row, 1) : weight.View.Row(rows.Start + row);
            foreach (ref float value in values)
            {
                value /= divisors[row];
            }
        }

        GC.KeepAlive(weight);
    }
}

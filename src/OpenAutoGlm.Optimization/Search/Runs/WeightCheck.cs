using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Search.Runs;

/// <summary>Looks for weights that are no numbers, before anything is spent on a model.</summary>
static class WeightCheck
{
    /// <summary>Checks every row.</summary>
    /// <exception cref="ModelFormatException">A weight is NaN or infinite; the message names tensor, row and column.</exception>
    internal static void Finite(string path, IWeights weights, IReadOnlyList<string> names, IProgress<double>? progress, CancellationToken cancellation)
    {
        for (int i = 0; i < names.Count; i++)
        {
            if (!weights.TryGet(names[i], out Tensor? tensor))
            {
                continue; // Made by the architecture and not stored.
            }

            int columns = tensor.Shape.Last.Size;
            long rows = tensor.Shape.ElementCount / columns;
            (long Row, int Column, float Value)? bad = null;
            Lock gate = new();
            Parallel.For(0, (int)Math.Min(rows, 4L * Environment.ProcessorCount), new ParallelOptions { CancellationToken = cancellation }, part =>
            {
                long parts = Math.Min(rows, 4L * Environment.ProcessorCount);
                float[] values = new float[columns];
                for (long row = part * rows / parts; row < (part + 1) * rows / parts; row++)
                {
                    tensor.View.ReadRow((int)row, values);
                    int column = Array.FindIndex(values, value => !float.IsFinite(value));
                    if (column >= 0)
                    {
                        lock (gate)
                        {
                            bad = bad is { } known && known.Row < row ? known : (row, column, values[column]);
                        }

                        return;
                    }
                }
            });
            GC.KeepAlive(tensor);
            if (bad is { } found)
            {
                throw new ModelFormatException(path, names[i], $"row {found.Row}, column {found.Column} is {found.Value}: the model is damaged, and nothing sensible can be measured with it.");
            }

            progress?.Report((i + 1.0) / names.Count);
        }
    }
}

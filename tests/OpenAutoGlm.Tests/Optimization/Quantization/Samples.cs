using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>Made-up weights and activations, and what is lost between them.</summary>
static class Samples
{
    /// <summary>Normal numbers: [rows, columns].</summary>
    public static float[] Normal(Random random, int rows, int columns, float deviation = 1)
    {
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = deviation * MathF.Sqrt(-2 * MathF.Log(1 - random.NextSingle())) * MathF.Cos(2 * MathF.PI * random.NextSingle());
        }

        return values;
    }

    /// <summary>Rows that mix a few common factors, in columns of very different size: [rows, columns].</summary>
    public static float[] Correlated(Random random, int rows, int columns)
    {
        int factors = Math.Max(4, columns / 8);
        float[] common = Normal(random, rows, factors), mixing = Normal(random, factors, columns), own = Normal(random, rows, columns, 0.5f);
        float[] sizes = [.. Enumerable.Range(0, columns).Select(_ => MathF.Exp(1.5f * (random.NextSingle() - 0.5f)))];
        float[] x = new float[rows * columns];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                float sum = own[(row * columns) + column];
                for (int factor = 0; factor < factors; factor++)
                {
                    sum += common[(row * factors) + factor] * mixing[(factor * columns) + column] / MathF.Sqrt(factors);
                }

                x[(row * columns) + column] = sum * sizes[column];
            }
        }

        return x;
    }

    /// <summary>The statistics of rows [rows, columns].</summary>
    public static ColumnStatistics Statistics(float[] x, int columns)
    {
        ColumnSums sums = new(columns, withGram: true);
        Assert.True(sums.Add(x));
        return sums.ToStatistics();
    }

    /// <summary>The weight, rounded; ends with the test.</summary>
    public static Tensor Rounded(this RoundingMethod method, Tensor weight, TensorFormat target, ColumnStatistics? statistics, string name = "w") =>
        method.Round(weight, target, statistics, name, TestContext.Current.CancellationToken);

    /// <summary>A float32 weight.</summary>
    public static Tensor Weight(float[] values, int columns) => Tensor.Of(values, values.Length / columns, columns);

    /// <summary>‖X (W − Ŵ)ᵀ‖², the squared error of the outputs.</summary>
    public static double OutputError(float[] x, Tensor weight, Tensor rounded)
    {
        int columns = weight.Shape.Last.Size;
        float[] w = weight.ToFloats(), r = rounded.ToFloats();
        double total = 0;
        for (int row = 0; row < x.Length / columns; row++)
        {
            for (int output = 0; output < w.Length / columns; output++)
            {
                double sum = 0;
                for (int i = 0; i < columns; i++)
                {
                    sum += x[(row * columns) + i] * ((double)w[(output * columns) + i] - r[(output * columns) + i]);
                }

                total += sum * sum;
            }
        }

        return total;
    }

    /// <summary>Σ over rows and columns of weight[column] · (W − Ŵ)².</summary>
    public static double WeightedError(float[] columnWeights, Tensor weight, Tensor rounded)
    {
        float[] w = weight.ToFloats(), r = rounded.ToFloats();
        double total = 0;
        for (int i = 0; i < w.Length; i++)
        {
            double difference = (double)w[i] - r[i];
            total += columnWeights[i % columnWeights.Length] * difference * difference;
        }

        return total;
    }

    /// <summary>The bytes of a tensor.</summary>
    public static byte[] Bytes(Tensor tensor) => [.. Enumerable.Range(0, tensor.Shape[0].Size).SelectMany(i => tensor.Piece(i).ToArray())];
}

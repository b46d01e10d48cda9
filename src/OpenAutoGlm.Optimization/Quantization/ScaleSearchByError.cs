using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>
/// Tries scales meanAbs^α on a sample of the rows that read a site and keeps the exponent with the least output error
/// E‖x(W − Ŵ)ᵀ‖², Ŵ = round(W · s) / s: by the Gram matrix where there is one, else by second moments.
/// Source: Lin et al. 2023 (AWQ), §3.2, eq. 4 and 5.
/// </summary>
sealed class ScaleSearchByError(ScaleSite site, ColumnStatistics statistics, AwqOptions options)
{
    /// <summary>The exponent, its scales by channel, and the errors without and with them.</summary>
    public (double Strength, float[] Scales, double Before, double After) Find(WeightEditor editor)
    {
        Tensor sample = Sample(editor);
        float[] size = Sizes();
        (double strength, float[] scales) = (0, [.. size.Select(_ => 1f)]);
        double before = Error(sample, scales), least = before;
        for (int step = 1; step <= options.Steps; step++)
        {
            float[] tried = Scales(size, (double)step / options.Steps);
            double error = Error(sample, tried);
            if (error < least)
            {
                (least, strength, scales) = (error, (double)step / options.Steps, tried);
            }
        }

        return (strength, scales, before, least);
    }

    /// <summary>Mean magnitude of each channel; channels that are nearly always 0 count as a ten-thousandth of the mean.</summary>
    float[] Sizes()
    {
        double[] sums = new double[site.Channels];
        for (int column = 0; column < site.Columns; column++)
        {
            sums[site.ChannelOf(column)] += statistics.MeanAbs[column] / site.Sharing;
        }

        double floor = 1e-4 * sums.Average();
        return [.. sums.Select(sum => floor > 0 ? (float)Math.Max(sum, floor) : 1)];
    }

    /// <summary>size^α, divided by the geometric mean of the extremes, so that they lie around 1.</summary>
    static float[] Scales(float[] size, double strength)
    {
        double middle = Math.Sqrt(Math.Pow(size.Min(), strength) * Math.Pow(size.Max(), strength));
        return [.. size.Select(value => (float)(Math.Pow(value, strength) / middle))];
    }

    Tensor Sample(WeightEditor editor)
    {
        List<float> values = [];
        int rows = 0;
        float[] row = new float[site.Columns];
        foreach (WeightRows part in site.Consumers)
        {
            Tensor weight = editor.Overlay.Get(part.Name);
            int taken = Math.Min(part.Count, options.SampledRows);
            for (int i = 0; i < taken; i++)
            {
                weight.View.ReadRow(part.Start + (int)((long)i * part.Count / taken), row);
                values.AddRange(row);
            }

            rows += taken;
            GC.KeepAlive(weight);
        }

        return Tensor.Of([.. values], rows, site.Columns);
    }

    double Error(Tensor sample, float[] scales)
    {
        float[] factors = site.ByColumn(scales);
        float[] original = sample.ToFloats();
        float[] scaled = [.. original.Select((value, i) => value * factors[i % site.Columns])];
        ColumnStatistics divided = new()
        {
            Columns = site.Columns,
            Rows = statistics.Rows,
            MeanSquare = [.. statistics.MeanSquare.Zip(factors, (value, factor) => value / (factor * factor))],
            MeanAbs = statistics.MeanAbs,
            Max = statistics.Max,
        };
        float[] rounded = options.Rounding.Round(Tensor.Of(scaled, sample.Shape[0].Size, site.Columns), options.Format, divided).ToFloats();
        double[] errors = new double[sample.Shape[0].Size];
        Parallel.For(0, errors.Length, row =>
        {
            float[] difference = new float[site.Columns];
            for (int i = 0; i < difference.Length; i++)
            {
                int at = (row * site.Columns) + i;
                difference[i] = original[at] - (rounded[at] / factors[i]);
            }

            errors[row] = OutputError.Of(difference, statistics);
        });
        return errors.Sum();
    }
}

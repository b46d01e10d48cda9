namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>How many values share a scale.</summary>
public enum QuantizerSpan
{
    /// <summary>All of them.</summary>
    Tensor,

    /// <summary>Those of a row.</summary>
    Channel,

    /// <summary>Runs of <see cref="UniformQuantizer.GroupElements"/> within a row.</summary>
    Group,
}

/// <summary>What rounding cost.</summary>
/// <param name="MeanSquare">Mean of (x − x̂)².</param>
/// <param name="Relative">Root of it over the root mean square of x; 0 where all is 0.</param>
/// <param name="Largest">Largest |x − x̂|.</param>
public readonly record struct UniformError(double MeanSquare, double Relative, double Largest);

/// <summary>
/// The plain integer quantiser of the textbooks, as a reference and for the ranges of activations: x̂ = s · (q − z),
/// q = clamp(round(x / s) + z). Symmetric: z = 0, s = max|x| / (2^(bits−1) − 1). Asymmetric: s = (max − min) / (2^bits − 1), the range
/// always with 0 in it. Nothing runs in this form; it says what a form would lose.
/// Source: Jacob et al. 2018, §2.1.
/// </summary>
/// <param name="Bits">2 … 16.</param>
/// <param name="Span">What shares a scale.</param>
/// <param name="Symmetric">Whether codes lie around 0.</param>
/// <param name="GroupElements">Length of a group; the last of a row may be shorter.</param>
public sealed record UniformQuantizer(int Bits, QuantizerSpan Span, bool Symmetric = true, int GroupElements = 32)
{
    /// <summary>Rounds values [rows, columns] in place and says what that cost.</summary>
    /// <param name="values">The values.</param>
    /// <param name="columns">Length of a row.</param>
    /// <param name="clip">Share of the range that is kept: values beyond are clamped. A calibrator's choice; 1 for all.</param>
    /// <exception cref="ArgumentException">A value is not a number, or the rows are not whole.</exception>
    public UniformError Round(Span<float> values, int columns, double clip = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Bits, 2, nameof(Bits));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Bits, 16, nameof(Bits));
        if (columns < 1 || values.Length % columns != 0 || GroupElements < 1)
        {
            throw new ArgumentException($"{values.Length} values are no whole rows of {columns} in groups of {GroupElements}.", nameof(columns));
        }

        (double squares, double errors, double largest) = (0, 0, 0);
        int row = Span == QuantizerSpan.Tensor ? values.Length : columns;
        int length = Span == QuantizerSpan.Group ? GroupElements : row;
        for (int start = 0; start < values.Length; start += row)
        {
            for (int at = 0; at < row; at += length)
            {
                RoundGroup(values.Slice(start + at, Math.Min(length, row - at)), clip, start + at, ref squares, ref errors, ref largest);
            }
        }

        return new UniformError(errors / Math.Max(values.Length, 1), squares > 0 ? Math.Sqrt(errors / squares) : 0, largest);
    }

    void RoundGroup(Span<float> group, double clip, int offset, ref double squares, ref double errors, ref double largest)
    {
        (double least, double most) = (0, 0);
        for (int i = 0; i < group.Length; i++)
        {
            if (!float.IsFinite(group[i]))
            {
                throw new ArgumentException($"The value {group[i]} at index {offset + i} is not a number that can be rounded.");
            }

            (least, most) = (Math.Min(least, group[i]), Math.Max(most, group[i]));
        }

        int codes = (1 << Bits) - 1, half = (1 << (Bits - 1)) - 1;
        double scale = clip * (Symmetric ? Math.Max(-least, most) / half : (most - least) / codes);
        double zero = Symmetric || scale == 0 ? 0 : Math.Round(-least * clip / scale);
        (double lowest, double highest) = Symmetric ? (-half, half) : (-zero, codes - zero);
        foreach (ref float value in group)
        {
            double rounded = scale == 0 ? 0 : scale * Math.Clamp(Math.Round(value / scale), lowest, highest);
            double error = Math.Abs(value - rounded);
            squares += (double)value * value;
            errors += error * error;
            largest = Math.Max(largest, error);
            value = (float)rounded;
        }
    }
}

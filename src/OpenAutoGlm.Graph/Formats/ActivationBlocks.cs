namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// Activations rounded to int8 in blocks of 32, and the dot product of such a row with a row of quantised weights. The
/// methods are scalar and slow: they are the definition which every kernel that multiplies quantised weights has to
/// meet bit for bit, whatever its tiles, threads and instruction set.
/// </summary>
public static class ActivationBlocks
{
    /// <summary>Activations that share a scale.</summary>
    public const int Elements = 32;

    /// <summary>
    /// Blocks whose greatest magnitude is below this (2⁻¹⁰⁰) count as zero, so that neither a scale nor its reciprocal
    /// leaves the normal float32 range.
    /// </summary>
    public const float Smallest = 7.88860905e-31f;

    /// <summary>
    /// Rounds activations to int8. In every block, in float32:
    /// <code>
    /// largest = max |x|
    /// scale   = largest / 127
    /// code    = x · (127 / largest), rounded to the nearest integer, halves to even: −127 … 127
    /// </code>
    /// Where largest &lt; <see cref="Smallest"/>, scale and codes are 0. Where a value is NaN or infinite, the scale is
    /// NaN and the codes are 0, so that every dot product over the block is NaN and the fault is not hidden.
    /// </summary>
    /// <param name="values">The activations, a multiple of 32.</param>
    /// <param name="codes">One for every activation.</param>
    /// <param name="scales">One for every 32 activations.</param>
    /// <exception cref="ArgumentException">The lengths do not belong together.</exception>
    public static void Quantize(ReadOnlySpan<float> values, Span<sbyte> codes, Span<float> scales)
    {
        CheckLengths(codes.Length, scales.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length, codes.Length);
        for (int block = 0; block < scales.Length; block++)
        {
            ReadOnlySpan<float> from = values.Slice(block * Elements, Elements);
            Span<sbyte> to = codes.Slice(block * Elements, Elements);
            float largest = 0;
            foreach (float value in from)
            {
                largest = MathF.Max(largest, MathF.Abs(value));
            }

            to.Clear();
            scales[block] = largest < Smallest ? 0 : float.IsFinite(largest) ? largest / 127 : float.NaN;
            if (scales[block] > 0)
            {
                float inverse = 127 / largest;
                for (int i = 0; i < Elements; i++)
                {
                    to[i] = (sbyte)MathF.Round(from[i] * inverse, MidpointRounding.ToEven);
                }
            }
        }
    }

    /// <summary>
    /// What the minimums of a format are multiplied with: for every group, scale · Σ code, where the sum is an exact
    /// integer and the product is rounded once.
    /// </summary>
    /// <param name="codes">A row of codes.</param>
    /// <param name="scales">Their scales, one for every 32.</param>
    /// <param name="groupElements">16 or 32, see <see cref="QuantizedFormat.GroupElements"/>.</param>
    /// <param name="sums">One for every group.</param>
    /// <exception cref="ArgumentException">The lengths do not belong together.</exception>
    public static void Sum(ReadOnlySpan<sbyte> codes, ReadOnlySpan<float> scales, int groupElements, Span<float> sums)
    {
        CheckLengths(codes.Length, scales.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(sums.Length * groupElements, codes.Length);
        for (int group = 0; group < sums.Length; group++)
        {
            int sum = 0;
            foreach (sbyte code in codes.Slice(group * groupElements, groupElements))
            {
                sum += code;
            }

            sums[group] = scales[group * groupElements / Elements] * sum;
        }
    }

    /// <summary>
    /// The dot product of a row of weights with a row of activations. From 0, group after group in rising order, one
    /// float32 accumulator:
    /// <code>
    /// dot         = Σ weightCode · activationCode                 int32, exact, and exact as float32
    /// accumulator = fma(dot, weightScale · activationScale, accumulator)
    /// accumulator = fma(minimum, activationSum, accumulator)      only where the format has minimums
    /// </code>
    /// The product of the scales is rounded once; activationSum is that of <see cref="Sum"/> for the group. fma rounds
    /// once (IEEE 754 fusedMultiplyAdd), on machines without the instruction too.
    /// </summary>
    /// <param name="format">The format of the weights.</param>
    /// <param name="weights">The blocks of a row.</param>
    /// <param name="codes">The codes of as many activations.</param>
    /// <param name="scales">Their scales, one for every 32.</param>
    /// <exception cref="ArgumentException">The lengths do not belong together.</exception>
    public static float Dot(QuantizedFormat format, ReadOnlySpan<byte> weights, ReadOnlySpan<sbyte> codes, ReadOnlySpan<float> scales)
    {
        int groupElements = format.GroupElements;
        int groups = codes.Length / groupElements;
        sbyte[] weightCodes = new sbyte[codes.Length];
        float[] weightScales = new float[groups];
        float[] minimums = new float[format.HasMinimum ? groups : 0];
        float[] sums = new float[minimums.Length];
        format.Unpack(weights, weightCodes, weightScales, minimums);
        CheckLengths(codes.Length, scales.Length);
        if (format.HasMinimum)
        {
            Sum(codes, scales, groupElements, sums);
        }

        float accumulator = 0;
        for (int group = 0; group < groups; group++)
        {
            int dot = 0;
            for (int i = group * groupElements; i < (group + 1) * groupElements; i++)
            {
                dot += weightCodes[i] * codes[i];
            }

            accumulator = MathF.FusedMultiplyAdd(dot, weightScales[group] * scales[group * groupElements / Elements], accumulator);
            if (format.HasMinimum)
            {
                accumulator = MathF.FusedMultiplyAdd(minimums[group], sums[group], accumulator);
            }
        }

        return accumulator;
    }

    static void CheckLengths(int codes, int scales)
    {
        if (codes != scales * Elements)
        {
            throw new ArgumentException($"{codes} activations need one scale for every {Elements}, not {scales} scales.");
        }
    }
}

using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

public class RoundingMethodTests
{
    public static TheoryData<TensorFormat> Quantised =>
        [.. BlockFormat.All.OfType<QuantizedFormat>().Where(format => format.CanQuantize).Select(format => format.Format)];

    public static TheoryData<TensorFormat> Searched => [.. Quantised.Select(row => row.Data).Except([TensorFormat.Q8_0])];

    public static TheoryData<RoundingMethod> Methods => [new Nearest(), new ImportanceWeighted(), new Gptq()];

    [Theory]
    [MemberData(nameof(Searched))]
    public void Importance_loses_less_where_it_counts(TensorFormat format)
    {
        Random random = new(1);
        (double nearest, double important) = (0, 0);
        for (int round = 0; round < 4; round++)
        {
            Tensor weight = Samples.Weight(Samples.Normal(random, 16, 256, 0.05f), 256);
            ColumnStatistics statistics = Samples.Statistics(Samples.Correlated(random, 64, 256), 256);
            nearest += Samples.WeightedError(statistics.MeanSquare, weight, new Nearest().Rounded(weight, format, statistics));
            important += Samples.WeightedError(statistics.MeanSquare, weight, new ImportanceWeighted().Rounded(weight, format, statistics));
        }

        Assert.True(important < nearest, $"{important} is not below {nearest}");
    }

    [Theory]
    [MemberData(nameof(Quantised))]
    public void Nearest_is_what_the_format_writes_and_importance_without_statistics_is_nearest(TensorFormat format)
    {
        float[] values = Samples.Normal(new Random(2), 3, 256);
        Tensor weight = Samples.Weight(values, 256);
        byte[] expected = new byte[BlockFormat.Of(format).RowBytes(values.Length)];
        BlockFormat.Of(format).Quantize(values, [], expected);

        Assert.Equal(expected, Samples.Bytes(new Nearest().Rounded(weight, format, null)));
        Assert.Equal(expected, Samples.Bytes(new ImportanceWeighted().Rounded(weight, format, null)));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void The_number_of_threads_changes_nothing(RoundingMethod method)
    {
        Random random = new(3);
        Tensor weight = Samples.Weight(Samples.Normal(random, 65, 256), 256);
        ColumnStatistics statistics = Samples.Statistics(Samples.Correlated(random, 300, 256), 256);
        byte[] alone = Samples.Bytes((method with { Threads = 1 }).Rounded(weight, TensorFormat.Q4_K, statistics));

        Assert.Equal(alone, Samples.Bytes((method with { Threads = 3 }).Rounded(weight, TensorFormat.Q4_K, statistics)));
        Assert.Equal(alone, Samples.Bytes(method.Rounded(weight, TensorFormat.Q4_K, statistics)));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Experts_are_rounded_one_by_one_in_one_piece_or_stacked(RoundingMethod method)
    {
        Random random = new(4);
        ColumnStatistics statistics = Samples.Statistics(Samples.Correlated(random, 100, 64), 64);
        Tensor[] experts = [.. Enumerable.Range(0, 3).Select(_ => Samples.Weight(Samples.Normal(random, 5, 64), 64))];
        byte[] expected = [.. experts.SelectMany(expert => Samples.Bytes(method.Rounded(expert, TensorFormat.Q4_0, statistics)))];

        Tensor stack = method.Rounded(Tensor.Stack([.. experts]), TensorFormat.Q4_0, statistics);
        Tensor whole = method.Rounded(Tensor.Of([.. experts.SelectMany(expert => expert.ToFloats())], 3, 5, 64), TensorFormat.Q4_0, statistics);

        Assert.Equal(expected, Samples.Bytes(stack));
        Assert.Equal(expected, Samples.Bytes(whole));
        Assert.Equal("[3, 5, 64]", whole.Shape.ToString());
    }

    [Theory]
    [InlineData(TensorFormat.Q4_K, 256, TensorFormat.Q4_K)]
    [InlineData(TensorFormat.Q4_K, 352, TensorFormat.Q5_0)]
    [InlineData(TensorFormat.Q5_K, 64, TensorFormat.Q5_1)]
    [InlineData(TensorFormat.Q6_K, 32, TensorFormat.Q8_0)]
    [InlineData(TensorFormat.Q2_K, 32, TensorFormat.IQ4_NL)]
    [InlineData(TensorFormat.Q3_K, 96, TensorFormat.IQ4_NL)]
    [InlineData(TensorFormat.IQ4_XS, 128, TensorFormat.IQ4_NL)]
    [InlineData(TensorFormat.Q2_K, 172, TensorFormat.F16)]
    [InlineData(TensorFormat.Q8_0, 172, TensorFormat.F16)]
    [InlineData(TensorFormat.BF16, 7, TensorFormat.BF16)]
    public void A_format_whose_blocks_do_not_divide_the_rows_has_one_that_stands_in(TensorFormat wanted, int columns, TensorFormat fitting)
    {
        Assert.Equal(fitting, BlockFormat.Fitting(wanted, columns));
        Assert.Equal(fitting, new Nearest().Rounded(Samples.Weight(Samples.Normal(new Random(5), 2, columns), columns), wanted, null).Format);
    }

    [Theory]
    [InlineData(TensorFormat.Q4_0, float.NaN)]
    [InlineData(TensorFormat.F32, float.NaN)]
    [InlineData(TensorFormat.BF16, float.PositiveInfinity)]
    [InlineData(TensorFormat.F16, 1e5f)]
    [InlineData(TensorFormat.Q6_K, -1e5f)]
    public void The_first_value_that_cannot_be_rounded_is_named(TensorFormat format, float value)
    {
        float[] values = new float[40 * 256];
        values[(7 * 256) + 35] = value;
        values[(9 * 256) + 1] = value;
        ArgumentException refusal = Assert.Throws<ArgumentException>(
            () => new Nearest().Rounded(Samples.Weight(values, 256), format, null, "blk.0.attn_q.weight"));

        Assert.StartsWith("blk.0.attn_q.weight, row 7: ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("index 35", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Statistics_of_other_columns_are_refused_and_a_cancelled_rounding_ends()
    {
        Tensor weight = Samples.Weight(Samples.Normal(new Random(6), 4, 64), 64);
        ColumnStatistics other = Samples.Statistics(Samples.Normal(new Random(6), 4, 32), 32);

        Assert.Contains("64", Assert.Throws<ArgumentException>(() => new ImportanceWeighted().Rounded(weight, TensorFormat.Q4_0, other)).Message, StringComparison.Ordinal);
        Assert.ThrowsAny<OperationCanceledException>(() => new Nearest().Round(weight, TensorFormat.Q4_0, null, cancellation: new CancellationToken(true)));
        Assert.Throws<NotSupportedException>(() => new Nearest().Rounded(weight, TensorFormat.I32, null));
    }
}

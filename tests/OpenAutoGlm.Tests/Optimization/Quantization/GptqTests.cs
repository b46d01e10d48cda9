using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

public class GptqTests
{
    public static TheoryData<TensorFormat> Formats => RoundingMethodTests.Quantised;

    [Theory]
    [MemberData(nameof(Formats))]
    public void Outputs_lose_less_than_by_rounding_to_nearest_where_inputs_are_correlated(TensorFormat format)
    {
        Random random = new(1);
        (double nearest, double important, double gptq, double actOrder) = (0, 0, 0, 0);
        for (int round = 0; round < 2; round++)
        {
            float[] x = Samples.Correlated(random, 384, 256);
            ColumnStatistics statistics = Samples.Statistics(x, 256);
            Tensor weight = Samples.Weight(Samples.Normal(random, 6, 256, 0.05f), 256);
            nearest += Samples.OutputError(x, weight, new Nearest().Rounded(weight, format, null));
            important += Samples.OutputError(x, weight, new ImportanceWeighted().Rounded(weight, format, statistics));
            gptq += Samples.OutputError(x, weight, new Gptq().Rounded(weight, format, statistics));
            actOrder += Samples.OutputError(x, weight, new Gptq { ActOrder = true }.Rounded(weight, format, statistics));
        }

        string all = $"nearest {nearest:G4}, importance {important:G4}, GPTQ {gptq:G4}, by activation {actOrder:G4}";
        Assert.True(gptq < 0.75 * nearest && gptq < important, all);
        Assert.True(actOrder < 0.75 * nearest, all);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Where_nothing_is_correlated_it_is_rounding_to_nearest(TensorFormat format)
    {
        double[] identity = new double[512 * 512];
        for (int i = 0; i < 512; i++)
        {
            identity[(i * 512) + i] = 3;
        }

        float[] threes = [.. Enumerable.Repeat(3f, 512)];
        ColumnStatistics statistics = new() { Columns = 512, Rows = 1000, MeanSquare = threes, MeanAbs = threes, Max = threes, Gram = identity };
        Tensor weight = Samples.Weight(Samples.Normal(new Random(2), 20, 512), 512);
        byte[] nearest = Samples.Bytes(new Nearest().Rounded(weight, format, null));

        Assert.Equal(nearest, Samples.Bytes(new Gptq().Rounded(weight, format, statistics)));
        Assert.Equal(nearest, Samples.Bytes(new Gptq { ActOrder = true }.Rounded(weight, format, statistics)));
    }

    [Theory]
    [InlineData(TensorFormat.Q4_0, 96, false)]
    [InlineData(TensorFormat.Q4_K, 512, false)]
    [InlineData(TensorFormat.Q4_1, 288, true)]
    public void The_number_of_threads_changes_nothing(TensorFormat format, int columns, bool actOrder)
    {
        Random random = new(3);
        ColumnStatistics statistics = Samples.Statistics(Samples.Correlated(random, 200, columns), columns);
        ColumnStatistics same = Samples.Statistics(Samples.Correlated(new Random(3), 200, columns), columns);
        Tensor weight = Samples.Weight(Samples.Normal(random, 70, columns), columns);

        Assert.Equal(
            Samples.Bytes(new Gptq { Threads = 1, ActOrder = actOrder }.Rounded(weight, format, statistics)),
            Samples.Bytes(new Gptq { Threads = 4, ActOrder = actOrder }.Rounded(weight, format, same)));
    }

    [Fact]
    public void Without_a_Gram_matrix_it_is_importance_and_for_plain_formats_nearest()
    {
        Random random = new(4);
        ColumnStatistics full = Samples.Statistics(Samples.Correlated(random, 100, 64), 64);
        ColumnStatistics diagonal = new() { Columns = 64, Rows = full.Rows, MeanSquare = full.MeanSquare, MeanAbs = full.MeanAbs, Max = full.Max };
        Tensor weight = Samples.Weight(Samples.Normal(random, 18, 64), 64);

        Assert.Equal(Samples.Bytes(new ImportanceWeighted().Rounded(weight, TensorFormat.Q4_0, full)), Samples.Bytes(new Gptq().Rounded(weight, TensorFormat.Q4_0, diagonal)));
        Assert.Equal(Samples.Bytes(new Nearest().Rounded(weight, TensorFormat.BF16, null)), Samples.Bytes(new Gptq().Rounded(weight, TensorFormat.BF16, full)));
    }

    [Fact]
    public void Fewer_rows_than_columns_and_dead_columns_are_rounded_all_the_same()
    {
        Random random = new(5);
        float[] x = Samples.Correlated(random, 20, 128);
        for (int row = 0; row < 20; row++)
        {
            (x[(row * 128) + 7], x[(row * 128) + 100]) = (0, 0);
        }

        ColumnStatistics statistics = Samples.Statistics(x, 128);
        Tensor weight = Samples.Weight(Samples.Normal(random, 9, 128), 128);
        Tensor rounded = new Gptq().Rounded(weight, TensorFormat.Q4_0, statistics);

        Assert.Equal([7, 100], HessianFactor.Of(statistics, 0.01).DeadColumns);
        Assert.False(HessianFactor.Of(statistics, 0.01).Grew);
        Assert.True(Samples.OutputError(x, weight, rounded) < 0.5 * Samples.OutputError(x, weight, new Nearest().Rounded(weight, TensorFormat.Q4_0, null)));

        // Dead columns are rounded like any other, so that a later input that is not 0 there does no harm.
        float[] before = weight.ToFloats(), after = rounded.ToFloats();
        Assert.All(Enumerable.Range(0, 9), row => Assert.InRange(Math.Abs(before[(row * 128) + 7] - after[(row * 128) + 7]), 0, 0.6));
    }

    [Fact]
    public void Damping_grows_until_a_singular_Hessian_can_be_factored_and_says_so()
    {
        ColumnStatistics statistics = Samples.Statistics(Samples.Normal(new Random(6), 3, 64), 64);
        HessianFactor factor = HessianFactor.Of(statistics, damping: 0);

        Assert.True(factor.Grew);
        Assert.InRange(factor.Damping, 1e-9, 1e-3);
        Assert.All(factor.Upper, value => Assert.True(float.IsFinite(value)));
    }

    [Fact]
    public void The_factor_is_the_upper_Cholesky_factor_of_the_inverse()
    {
        const int N = 150;
        ColumnStatistics statistics = Samples.Statistics(Samples.Correlated(new Random(7), 400, N), N);
        HessianFactor factor = HessianFactor.Of(statistics, 0.05);
        double mean = Enumerable.Range(0, N).Average(i => statistics.Gram![(i * N) + i]);

        // H · (Uᵀ U) must be the identity.
        double[] inverse = new double[N * N];
        for (int i = 0; i < N; i++)
        {
            for (int j = 0; j < N; j++)
            {
                inverse[(i * N) + j] = Enumerable.Range(0, N).Sum(p => (double)factor.Upper[(p * N) + i] * factor.Upper[(p * N) + j]);
                Assert.True(j >= i || factor.Upper[(i * N) + j] == 0);
            }
        }

        for (int i = 0; i < N; i++)
        {
            for (int j = 0; j < N; j++)
            {
                double product = Enumerable.Range(0, N).Sum(p => (statistics.Gram![(i * N) + p] + (i == p ? 0.05 * mean : 0)) * inverse[(p * N) + j]);
                Assert.Equal(i == j ? 1 : 0, product, 1e-4);
            }
        }
    }

    [Fact]
    public void Activations_that_were_no_numbers_are_refused_with_the_column()
    {
        ColumnStatistics statistics = Samples.Statistics(Samples.Normal(new Random(8), 50, 32), 32);
        statistics.Gram![(5 * 32) + 5] = double.NaN;
        Tensor weight = Samples.Weight(Samples.Normal(new Random(8), 2, 32), 32);

        ArgumentException refusal = Assert.Throws<ArgumentException>(() => new Gptq().Rounded(weight, TensorFormat.Q4_0, statistics, "blk.3.ffn_up.weight"));
        Assert.Contains("column 5", refusal.Message, StringComparison.Ordinal);
    }
}

using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Pruning;

public sealed class SparsePruningTests
{
    const int Out = 24;
    const int In = 160;

    readonly Tensor _weight = Tensor.Of(Numbers(Out * In, 1), Out, In);
    readonly ColumnStatistics _statistics = Correlated();

    [Theory]
    [InlineData(SparseMethod.Magnitude)]
    [InlineData(SparseMethod.Wanda)]
    [InlineData(SparseMethod.SparseGpt)]
    public void Half_of_the_weights_become_zero_and_of_four_neighbours_two(SparseMethod method)
    {
        SparseMatrix half = SparsePruning.Prune("w", _weight, new Sparsity(0.5), method, _statistics);
        SparseMatrix pattern = SparsePruning.Prune("w", _weight, Sparsity.TwoOfFour, method, _statistics);

        Assert.Equal(0.5, half.Zeros, 1e-9);
        Assert.Equal(0.5, pattern.Zeros, 1e-9);
        Assert.All(pattern.Weight.ToFloats().Chunk(4), group => Assert.Equal(2, group.Count(value => value == 0)));
        Assert.True(half.RelativeError <= pattern.RelativeError * 1.001);
    }

    [Fact]
    public void The_more_a_method_knows_the_less_the_output_changes()
    {
        double Error(SparseMethod method) => SparsePruning.Prune("w", _weight, new Sparsity(0.5), method, _statistics).RelativeError;
        Assert.True(Error(SparseMethod.Wanda) < Error(SparseMethod.Magnitude));
        Assert.True(Error(SparseMethod.SparseGpt) < 0.8 * Error(SparseMethod.Wanda));
    }

    [Fact]
    public void Magnitude_needs_no_statistics_and_the_others_say_what_they_miss()
    {
        Assert.Equal(0.25, SparsePruning.Prune("w", _weight, new Sparsity(0.25), SparseMethod.Magnitude, null).Zeros, 1e-3);
        Assert.Contains("norms", Assert.Throws<ArgumentException>(() => SparsePruning.Prune("w", _weight, new Sparsity(0.5), SparseMethod.Wanda, null)).Message, StringComparison.Ordinal);
        Assert.Contains("Gram", Assert.Throws<ArgumentException>(() => SparsePruning.Prune("w", _weight, new Sparsity(0.5), SparseMethod.SparseGpt, null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_weight_that_is_no_number_is_refused_by_name()
    {
        float[] values = Numbers(Out * In, 1);
        values[7] = float.NaN;
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => SparsePruning.Prune("blk.0.ffn_up.weight", Tensor.Of(values, Out, In), new Sparsity(0.5), SparseMethod.Magnitude, null));
        Assert.Contains("blk.0.ffn_up.weight", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Experts_are_pruned_each_for_itself()
    {
        Tensor stack = Tensor.Of(Numbers(3 * Out * In, 2), 3, Out, In);
        SparseMatrix pruned = SparsePruning.Prune("w", stack, new Sparsity(0.5), SparseMethod.Wanda, _statistics);
        Assert.Equal(stack.Shape, pruned.Weight.Shape);
        Assert.Equal(0.5, pruned.Zeros, 1e-9);
    }

    [Theory]
    [InlineData("50%", 0.5, 0, "50%")]
    [InlineData("0.25", 0.25, 0, "25%")]
    [InlineData("2:4", 0.5, 4, "2:4")]
    [InlineData("1:4", 0.75, 4, "1:4")]
    public void A_sparsity_is_read_and_written(string text, double share, int group, string written)
    {
        Sparsity sparsity = Sparsity.Parse(text);
        Assert.Equal(new Sparsity(share, group), sparsity);
        Assert.Equal(written, sparsity.ToString());
    }

    [Theory]
    [InlineData("4:2")]
    [InlineData("150%")]
    [InlineData("half")]
    [InlineData("0")]
    public void A_sparsity_that_cannot_be_is_refused(string text) => Assert.Throws<FormatException>(() => Sparsity.Parse(text));

    /// <summary>Activations whose columns differ in size and go together, as those of real models do.</summary>
    static ColumnStatistics Correlated()
    {
        const int Rows = 400;
        float[] noise = Numbers(Rows * In, 3), common = Numbers(Rows * 8, 4), mix = Numbers(8 * In, 5);
        double[] gram = new double[In * In];
        float[] row = new float[In];
        for (int t = 0; t < Rows; t++)
        {
            for (int i = 0; i < In; i++)
            {
                float shared = Enumerable.Range(0, 8).Sum(k => common[(t * 8) + k] * mix[(k * In) + i]);
                row[i] = (shared + (0.5f * noise[(t * In) + i])) * (1 + (i % 7));
            }

            for (int i = 0; i < In; i++)
            {
                for (int j = 0; j < In; j++)
                {
                    gram[(i * In) + j] += row[i] * (double)row[j] / Rows;
                }
            }
        }

        float[] squares = [.. Enumerable.Range(0, In).Select(i => (float)gram[(i * In) + i])];
        return new ColumnStatistics { Columns = In, Rows = Rows, MeanSquare = squares, MeanAbs = [.. squares.Select(MathF.Sqrt)], Max = squares, Gram = gram };
    }

    static float[] Numbers(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() + random.NextDouble() + random.NextDouble()) - 1.5))];
    }
}

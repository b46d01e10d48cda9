using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph;

/// <summary>The references against numbers worked out by hand or by a second formula.</summary>
public class OpTests
{
    static float[] Random(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1)];
    }

    [Fact]
    public void A_bias_is_added_to_every_row()
    {
        Assert.Equal([11, 22, 13, 24], TinyGraphs.Run(new Add(), Tensor.Of([1f, 2, 3, 4], 2, 2), Tensor.Of([10f, 20], 2)));
    }

    [Fact]
    public void A_product_runs_along_the_rows_of_both()
    {
        // [1 2; 3 4] · [5 6; 7 8]ᵀ
        Assert.Equal([17, 23, 39, 53], TinyGraphs.Run(new MatMul(), Tensor.Of([1f, 2, 3, 4], 2, 2), Tensor.Of([5f, 6, 7, 8], 2, 2)));
    }

    [Theory]
    [InlineData(Activation.Silu, 1.0, 0.7310585786)]
    [InlineData(Activation.GeluTanh, 1.0, 0.8411919906)]
    [InlineData(Activation.GeluErf, 1.0, 0.8413447461)]
    [InlineData(Activation.GeluErf, -3.0, -0.0040496940)]
    [InlineData(Activation.GeluErf, 5.0, 4.9999985667)]
    [InlineData(Activation.Sigmoid, -2.0, 0.1192029220)]
    [InlineData(Activation.Relu, -2.0, 0)]
    public void An_activation_has_its_published_value(Activation function, double x, double expected)
    {
        Assert.Equal(expected, Activate.Of(function, x), 1e-9);
    }

    [Fact]
    public void An_rms_norm_of_a_constant_row_is_its_weight()
    {
        float[] y = TinyGraphs.Run(new RmsNorm(0), Tensor.Of([3f, 3, 3, 3], 1, 4), Tensor.Of([1f, 2, -1, 0.5f], 4));
        Assert.Equal([1, 2, -1, 0.5f], y);
    }

    [Fact]
    public void A_layer_norm_has_no_mean_and_unit_variance()
    {
        float[] y = TinyGraphs.Run(new LayerNorm(0), Tensor.Of(Random(64, 1), 1, 64), Tensor.Of(Enumerable.Repeat(1f, 64).ToArray(), 64), Tensor.Of(new float[64], 64));
        Assert.Equal(0, y.Average(), 1e-6);
        Assert.Equal(1, y.Average(value => (double)value * value), 1e-6);
    }

    [Fact]
    public void A_softmax_of_huge_numbers_still_sums_to_one()
    {
        float[] y = TinyGraphs.Run(new Softmax(), Tensor.Of([1000f, 1001, 999], 1, 3));
        Assert.Equal(1, y.Sum(), 1e-6);
        Assert.Equal(Math.E, y[1] / y[0], 1e-5);
    }

    [Theory]
    [InlineData(RopePairing.Interleaved)]
    [InlineData(RopePairing.Half)]
    public void A_rotation_keeps_lengths_and_the_angle_between_positions(RopePairing pairing)
    {
        // The dot product of a rotated query and key depends only on the distance of their positions.
        float[] query = Random(8, 1);
        float[] key = Random(8, 2);
        Rope rope = new(pairing, 6, 100);
        float Dot(int queryPosition, int keyPosition)
        {
            float[] q = TinyGraphs.Run(rope, Tensor.Of(query, 1, 1, 8), Tensor.Of([queryPosition], 1));
            float[] k = TinyGraphs.Run(rope, Tensor.Of(key, 1, 1, 8), Tensor.Of([keyPosition], 1));
            Assert.Equal(query.Sum(value => value * value), q.Sum(value => value * value), 1e-5);
            Assert.Equal(query[6..], q[6..]);
            return q.Zip(k, (a, b) => a * b).Sum();
        }

        Assert.Equal(Dot(7, 3), Dot(104, 100), 1e-4);
        Assert.NotEqual(Dot(7, 3), Dot(7, 4), 1e-3);
    }

    [Fact]
    public void The_two_pairings_are_the_same_rotation_of_permuted_heads()
    {
        float[] x = Random(8, 3);
        float[] halves = [.. Enumerable.Range(0, 4).Select(i => x[2 * i]), .. Enumerable.Range(0, 4).Select(i => x[(2 * i) + 1])];
        float[] interleaved = TinyGraphs.Run(new Rope(RopePairing.Interleaved, 8, 50), Tensor.Of(x, 1, 1, 8), Tensor.Of([9], 1));
        float[] half = TinyGraphs.Run(new Rope(RopePairing.Half, 8, 50), Tensor.Of(halves, 1, 1, 8), Tensor.Of([9], 1));
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(interleaved[2 * i], half[i]);
            Assert.Equal(interleaved[(2 * i) + 1], half[i + 4]);
        }
    }

    [Fact]
    public void A_router_chooses_by_biased_score_and_weighs_without_the_bias()
    {
        Tensor logits = Tensor.Of([0f, 1, 2, 3], 1, 4);
        Tensor bias = Tensor.Of([10f, 0, 0, 0], 4);
        float[][] routed = TinyGraphs.RunMany(new Router(RouterScoring.Sigmoid, 2, Renormalise: true, Scale: 2), logits, bias);
        Assert.Equal([0, 3], routed[0]);
        double first = 0.5;
        double second = 1 / (1 + Math.Exp(-3));
        Assert.Equal(2 * first / (first + second), routed[1][0], 1e-6);
        Assert.Equal(2 * second / (first + second), routed[1][1], 1e-6);
    }

    [Fact]
    public void A_router_prefers_the_lower_expert_on_a_tie()
    {
        float[][] routed = TinyGraphs.RunMany(new Router(RouterScoring.Softmax, 3, Renormalise: false, Scale: 1), Tensor.Of([1f, 1, 1, 1], 1, 4));
        Assert.Equal([0, 1, 2], routed[0]);
        Assert.All(routed[1], weight => Assert.Equal(0.25, weight, 1e-7));
    }

    [Fact]
    public void Stacked_experts_multiply_as_those_in_one_piece()
    {
        Tensor whole = Tensor.Of(Random(3 * 4 * 5, 4), 3, 4, 5);
        Tensor stacked = Tensor.Stack([.. Enumerable.Range(0, 3).Select(i => Tensor.Of(whole.ToFloats().AsSpan(i * 20, 20), 4, 5))]);
        Tensor x = Tensor.Of(Random(10, 5), 2, 5);
        Tensor chosen = Tensor.Of([2, 0, 1, 2], 2, 2);
        float[] expected = TinyGraphs.Run(new ExpertMatMul(), x, whole, chosen);
        Assert.Equal(expected, TinyGraphs.Run(new ExpertMatMul(), x, stacked, chosen));
        Assert.Equal(16, expected.Length);
        Assert.Equal(x.ToFloats()[..5].Zip(whole.ToFloats()[40..45], (a, b) => a * b).Sum(), expected[0], 1e-6);
    }

    [Fact]
    public void Attention_finds_its_keys_through_the_block_table()
    {
        // One head, sixteen tokens in a block, eighteen positions; block 1 comes before block 0 in the sequence.
        Tensor keys = Tensor.Allocate(TensorFormat.F32, 2, 1, 16, 2);
        Tensor values = Written(KvPart.Values, [.. Enumerable.Range(0, 18).Select(i => 16 + (i % 16) - (i / 16 * 16))], i => i + 1);
        float[] y = TinyGraphs.Run(new PagedAttention(1, 16), Tensor.Of([0f, 0], 1, 1, 2), keys, values, Tensor.Of([17], 1), Tensor.Of([0], 1), Tensor.Of([1, 0], 1, 2));
        // A zero query weighs all of them equally.
        Assert.Equal(19 / 2.0, y[0], 1e-6);
        Assert.Equal(-19 / 2.0, y[1], 1e-6);
    }

    [Fact]
    public void A_window_hides_what_lies_further_back()
    {
        Tensor keys = Tensor.Allocate(TensorFormat.F32, 2, 1, 16, 2);
        Tensor values = Written(KvPart.Values, [0, 1, 2, 3], i => i + 1);
        float[] y = TinyGraphs.Run(new PagedAttention(1, 16, Window: 2), Tensor.Of([1f, 0], 1, 1, 2), keys, values, Tensor.Of([3], 1), Tensor.Of([0], 1), Tensor.Of([0], 1, 1));
        Assert.Equal(3.5, y[0], 1e-6);
    }

    /// <summary>Two blocks of sixteen tokens with a head of two elements, x and −x for each slot.</summary>
    static Tensor Written(KvPart part, int[] slots, Func<int, float> x)
    {
        Tensor memory = Tensor.Allocate(TensorFormat.F32, 2, 1, 16, 2);
        Tensor rows = Tensor.Of([.. slots.SelectMany((_, i) => (float[])[x(i), -x(i)])], slots.Length, 1, 2);
        new KvWrite(part).Evaluate([memory.View, rows.View, Tensor.Of(slots, slots.Length).View], [memory.View]);
        return memory;
    }

    [Fact]
    public void A_convolution_pads_with_zeros()
    {
        // One channel, kernel [1, 2, 3], stride 2, padding 1 over [1, 2, 3, 4].
        float[] y = TinyGraphs.Run(new Convolution1D(2, 1), Tensor.Of([1f, 2, 3, 4], 4, 1), Tensor.Of([1f, 2, 3], 1, 1, 3), Tensor.Of([0.5f], 1));
        Assert.Equal([(0 + 2 + 6) + 0.5f, (2 + 6 + 12) + 0.5f], y);
    }

    [Fact]
    public void Columns_and_rows_are_picked()
    {
        Tensor x = Tensor.Of([1f, 2, 3, 4, 5, 6], 2, 3);
        Assert.Equal([2, 3, 5, 6], TinyGraphs.Run(new Columns(1, 2), x));
        Assert.Equal([4, 5, 6, 4, 5, 6, 1, 2, 3], TinyGraphs.Run(new GatherRows(), x, Tensor.Of([1, 1, 0], 3)));
    }

    [Fact]
    public void A_row_outside_the_table_is_refused()
    {
        Tensor x = Tensor.Of([1f, 2], 2, 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => TinyGraphs.Run(new GatherRows(), x, Tensor.Of([2], 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => TinyGraphs.Run(new GatherRows(), x, Tensor.Of([-1], 1)));
    }
}

using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Synthesis;

public class FormatMixtureTests
{
    /// <summary>Sizes in GB of published files of Llama-3.1-8B-Instruct, to two decimals, vocabulary included.</summary>
    [Theory]
    [InlineData("Q8_0", 8.54)]
    [InlineData("Q5_K_M", 5.73)]
    [InlineData("Q5_K_S", 5.60)]
    [InlineData("Q4_K_M", 4.92)]
    [InlineData("Q4_K_S", 4.69)]
    [InlineData("Q3_K_L", 4.32)]
    [InlineData("Q3_K_M", 4.02)]
    [InlineData("Q3_K_S", 3.66)]
    [InlineData("Q2_K-mix", 3.18)]
    public void A_mixture_makes_a_model_as_large_as_the_published_one(string name, double gigabytes)
    {
        ModelShape shape = ModelShape.Find("llama-3.1-8b");
        SyntheticWeights weights = new(shape, name);
        double bytes = PlannedTensor.For(shape).Sum(tensor => weights.Get(tensor.Name).Bytes);

        Assert.InRange(bytes / 1e9, gigabytes - 0.02, gigabytes + 0.005);
    }

    [Theory]
    [InlineData("blk.0.attn_v.weight", TensorFormat.Q5_K)]
    [InlineData("blk.1.attn_qkv.weight", TensorFormat.Q5_K)]
    [InlineData("blk.2.attn_v.weight", TensorFormat.Q4_K)]
    [InlineData("blk.1.ffn_down.weight", TensorFormat.Q5_K)]
    [InlineData("blk.2.ffn_down_exps.weight", TensorFormat.Q4_K)]
    [InlineData("blk.9.attn_output.weight", TensorFormat.Q4_K)]
    [InlineData("blk.9.attn_q.weight", TensorFormat.Q3_K)]
    [InlineData("token_embd.weight", TensorFormat.Q3_K)]
    [InlineData("output.weight", TensorFormat.Q6_K)]
    [InlineData("blk.9.ffn_norm.weight", null)]
    [InlineData("blk.9.ffn_gate_inp.weight", null)]
    [InlineData("blk.9.attn_q.bias", null)]
    public void Rules_go_by_kind_and_layer_and_the_first_counts(string name, TensorFormat? expected)
    {
        ModelConfig config = ModelShape.Find("llama-3.1-8b").Config;
        Assert.Equal(expected, FormatMixture.Find("q3_k_m").For(name, [4096, 4096], config));
    }

    [Fact]
    public void A_tied_embedding_table_is_the_output_and_rows_that_do_not_divide_fall_back()
    {
        ModelConfig tied = ModelShape.Find("llama-3.2-1b").Config;
        Assert.Equal(TensorFormat.Q6_K, FormatMixture.Find("Q4_K_S").For("token_embd.weight", [100, 256], tied));
        Assert.Equal(TensorFormat.Q8_0, FormatMixture.Find("Q4_K_S").For("token_embd.weight", [100, 96], tied));
        Assert.Equal(TensorFormat.Q5_0, FormatMixture.Find("Q4_K_S").For("blk.0.attn_q.weight", [100, 96], tied));
    }

    [Fact]
    public void Every_format_that_can_be_written_is_a_uniform_mixture_and_unknown_names_are_answered_with_all()
    {
        Assert.Equal(
            BlockFormat.All.Where(format => format.CanQuantize).Select(format => format.Format.ToString()).Order(StringComparer.Ordinal),
            FormatMixture.All.Where(mixture => mixture.IsUniform).Select(mixture => mixture.Name).Order(StringComparer.Ordinal));
        Assert.Contains("Q3_K_L", Assert.Throws<ArgumentException>(() => FormatMixture.Find("Q9")).Message, StringComparison.Ordinal);
    }
}

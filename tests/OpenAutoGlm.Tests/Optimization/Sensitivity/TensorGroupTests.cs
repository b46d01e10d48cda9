using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Synthesis;

namespace OpenAutoGlm.Optimization.Sensitivity;

public sealed class TensorGroupTests
{
    public static TheoryData<string> Shapes => [.. ModelShape.All.Where(shape => shape.Name.EndsWith("-tiny", StringComparison.Ordinal) || shape.Name is "glm-edge-1.5b" or "qwen2.5-0.5b" or "qwen3-30b-a3b").Select(shape => shape.Name)];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_matrix_but_routers_is_in_one_group_whatever_the_architecture(string name)
    {
        (ModelShape shape, SyntheticWeights weights) = Open(name);
        foreach (Grouping grouping in Enum.GetValues<Grouping>())
        {
            string[] grouped = [.. TensorGroups.Of(shape.Config, weights, grouping).SelectMany(group => group.Tensors).Select(tensor => tensor.Name)];
            string[] expected = [.. PlannedTensor.For(shape).Where(tensor => tensor.Role is TensorRole.Matrix or TensorRole.Vocabulary).Select(tensor => tensor.Name)];
            Assert.Equal(expected.Order(StringComparer.Ordinal), grouped.Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public void Tied_embeddings_are_one_group_and_others_two_and_the_group_says_why()
    {
        (ModelShape tied, SyntheticWeights tiedWeights) = Open("llama-tiny");
        TensorGroup table = Assert.Single(TensorGroups.Of(tied.Config, tiedWeights), group => group.Layer < 0);
        Assert.Equal(("token_embd", TensorUse.RowsAndProduct), (table.Name, table.Tensors[0].Use));
        Assert.Contains("tied", table.Why, StringComparison.Ordinal);

        (ModelShape apart, SyntheticWeights apartWeights) = Open("glm4-tiny");
        TensorGroup[] outside = [.. TensorGroups.Of(apart.Config, apartWeights).Where(group => group.Layer < 0)];
        Assert.Equal(["token_embd", "output"], outside.Select(group => group.Name));
        Assert.Equal([TensorUse.Rows, TensorUse.Product], outside.Select(group => group.Tensors[0].Use));
    }

    [Fact]
    public void Fused_steps_share_a_format_where_that_is_asked_for()
    {
        (ModelShape shape, SyntheticWeights weights) = Open("qwen3-tiny");
        Assert.Equal(
            ["attn_q+attn_k+attn_v", "attn_output", "ffn_gate+ffn_up", "ffn_down"],
            TensorGroups.Of(shape.Config, weights, Grouping.Fused).Where(group => group.Layer == 1).Select(group => group.Kind));
        Assert.Equal(7, TensorGroups.Of(shape.Config, weights).Count(group => group.Layer == 1));
    }

    [Fact]
    public void Experts_of_a_layer_are_one_tensor_and_gate_and_up_of_them_fuse()
    {
        (ModelShape shape, SyntheticWeights weights) = Open("glm4moe-tiny");
        TensorGroup gate = TensorGroups.Of(shape.Config, weights).Single(group => group.Name == "blk.1.ffn_gate_exps");
        Assert.Equal((TensorUse.Experts, 8, 2), (gate.Tensors[0].Use, gate.Tensors[0].Matrices, gate.Tensors[0].Used));
        Assert.Contains(TensorGroups.Of(shape.Config, weights, Grouping.Fused), group => group.Name == "blk.1.ffn_gate_exps+ffn_up_exps");
    }

    [Fact]
    public void Choices_are_whole_blocks_of_fewer_bits_than_the_source()
    {
        TensorGroup group = new("blk.0.ffn_down", [new GroupTensor("blk.0.ffn_down.weight", TensorUse.Product, 64, 172)]);
        Assert.Equal([TensorFormat.F32, TensorFormat.F16, TensorFormat.BF16], FormatRule.ChoicesOf(group, TensorFormat.F32, []).Order());
        TensorGroup wide = new("blk.0.attn_q", [new GroupTensor("blk.0.attn_q.weight", TensorUse.Product, 64, 256)]);
        Assert.Contains(TensorFormat.Q4_K, FormatRule.ChoicesOf(wide, TensorFormat.F16, []));
        Assert.DoesNotContain(TensorFormat.F32, FormatRule.ChoicesOf(wide, TensorFormat.F16, []));
        Assert.Equal([TensorFormat.Q8_0], FormatRule.ChoicesOf(wide, TensorFormat.F16, [TensorFormat.Q8_0]));
        Assert.Equal([TensorFormat.F32], FormatRule.ChoicesOf(group, TensorFormat.F32, [TensorFormat.Q8_0]));
    }

    static (ModelShape Shape, SyntheticWeights Weights) Open(string name)
    {
        ModelShape shape = ModelShape.Find(name);
        return (shape, new SyntheticWeights(shape, "F32"));
    }
}

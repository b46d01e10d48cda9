using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Analysis;

namespace OpenAutoGlm.Optimization;

public class StepCostTests
{
    static readonly StepSizes Decoding = new(Sequences: 2, Tokens: 2, Depth: 10, Outputs: 2);
    static readonly StepSizes Reading = new(Sequences: 1, Tokens: 8, Depth: 0, Outputs: 1);

    [Fact]
    public void A_product_reads_its_weight_once_and_computes_for_every_row()
    {
        Node node = Built(builder => builder.Apply("y", new MatMul(), builder.Input("x", TensorType.F32(Dim.Tokens, 32)), builder.Weight("w", Tensor.Allocate(TensorFormat.Q8_0, 64, 32))));
        StepCost cost = StepCost.Of(node, Reading);
        Assert.Equal(64 * 34, cost.WeightBytes);
        Assert.Equal((64 * 34) + (8 * 32 * 4) + (8 * 64 * 4), cost.Bytes);
        Assert.Equal((2 * 64 * 32 * 8) + (8 * 64), cost.Operations);
        Assert.Equal(TensorFormat.Q8_0, cost.Weights);
        Assert.Equal(0, cost.KvBytes);
    }

    [Fact]
    public void Experts_are_read_as_often_as_they_can_be_chosen_and_no_more_than_there_are()
    {
        Node node = Built(builder => builder.Apply(
            "y", new ExpertMatMul(), builder.Input("x", TensorType.F32(Dim.Tokens, 32)), builder.Weight("w", Tensor.Allocate(TensorFormat.F32, 6, 16, 32)), builder.Input("chosen", TensorType.I32(Dim.Tokens, 2))));
        Assert.Equal(4 * 16 * 32 * 4, StepCost.Of(node, Decoding).WeightBytes);
        Assert.Equal(6 * 16 * 32 * 4, StepCost.Of(node, Reading).WeightBytes);
        Assert.Equal((2 * 16 * 32 * 8 * 2) + (8 * 2 * 16), StepCost.Of(node, Reading).Operations);
    }

    [Fact]
    public void A_row_of_a_table_is_all_that_is_read_of_it()
    {
        Node node = Built(builder => builder.Apply("y", new GatherRows(), builder.Weight("table", Tensor.Allocate(TensorFormat.F32, 1000, 32)), builder.Input("ids", TensorType.I32(Dim.Tokens))));
        Assert.Equal(2 * 32 * 4, StepCost.Of(node, Decoding).WeightBytes);
    }

    [Fact]
    public void The_roof_is_the_slower_of_reading_and_computing()
    {
        StepCost cost = new(Bytes: 1000, WeightBytes: 0, KvBytes: 0, Operations: 4000, Weights: null);
        Assert.Equal(4, cost.Intensity);
        Assert.Equal(10, cost.Seconds(new MachineLimits(100, 1000)));
        Assert.True(cost.IsMemoryBound(new MachineLimits(100, 1000)));
        Assert.Equal(40, cost.Seconds(new MachineLimits(100, 100)));
        Assert.False(cost.IsMemoryBound(new MachineLimits(100, 100)));
    }

    static Node Built(Func<GraphBuilder, Value> build)
    {
        GraphBuilder builder = new("one");
        builder.Output(build(builder));
        return builder.Build().Nodes[0];
    }
}

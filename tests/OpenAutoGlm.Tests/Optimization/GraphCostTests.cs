using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Analysis;

namespace OpenAutoGlm.Optimization;

public class GraphCostTests
{
    [Fact]
    public void A_token_reads_one_row_of_the_table_the_chosen_experts_and_every_matrix_once()
    {
        GraphBuilder builder = new("costs");
        Value ids = builder.Input("ids", TensorType.I32(Dim.Tokens));
        Value wanted = builder.Input("wanted", TensorType.I32(Dim.Outputs));
        Value chosen = builder.Input("chosen", TensorType.I32(Dim.Tokens, 2));
        Value shares = builder.Input("shares", TensorType.F32(Dim.Tokens, 2));
        Value table = builder.Weight("table", Tensor.Allocate(TensorFormat.F32, 100, 32));
        Value x = builder.Apply("embedding", new GatherRows(), table, ids);
        x = builder.Apply("product", new MatMul(), x, builder.Weight("w", Tensor.Allocate(TensorFormat.Q8_0, 32, 32)));
        x = builder.Apply("experts", new ExpertMatMul(), x, builder.Weight("e", Tensor.Allocate(TensorFormat.Q8_0, 8, 32, 32)), chosen);
        x = builder.Apply("combined", new CombineExperts(), x, shares);
        builder.Output(builder.Apply("logits", new MatMul(), builder.Apply("rows", new GatherRows(), x, wanted), table));

        GraphCost cost = GraphCost.Of(builder.Build());

        Assert.Equal((100 * 32) + (32 * 32) + (8 * 32 * 32), cost.Parameters);
        Assert.Equal((100 * 32 * 4) + (9 * 32 * 34), cost.WeightBytes);
        Assert.Equal((32 * 4) + (32 * 34) + (2 * 32 * 34) + (100 * 32 * 4), cost.BytesPerToken);
        Assert.Equal(2 * ((3 * 32 * 32) + (100 * 32)), cost.OperationsPerToken);
        Assert.Equal(2 * 100 * 32, cost.LogitOperations);
        Assert.Equal(1000.0 / cost.BytesPerToken, cost.DecodeFloor(new MachineLimits(1000, 1)), 1e-12);
        Assert.Equal(1000.0 / (6 * 32 * 32), cost.PrefillFloor(new MachineLimits(1, 1000)), 1e-12);
    }

    [Fact]
    public void Keys_and_values_are_counted_and_slow_decoding_down()
    {
        GraphBuilder builder = new("memory");
        Value rows = builder.Input("rows", TensorType.F32(Dim.Tokens, 2, 16));
        Value slots = builder.Input("slots", TensorType.I32(Dim.Tokens));
        Value keys = builder.State("keys", KvLayout.StateType(TensorFormat.BF16, 2, 32, 16));
        builder.Output(builder.Apply("written", new KvWrite(KvPart.Keys), keys, builder.Apply("scaled", new Multiply(), rows, builder.Weight("w", Tensor.Of(new float[16], 16))), slots));
        GraphCost cost = GraphCost.Of(builder.Build());
        Assert.Equal(2 * 16 * 2, cost.KvBytesPerToken);
        Assert.Equal(64, cost.BytesPerToken);
        Assert.Equal(1.0 / (64 + (10 * 64)), cost.DecodeFloor(new MachineLimits(1, 1), depth: 10), 1e-12);
    }
}

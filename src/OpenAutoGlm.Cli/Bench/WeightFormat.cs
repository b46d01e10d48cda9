using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cli.Bench;

/// <summary>How most of the bytes that matrix products read are stored.</summary>
/// <param name="Name">Name of the format.</param>
/// <param name="Quantized">Whether it is multiplied as int8.</param>
sealed record WeightFormat(string Name, bool Quantized)
{
    public static WeightFormat Of(ModelGraph graph)
    {
        TensorFormat format = graph.Nodes
            .Where(node => node.Op is MatMul or ExpertMatMul)
            .SelectMany(node => node.Inputs)
            .Where(input => input.Constant is not null)
            .GroupBy(input => input.Constant!.Format)
            .MaxBy(group => group.Sum(input => input.Constant!.Bytes))!.Key;
        return new WeightFormat(format.ToString(), format is not (TensorFormat.F32 or TensorFormat.F16 or TensorFormat.BF16));
    }
}

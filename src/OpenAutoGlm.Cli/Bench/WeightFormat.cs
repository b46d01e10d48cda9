using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cli.Bench;

/// <summary>How most of the bytes that matrix products read are stored.</summary>
/// <param name="Format">The format.</param>
sealed record WeightFormat(TensorFormat Format)
{
    /// <summary>Its name.</summary>
    public string Name => Format.ToString();

    /// <summary>Operations per second of the arithmetic that multiplies it: int8 for everything quantised.</summary>
    public double Rate(MachineSpeed machine) => Rate(Format, machine);

    /// <summary>The same for any format; null stands for no weights at all, which is float32 arithmetic.</summary>
    public static double Rate(TensorFormat? format, MachineSpeed machine) => format switch
    {
        null or TensorFormat.F32 or TensorFormat.F16 => machine.FloatOperationsPerSecond,
        TensorFormat.BF16 => machine.BFloat16OperationsPerSecond,
        _ => machine.ByteOperationsPerSecond,
    };

    public static WeightFormat Of(ModelGraph graph) => new(graph.Nodes
        .Where(node => node.Op is MatMul or ExpertMatMul)
        .SelectMany(node => node.Inputs)
        .Where(input => input.Constant is not null)
        .GroupBy(input => input.Constant!.Format)
        .MaxBy(group => group.Sum(input => input.Constant!.Bytes))!.Key);
}

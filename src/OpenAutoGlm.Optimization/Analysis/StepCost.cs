using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Analysis;

/// <summary>How much runs at a time.</summary>
/// <param name="Sequences">Sequences.</param>
/// <param name="Tokens">Tokens of all of them together.</param>
/// <param name="Depth">Tokens before them, in each sequence.</param>
/// <param name="Outputs">Tokens whose logits are wanted.</param>
public readonly record struct StepSizes(int Sequences, int Tokens, int Depth, int Outputs)
{
    /// <summary>Keys that a new token of a sequence meets, on average.</summary>
    internal double MeanContext => Depth + (((Tokens / (double)Sequences) + 1) / 2);
}

/// <summary>
/// What a node must at least move and compute, read off its inputs and outputs, so that it holds for fused ops too:
/// every input once, every output once, two operations for each weight and row, four for each query element and key.
/// </summary>
/// <param name="Bytes">Bytes read and written.</param>
/// <param name="WeightBytes">Of those, weights.</param>
/// <param name="KvBytes">Of those, keys and values.</param>
/// <param name="Operations">Multiplies and adds, each counted.</param>
/// <param name="Weights">The format of the largest weight; null without one.</param>
public readonly record struct StepCost(double Bytes, double WeightBytes, double KvBytes, double Operations, TensorFormat? Weights)
{
    /// <summary>Operations for each byte.</summary>
    public double Intensity => Operations / Math.Max(1, Bytes);

    /// <summary>The cost of a node.</summary>
    public static StepCost Of(Node node, StepSizes sizes)
    {
        StepCost cost = default;
        long largest = 0;
        foreach (Value input in node.Inputs)
        {
            if (input.Constant is { } weight)
            {
                (double bytes, double operations) = OfWeight(node, weight, sizes);
                cost = cost with { Bytes = cost.Bytes + bytes, WeightBytes = cost.WeightBytes + bytes, Operations = cost.Operations + operations };
                if (weight.Shape.Rank > 1 && weight.Bytes > largest)
                {
                    (largest, cost) = (weight.Bytes, cost with { Weights = weight.Format });
                }
            }
            else if (!IsMemory(input))
            {
                cost = cost with { Bytes = cost.Bytes + BytesOf(input.Type, sizes) };
            }
        }

        foreach (Value output in node.Outputs)
        {
            cost = IsMemory(output)
                ? cost with { Bytes = cost.Bytes + (sizes.Tokens * PlaceBytes(output.Type)) }
                : cost with { Bytes = cost.Bytes + BytesOf(output.Type, sizes), Operations = cost.Operations + Elements(output.Type, sizes) };
        }

        return Attends(node) ? cost.WithAttention(node, sizes) : cost;
    }

    /// <summary>The costs of two nodes together.</summary>
    public static StepCost operator +(StepCost a, StepCost b) =>
        new(a.Bytes + b.Bytes, a.WeightBytes + b.WeightBytes, a.KvBytes + b.KvBytes, a.Operations + b.Operations, a.Weights ?? b.Weights);

    /// <summary>Seconds that a machine cannot beat.</summary>
    public double Seconds(MachineLimits machine) => Math.Max(Bytes / machine.ReadBytesPerSecond, Operations / machine.OperationsPerSecond);

    /// <summary>Whether reading takes longer than computing.</summary>
    public bool IsMemoryBound(MachineLimits machine) => Bytes / machine.ReadBytesPerSecond >= Operations / machine.OperationsPerSecond;

    StepCost WithAttention(Node node, StepSizes sizes)
    {
        double context = sizes.Depth + (sizes.Tokens / (double)sizes.Sequences);
        double kv = node.Inputs.Where(IsMemory).Sum(state => sizes.Sequences * context * PlaceBytes(state.Type));
        double queryElements = Elements(node.Inputs[0].Type, sizes);
        return this with { Bytes = Bytes + kv, KvBytes = kv, Operations = Operations + (4 * queryElements * sizes.MeanContext) };
    }

    static (double Bytes, double Operations) OfWeight(Node node, Tensor weight, StepSizes sizes)
    {
        if (weight.Shape.Rank < 2)
        {
            return (weight.Bytes, 0);
        }

        if (node.Op.Name.StartsWith("Gather", StringComparison.Ordinal))
        {
            return (weight.RowBytes * sizes.Tokens, 0);
        }

        if (weight.Shape.Rank == 3)
        {
            int used = node.Inputs.Where(input => input.Type.Format == TensorFormat.I32 && input.Type.Shape.Rank == 2).Select(input => input.Type.Shape[1].Size).FirstOrDefault(1);
            double experts = weight.Shape[0].Size;
            return (weight.Bytes / experts * Math.Min(experts, (double)sizes.Tokens * used), 2.0 * weight.Shape.ElementCount / experts * sizes.Tokens * used);
        }

        int rows = node.Outputs[0].Type.Shape[0] == Dim.Outputs ? sizes.Outputs : sizes.Tokens;
        return (weight.Bytes, 2.0 * weight.Shape.ElementCount * rows);
    }

    static bool Attends(Node node) => node.Op.Name.Contains("Attention", StringComparison.Ordinal);

    static bool IsMemory(Value value) => value.Type.Shape.Rank > 0 && value.Type.Shape[0] == Dim.KvBlocks;

    static double PlaceBytes(TensorType state) => KvLayout.BytesPerToken(state.Format, state.Shape[1].Size, state.Shape[3].Size);

    static double BytesOf(TensorType type, StepSizes sizes)
    {
        BlockFormat format = BlockFormat.Of(type.Format);
        return Elements(type, sizes) / format.BlockElements * format.BlockBytes;
    }

    static double Elements(TensorType type, StepSizes sizes)
    {
        double elements = 1;
        foreach (Dim dim in type.Shape.Dims)
        {
            elements *= dim.IsConstant ? dim.Size
                : dim == Dim.Tokens ? sizes.Tokens
                : dim == Dim.Outputs ? Math.Max(1, sizes.Outputs)
                : dim == Dim.Sequences ? sizes.Sequences : 1;
        }

        return elements;
    }
}

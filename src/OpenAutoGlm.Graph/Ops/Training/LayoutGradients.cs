using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops.Training;

/// <summary>Zeros of the shape of the input, which is not read: where gradients are summed up that no state holds.</summary>
public sealed record Zeros : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(1, inputs);
        return [new TensorType(inputs[0].Shape, TensorFormat.F32)];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs) => outputs[0].Floats.Clear();
}

/// <summary>
/// Rows added where they were picked from: dTable[ids[i]] += dy[i], in rising i. dTable: [rows, n], in place; ids: [m] I32; dy: [m, n].
/// </summary>
public sealed record ScatterAddRows : Op
{
    /// <inheritdoc/>
    public override int? Alias => 0;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(3, inputs);
        RequireF32(inputs, 0, 2);
        Require(inputs[0].Shape.Rank == 2 && inputs[2].Shape.Rank == 2 && inputs[0].Shape.Last == inputs[2].Shape.Last, inputs, "must be [rows, n], ids and [m, n]");
        Require(inputs[1] == TensorType.I32(inputs[2].Shape[0]), inputs, "the indices must be I32 [m]");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        ReadOnlySpan<int> ids = inputs[1].Ints;
        for (int i = 0; i < ids.Length; i++)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)ids[i], (uint)outputs[0].RowCount, "ids");
            ReadOnlySpan<float> dy = inputs[2].Row(i);
            Span<float> row = outputs[0].Row(ids[i]);
            for (int j = 0; j < row.Length; j++)
            {
                row[j] += dy[j];
            }
        }
    }
}

/// <summary>Columns put back between zeros: y[.., Start + i] = x[.., i], all else 0. x: [.., n] → [.., Total].</summary>
public sealed record PadColumns(int Start, int Total) : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(1, inputs);
        RequireF32(inputs, 0);
        Require(Start >= 0 && (long)Start + inputs[0].Shape.Last.Size <= Total, inputs, "the columns must fit");
        return [inputs[0] with { Shape = inputs[0].Shape.WithLast(Total) }];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        outputs[0].Floats.Clear();
        for (int row = 0; row < outputs[0].RowCount; row++)
        {
            inputs[0].Row(row).CopyTo(outputs[0].Row(row)[Start..]);
        }
    }
}

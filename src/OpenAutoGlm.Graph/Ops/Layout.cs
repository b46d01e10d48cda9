using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops;

/// <summary>The same elements in the same order under another shape; no memory moves.</summary>
public sealed record Reshape(Shape Shape) : Op
{
    /// <inheritdoc/>
    public override int? Alias => 0;

    /// <inheritdoc/>
    public override bool Launches => false;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(1, inputs);
        (long before, string symbolsBefore) = Count(inputs[0].Shape);
        (long after, string symbolsAfter) = Count(Shape);
        Require(before == after && symbolsBefore == symbolsAfter, inputs, "must keep the number of elements");
        return [inputs[0] with { Shape = Shape }];
    }

    /// <inheritdoc/>
    public override unsafe void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        if (inputs[0].Data != outputs[0].Data)
        {
            inputs[0].Floats.CopyTo(outputs[0].Floats);
        }
    }

    static (long Constant, string Symbols) Count(Shape shape) => (
        shape.Dims.Where(dim => dim.IsConstant).Aggregate(1L, (count, dim) => checked(count * dim.Size)),
        string.Join('·', shape.Dims.Where(dim => !dim.IsConstant).Select(dim => dim.Symbol).Order(StringComparer.Ordinal)));
}

/// <summary>Columns Start … Start + Count − 1 of every row. x: [.., n] → [.., Count].</summary>
public sealed record Columns(int Start, int Count) : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(1, inputs);
        RequireF32(inputs, 0);
        Require(Start >= 0 && Count > 0 && (long)Start + Count <= inputs[0].Shape.Last.Size, inputs, "the columns must exist");
        return [inputs[0] with { Shape = inputs[0].Shape.WithLast(Count) }];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        for (int row = 0; row < outputs[0].RowCount; row++)
        {
            inputs[0].Row(row).Slice(Start, Count).CopyTo(outputs[0].Row(row));
        }
    }
}

/// <summary>
/// Rows picked by index, dequantised: the embedding of tokens, or the rows whose logits are wanted.
/// table: [rows, n] in any format; ids: [m] I32 → [m, n] F32. An index outside the table is a fault of the caller.
/// </summary>
public sealed record GatherRows : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(2, inputs);
        Require(inputs[0].Shape.Rank == 2, inputs, "the table must be [rows, n]");
        Require(inputs[1].Format == TensorFormat.I32 && inputs[1].Shape.Rank == 1, inputs, "the indices must be I32 [m]");
        return [TensorType.F32(inputs[1].Shape[0], inputs[0].Shape.Last)];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        ReadOnlySpan<int> ids = inputs[1].Ints;
        for (int i = 0; i < ids.Length; i++)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)ids[i], (uint)inputs[0].RowCount, "ids");
            inputs[0].ReadRow(ids[i], outputs[0].Row(i));
        }
    }
}

using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>Tensors with fewer rows, columns or experts, in the format that they had.</summary>
static class KeptParts
{
    /// <summary>Some rows of a matrix, or elements of a vector, in the order given. Rows are copied as they are, in any format.</summary>
    public static Tensor Rows(Tensor tensor, IReadOnlyList<int> kept)
    {
        if (tensor.Shape.Rank == 1)
        {
            float[] values = tensor.ToFloats();
            return Tensor.Of([.. kept.Select(i => values[i])], kept.Count);
        }

        Tensor fewer = Tensor.Allocate(tensor.Format, kept.Count, tensor.Shape.Last);
        for (int i = 0; i < kept.Count; i++)
        {
            tensor.Piece(kept[i]).CopyTo(fewer.Piece(i));
        }

        GC.KeepAlive(tensor);
        return fewer;
    }

    /// <summary>
    /// Some columns of a matrix, in the order given. Where whole blocks are kept together they are copied; otherwise rows are
    /// dequantised, cut and rounded anew.
    /// </summary>
    /// <exception cref="NotSupportedException">The number of columns makes no whole blocks, or nobody can round to the format.</exception>
    public static Tensor Columns(string name, Tensor tensor, IReadOnlyList<int> kept)
    {
        BlockFormat format = BlockFormat.Of(tensor.Format);
        if (kept.Count % format.BlockElements != 0)
        {
            throw new NotSupportedException($"{name}: {kept.Count} columns make no whole blocks of {format.BlockElements}, as {tensor.Format} has; keep a multiple.");
        }

        int rows = tensor.Shape[0].Size, columns = tensor.Shape.Last.Size;
        Tensor fewer = Tensor.Allocate(tensor.Format, rows, kept.Count);
        int[]? blocks = WholeBlocks(kept, format.BlockElements);
        if (blocks is null && !format.CanQuantize)
        {
            throw new NotSupportedException($"{name}: single columns of {tensor.Format} cannot be cut, since nobody can round to this format; quantise after pruning.");
        }

        float[] whole = new float[columns];
        float[] part = new float[kept.Count];
        for (int row = 0; row < rows; row++)
        {
            Span<byte> target = fewer.Piece(row);
            if (blocks is not null)
            {
                ReadOnlySpan<byte> source = tensor.Piece(row);
                for (int b = 0; b < blocks.Length; b++)
                {
                    source.Slice(blocks[b] * format.BlockBytes, format.BlockBytes).CopyTo(target[(b * format.BlockBytes)..]);
                }

                continue;
            }

            tensor.View.ReadRow(row, whole);
            for (int i = 0; i < part.Length; i++)
            {
                part[i] = whole[kept[i]];
            }

            format.Quantize(part, [], target);
        }

        GC.KeepAlive(tensor);
        return fewer;
    }

    /// <summary>Some experts of a stack.</summary>
    public static Tensor Experts(Tensor stack, IReadOnlyList<int> kept)
    {
        if (!stack.Parts.IsEmpty)
        {
            return Tensor.Stack([.. kept.Select(expert => stack.Parts[expert])]);
        }

        Tensor fewer = Tensor.Allocate(stack.Format, [kept.Count, .. stack.Shape.Dims.AsSpan()[1..]]);
        for (int i = 0; i < kept.Count; i++)
        {
            stack.Piece(kept[i]).CopyTo(fewer.Piece(i));
        }

        GC.KeepAlive(stack);
        return fewer;
    }

    static int[]? WholeBlocks(IReadOnlyList<int> kept, int blockElements)
    {
        int[] blocks = new int[kept.Count / blockElements];
        for (int b = 0; b < blocks.Length; b++)
        {
            int first = kept[b * blockElements];
            if (first % blockElements != 0 || Enumerable.Range(0, blockElements).Any(i => kept[(b * blockElements) + i] != first + i))
            {
                return null;
            }

            blocks[b] = first / blockElements;
        }

        return blocks;
    }
}

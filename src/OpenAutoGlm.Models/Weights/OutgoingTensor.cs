using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models.Weights;

/// <summary>A tensor on its way to a file: what it is called there, and how its bytes are made when their turn comes.</summary>
/// <param name="Name">The name in the file.</param>
/// <param name="Format">The format in the file.</param>
/// <param name="Extents">Extents, slowest first.</param>
/// <param name="Write">Writes exactly the bytes that format and extents ask for.</param>
sealed record OutgoingTensor(string Name, TensorFormat Format, ImmutableArray<int> Extents, Action<Stream> Write)
{
    /// <summary>Bytes in the file.</summary>
    public long Bytes => Extents.Take(Extents.Length - 1).Aggregate(BlockFormat.Of(Format).RowBytes(Extents[^1]), (bytes, extent) => checked(bytes * extent));

    /// <summary>A tensor, its rows in an order, in a format.</summary>
    /// <param name="file">The model it comes from, for errors.</param>
    /// <param name="name">The name in the file.</param>
    /// <param name="tensor">Any tensor; a vector is written as float32, as every reader of norms and biases wants it.</param>
    /// <param name="format">The format of a matrix in the file; its own by default.</param>
    /// <param name="order">Where each row comes from; null for no change.</param>
    public static OutgoingTensor Of(string file, string name, Tensor tensor, TensorFormat? format = null, int[]? order = null)
    {
        if (tensor.Shape.Rank == 1)
        {
            Tensor vector = RotaryRows.Reordered(tensor, order);
            return format is { } wanted && wanted != TensorFormat.F32 ? Of(file, name, vector.Reshape(1, vector.Shape.Last), wanted) with { Extents = [vector.Shape.Last.Size] } : new(name, TensorFormat.F32, ExtentsOf(vector), vector.WriteTo);
        }

        TensorFormat target = format ?? tensor.Format;
        return new(name, target, ExtentsOf(tensor), stream => WriteRows(file, name, tensor, target, order, stream));
    }

    /// <summary>Two matrices, the rows of the second below those of the first.</summary>
    public static OutgoingTensor Below(string name, OutgoingTensor first, OutgoingTensor second) => new(
        name, first.Format, [first.Extents[0] + second.Extents[0], .. first.Extents.AsSpan()[1..]], stream =>
        {
            first.Write(stream);
            second.Write(stream);
        });

    static ImmutableArray<int> ExtentsOf(Tensor tensor) => [.. tensor.Shape.Dims.Select(dim => dim.Size)];

    static unsafe void WriteRows(string file, string name, Tensor tensor, TensorFormat target, int[]? order, Stream stream)
    {
        if (target == tensor.Format && order is null)
        {
            tensor.WriteTo(stream);
            return;
        }

        int columns = tensor.Shape.Last.Size;
        int rows = checked((int)(tensor.Shape.ElementCount / columns));
        BlockFormat to = BlockFormat.Of(target);
        float[] values = new float[columns];
        byte[] bytes = new byte[to.RowBytes(columns)];
        for (int row = 0; row < rows; row++)
        {
            int source = order is null ? row : order[row];
            if (target == tensor.Format)
            {
                stream.Write(new ReadOnlySpan<byte>(tensor.Data + (source * tensor.RowBytes), (int)tensor.RowBytes));
                continue;
            }

            tensor.View.ReadRow(source, values);
            try
            {
                to.Quantize(values, [], bytes);
            }
            catch (ArgumentException error)
            {
                throw new ModelFormatException(file, name, $"it cannot be written as {target}: {error.Message}", error);
            }

            stream.Write(bytes);
        }

        GC.KeepAlive(tensor);
    }
}

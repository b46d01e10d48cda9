using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Models.Synthesis;

/// <summary>Draws the elements of made-up tensors: the same seed, name and format give the same bytes, on however many cores.</summary>
sealed class TensorFiller(int seed, int usedTokens, int poolElements)
{
    const int ChunkBytes = 1 << 22;

    readonly ConcurrentDictionary<(TensorFormat, int, float), BlockPool> _pools = [];

    /// <summary>Writes the bytes of a tensor.</summary>
    public void Write(PlannedTensor tensor, TensorFormat format, Stream stream, CancellationToken cancellation)
    {
        if (tensor.Role is TensorRole.Norm or TensorRole.Bias)
        {
            WriteVector(tensor, stream);
            return;
        }

        int rowLength = tensor.Extents[^1];
        float deviation = 1 / MathF.Sqrt(rowLength);
        BlockPool pool = _pools.GetOrAdd((format, rowLength % 32, deviation), _ => new BlockPool(format, rowLength, deviation, seed, poolElements));
        long rowBytes = BlockFormat.Of(format).RowBytes(rowLength);
        long bytes = tensor.Extents.Take(tensor.Extents.Length - 1).Aggregate(rowBytes, (product, extent) => product * extent);
        long used = tensor.Role == TensorRole.Vocabulary ? Math.Min(usedTokens, tensor.Extents[0]) * rowBytes : bytes;

        // A few chunks are drawn at a time, each on its own core, and then written in order.
        int chunkBytes = Math.Max(ChunkBytes / pool.UnitBytes, 1) * pool.UnitBytes;
        byte[][] chunks = new byte[Math.Max(Environment.ProcessorCount, 1)][];
        for (long start = 0; start < bytes; start += (long)chunks.Length * chunkBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = (int)Math.Min(chunks.Length, (bytes - start + chunkBytes - 1) / chunkBytes);
            long from = start;
            Parallel.For(0, count, i =>
            {
                long at = from + ((long)i * chunkBytes);
                chunks[i] ??= new byte[chunkBytes];
                Span<byte> chunk = chunks[i].AsSpan(0, (int)Math.Min(chunkBytes, bytes - at));
                int drawn = (int)Math.Clamp(used - at, 0, chunk.Length);
                pool.Fill(chunk[..drawn], SplitMix.For(seed, tensor.Name, at));
                chunk[drawn..].Clear();
            });
            for (int i = 0; i < count; i++)
            {
                stream.Write(chunks[i].AsSpan(0, (int)Math.Min(chunkBytes, bytes - start - ((long)i * chunkBytes))));
            }
        }
    }

    void WriteVector(PlannedTensor tensor, Stream stream)
    {
        float[] values = new float[tensor.Extents[0]];
        SplitMix random = SplitMix.For(seed, tensor.Name);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (tensor.Role == TensorRole.Norm ? 1 : 0) + (0.05f * random.NextNormal());
        }

        stream.Write(MemoryMarshal.AsBytes<float>(values));
    }
}

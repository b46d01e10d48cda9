using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models;

static class TensorStreams
{
    const int ChunkBytes = 1 << 26;

    /// <summary>Writes the bytes of a tensor, part by part where it is a stack.</summary>
    public static unsafe void WriteTo(this Tensor tensor, Stream stream)
    {
        if (!tensor.Parts.IsEmpty)
        {
            foreach (Tensor part in tensor.Parts)
            {
                part.WriteTo(stream);
            }

            return;
        }

        for (long at = 0; at < tensor.Bytes; at += ChunkBytes)
        {
            stream.Write(new ReadOnlySpan<byte>(tensor.Data + at, (int)Math.Min(ChunkBytes, tensor.Bytes - at)));
        }

        GC.KeepAlive(tensor);
    }
}

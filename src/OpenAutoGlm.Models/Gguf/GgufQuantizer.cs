using System.Buffers;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Models.Weights;

namespace OpenAutoGlm.Models.Gguf;

/// <summary>
/// Writes a GGUF model anew with its matrices in another format: one for all, or a <see cref="FormatMixture"/> such as
/// Q4_K_M. Norms, biases and routers stay as they are. Every row is rounded for itself, without looking at what the model is used for.
/// </summary>
public static class GgufQuantizer
{
    const int PieceElements = 1 << 20;

    /// <summary>The names of the formats.</summary>
    public static IReadOnlyList<string> Formats => FormatMixture.Names;

    /// <summary>Writes the model; the same model and format give the same bytes on every machine.</summary>
    /// <param name="model">A model that was opened from GGUF files.</param>
    /// <param name="format">One of <see cref="Formats"/>, in upper or lower case.</param>
    /// <param name="path">The file; it appears when it is whole.</param>
    /// <param name="progress">Told the bytes written after every tensor.</param>
    /// <param name="cancellation">Checked before every piece; nothing is left behind.</param>
    /// <exception cref="ArgumentException">There is no such format; the message lists all.</exception>
    /// <exception cref="NotSupportedException">The model did not come from GGUF files.</exception>
    /// <exception cref="ModelFormatException">A weight is not a number, or its format cannot be read.</exception>
    /// <exception cref="IOException">The disk is full or the folder cannot be written.</exception>
    public static void Write(ModelPackage model, string format, string path, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        FormatMixture mixture = FormatMixture.Find(format);
        if (model.Weights is not GgufWeights weights)
        {
            throw new NotSupportedException($"{model.Path} is no GGUF model, and only those can be quantised yet: convert it first.");
        }

        GgufWriter writer = new();
        CopyMetadata(weights.Metadata, writer);
        writer.Add("general.file_type", mixture.FileType);
        writer.Add("general.quantization_version", 2u);
        foreach (TensorInfo info in weights.Stored)
        {
            Tensor tensor = weights.Get(info.Name);
            TensorFormat target = mixture.For(info.Name, info.Extents.AsSpan(), model.Config) ?? tensor.Format;
            if (target == tensor.Format)
            {
                writer.AddTensor(info.Name, tensor);
            }
            else
            {
                writer.AddTensor(info.Name, target, info.Extents.AsSpan(), stream => Convert(model.Path, info.Name, tensor, target, stream, cancellation));
            }
        }

        writer.Write(path, progress, cancellation);
    }

    static void CopyMetadata(GgufMetadata metadata, GgufWriter writer)
    {
        foreach (string key in metadata.Keys)
        {
            bool isOfTheFile = key is GgufFile.AlignmentKey or "general.file_type" or "general.quantization_version" || key.StartsWith("split.", StringComparison.Ordinal);
            if (!isOfTheFile)
            {
                writer.Copy(metadata, key);
            }
        }
    }

    static unsafe void Convert(string file, string name, Tensor tensor, TensorFormat target, Stream stream, CancellationToken cancellation)
    {
        (BlockFormat from, BlockFormat to) = (BlockFormat.Of(tensor.Format), BlockFormat.Of(target));
        int rowElements = (int)(tensor.RowBytes / from.BlockBytes * from.BlockElements);
        long rows = tensor.Bytes / tensor.RowBytes;
        int rowBytes = checked((int)to.RowBytes(rowElements));
        int pieceRows = Math.Max(1, PieceElements / rowElements);
        byte[] piece = new byte[checked(pieceRows * rowBytes)];
        for (long start = 0; start < rows; start += pieceRows)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = (int)Math.Min(pieceRows, rows - start);
            try
            {
                Parallel.For(0, count, row => ConvertRow(new ReadOnlySpan<byte>(tensor.Data + ((start + row) * tensor.RowBytes), (int)tensor.RowBytes), piece.AsSpan(row * rowBytes, rowBytes)));
            }
            catch (AggregateException error) when (error.InnerException is ArgumentException value)
            {
                throw new ModelFormatException(file, name, $"it cannot be written as {target}: {value.Message}");
            }

            stream.Write(piece, 0, count * rowBytes);
        }

        void ConvertRow(ReadOnlySpan<byte> source, Span<byte> destination)
        {
            float[] values = ArrayPool<float>.Shared.Rent(rowElements);
            try
            {
                from.Dequantize(source, values.AsSpan(0, rowElements));
                to.Quantize(values.AsSpan(0, rowElements), [], destination);
            }
            finally
            {
                ArrayPool<float>.Shared.Return(values);
            }
        }
    }
}

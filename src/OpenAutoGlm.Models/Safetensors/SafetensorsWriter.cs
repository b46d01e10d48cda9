using System.Buffers.Binary;
using System.Text.Json;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Weights;

namespace OpenAutoGlm.Models.Safetensors;

/// <summary>Collects tensors and writes them as one safetensors file, which appears under its name only when it is whole.</summary>
public sealed class SafetensorsWriter
{
    const int Alignment = 8;

    readonly SortedDictionary<string, OutgoingTensor> _tensors = new(StringComparer.Ordinal);

    /// <summary>Adds a tensor that lies in memory until <see cref="Write"/>.</summary>
    /// <exception cref="ArgumentException">The name is taken, or these files cannot hold the format.</exception>
    public void Add(string name, Tensor tensor)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(tensor);
        Add(new OutgoingTensor(name, tensor.Format, [.. tensor.Shape.Dims.Select(dim => dim.Size)], tensor.WriteTo));
    }

    /// <summary>Adds a tensor whose bytes are made when their turn comes.</summary>
    /// <exception cref="ArgumentException">The name is taken, or these files cannot hold the format.</exception>
    internal void Add(OutgoingTensor tensor)
    {
        if (SafetensorsType.Of(tensor.Format) is null)
        {
            throw new ArgumentException($"{tensor.Name}: a safetensors file cannot hold {tensor.Format}.", nameof(tensor));
        }

        _tensors.Add(tensor.Name, tensor);
    }

    /// <summary>Writes the file.</summary>
    /// <param name="path">The file; one that is there is replaced.</param>
    /// <param name="progress">Told the share of the elements that is written, from 0 to 1.</param>
    /// <param name="cancellation">Checked before every tensor; nothing is left behind.</param>
    /// <exception cref="IOException">The disk is full or the folder cannot be written.</exception>
    public void Write(string path, IProgress<double>? progress = null, CancellationToken cancellation = default) => AtomicFile.Write(path, stream =>
    {
        byte[] header = Header();
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        double total = Math.Max(1, _tensors.Values.Sum(tensor => (double)tensor.Bytes));
        double written = 0;
        foreach (OutgoingTensor tensor in _tensors.Values)
        {
            cancellation.ThrowIfCancellationRequested();
            tensor.Write(stream);
            progress?.Report((written += tensor.Bytes) / total);
        }
    });

    byte[] Header()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            json.WriteString("format", "pt");
            json.WriteEndObject();
            long offset = 0;
            foreach ((string name, OutgoingTensor tensor) in _tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", SafetensorsType.Of(tensor.Format)!.Name);
                json.WriteStartArray("shape");
                foreach (int extent in tensor.Extents)
                {
                    json.WriteNumberValue(extent);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.Bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Blanks behind the object bring the elements to a multiple of eight bytes.
        while (stream.Length % Alignment != 0)
        {
            stream.WriteByte((byte)' ');
        }

        return stream.ToArray();
    }
}

using System.Buffers.Binary;
using System.Text.Json;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models.Safetensors;

/// <summary>Collects tensors and writes them as one safetensors file, which appears under its name only when it is whole.</summary>
public sealed class SafetensorsWriter
{
    const int Alignment = 8;

    readonly SortedDictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);

    /// <summary>Adds a tensor that lies in memory until <see cref="Write"/>.</summary>
    /// <exception cref="ArgumentException">The name is taken, or these files cannot hold the format.</exception>
    public void Add(string name, Tensor tensor)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(tensor);
        if (SafetensorsType.Of(tensor.Format) is null)
        {
            throw new ArgumentException($"{name}: a safetensors file cannot hold {tensor.Format}.", nameof(tensor));
        }

        _tensors.Add(name, tensor);
    }

    /// <summary>Writes the file.</summary>
    /// <exception cref="IOException">The disk is full or the folder cannot be written.</exception>
    public void Write(string path) => AtomicFile.Write(path, stream =>
    {
        byte[] header = Header();
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (Tensor tensor in _tensors.Values)
        {
            tensor.WriteTo(stream);
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
            foreach ((string name, Tensor tensor) in _tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", SafetensorsType.Of(tensor.Format)!.Name);
                json.WriteStartArray("shape");
                foreach (Dim dim in tensor.Shape.Dims)
                {
                    json.WriteNumberValue(dim.Size);
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

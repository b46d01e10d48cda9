using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models.Gguf;

/// <summary>
/// Collects metadata and tensors and writes them as a GGUF file of version 3. Tensors are streamed, so a file may be
/// larger than memory. The file appears under its name only when it is whole.
/// </summary>
public sealed class GgufWriter
{
    readonly int _alignment;
    readonly MemoryStream _metadata = new();
    readonly HashSet<string> _names = new(StringComparer.Ordinal);
    readonly List<Entry> _tensors = [];
    int _metadataCount;

    /// <summary>An empty file.</summary>
    /// <param name="alignment">Bytes to which tensors are aligned: a power of two, at least 8.</param>
    public GgufWriter(int alignment = GgufFile.DefaultAlignment)
    {
        if (alignment < 8 || !int.IsPow2(alignment))
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, "The alignment must be a power of two, at least 8.");
        }

        _alignment = alignment;
        if (alignment != GgufFile.DefaultAlignment)
        {
            Add(GgufFile.AlignmentKey, (uint)alignment);
        }
    }

    /// <summary>Adds a string.</summary>
    public void Add(string key, string value)
    {
        AddKey(key, GgufValueType.String);
        WriteString(_metadata, value);
    }

    /// <summary>Adds an unsigned integer, the type in which the field stores counts and token ids.</summary>
    public void Add(string key, uint value)
    {
        AddKey(key, GgufValueType.UInt32);
        WriteUInt32(_metadata, value);
    }

    /// <summary>Adds a number.</summary>
    public void Add(string key, float value)
    {
        AddKey(key, GgufValueType.Float32);
        WriteUInt32(_metadata, BitConverter.SingleToUInt32Bits(value));
    }

    /// <summary>Adds a truth value.</summary>
    public void Add(string key, bool value)
    {
        AddKey(key, GgufValueType.Bool);
        _metadata.WriteByte(value ? (byte)1 : (byte)0);
    }

    /// <summary>Adds an array of strings.</summary>
    public void Add(string key, IReadOnlyCollection<string> values)
    {
        AddArray(key, GgufValueType.String, values.Count);
        foreach (string value in values)
        {
            WriteString(_metadata, value);
        }
    }

    /// <summary>Adds an array of integers.</summary>
    public void Add(string key, ReadOnlySpan<int> values)
    {
        AddArray(key, GgufValueType.Int32, values.Length);
        foreach (int value in values)
        {
            WriteUInt32(_metadata, (uint)value);
        }
    }

    /// <summary>Adds an array of numbers.</summary>
    public void Add(string key, ReadOnlySpan<float> values)
    {
        AddArray(key, GgufValueType.Float32, values.Length);
        foreach (float value in values)
        {
            WriteUInt32(_metadata, BitConverter.SingleToUInt32Bits(value));
        }
    }

    /// <summary>Copies a value of another file as it is.</summary>
    public void Copy(GgufMetadata source, string key)
    {
        ArgumentNullException.ThrowIfNull(source);
        _metadataCount++;
        Claim(key);
        _metadata.Write(source.Raw(key));
    }

    /// <summary>Adds a tensor that lies in memory until <see cref="Write"/>.</summary>
    public void AddTensor(string name, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        AddTensor(name, tensor.Format, [.. tensor.Shape.Dims.Select(dim => dim.Size)], tensor.WriteTo);
    }

    /// <summary>Adds a tensor whose bytes are written when their turn comes.</summary>
    /// <param name="name">The name in the file.</param>
    /// <param name="format">How the bytes are to be read.</param>
    /// <param name="extents">Extents, slowest first.</param>
    /// <param name="write">Writes exactly the bytes that format and extents ask for.</param>
    public void AddTensor(string name, TensorFormat format, ReadOnlySpan<int> extents, Action<Stream> write)
    {
        ArgumentOutOfRangeException.ThrowIfZero(extents.Length, nameof(extents));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(extents.Length, Shape.MaxRank, nameof(extents));
        GgmlType type = GgmlType.Of(format);
        if (extents[^1] % type.BlockElements != 0)
        {
            throw new ArgumentException($"A row of {extents[^1]} elements is no multiple of the {type.BlockElements} in a {type.Name} block ({name}).", nameof(extents));
        }

        long elements = 1;
        foreach (int extent in extents)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(extent, nameof(extents));
            elements = checked(elements * extent);
        }

        Claim(name);
        _tensors.Add(new Entry(name, type, [.. extents], elements / type.BlockElements * type.BlockBytes, write));
    }

    /// <summary>Writes the file: beside its name first, then renamed over it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="progress">Told the bytes written after every tensor.</param>
    /// <param name="cancellation">Checked before every tensor; nothing is left behind.</param>
    /// <exception cref="IOException">The disk is full or the folder cannot be written.</exception>
    public void Write(string path, IProgress<long>? progress = null, CancellationToken cancellation = default) => AtomicFile.Write(path, stream =>
    {
        WriteHead(stream);
        Pad(stream);
        foreach (Entry tensor in _tensors)
        {
            cancellation.ThrowIfCancellationRequested();
            long start = stream.Position;
            tensor.Write(stream);
            if (stream.Position - start != tensor.Bytes)
            {
                throw new InvalidOperationException($"{tensor.Name}: {stream.Position - start} bytes were written where {tensor.Bytes} belong.");
            }

            Pad(stream);
            progress?.Report(stream.Position);
        }
    });

    void WriteHead(Stream stream)
    {
        WriteUInt32(stream, GgufFile.Magic);
        WriteUInt32(stream, 3);
        WriteUInt64(stream, (ulong)_tensors.Count);
        WriteUInt64(stream, (ulong)_metadataCount);
        _metadata.WriteTo(stream);
        long offset = 0;
        foreach (Entry tensor in _tensors)
        {
            WriteString(stream, tensor.Name);
            WriteUInt32(stream, (uint)tensor.Extents.Length);
            for (int i = tensor.Extents.Length - 1; i >= 0; i--)
            {
                WriteUInt64(stream, (ulong)tensor.Extents[i]);
            }

            WriteUInt32(stream, tensor.Type.Id);
            WriteUInt64(stream, (ulong)offset);
            offset = GgufFile.AlignUp(checked(offset + tensor.Bytes), _alignment);
        }
    }

    void Pad(Stream stream)
    {
        for (long left = GgufFile.AlignUp(stream.Position, _alignment) - stream.Position; left > 0; left--)
        {
            stream.WriteByte(0);
        }
    }

    void AddArray(string key, GgufValueType elementType, int count)
    {
        AddKey(key, GgufValueType.Array);
        WriteUInt32(_metadata, (uint)elementType);
        WriteUInt64(_metadata, (ulong)count);
    }

    void AddKey(string key, GgufValueType type)
    {
        Claim(key);
        _metadataCount++;
        WriteString(_metadata, key);
        WriteUInt32(_metadata, (uint)type);
    }

    void Claim(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!_names.Add(name))
        {
            throw new ArgumentException($"'{name}' has been added already.", nameof(name));
        }
    }

    static void WriteString(Stream stream, string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        WriteUInt64(stream, (ulong)bytes.Length);
        stream.Write(bytes);
    }

    static void WriteUInt32(Stream stream, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        stream.Write(bytes);
    }

    static void WriteUInt64(Stream stream, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        stream.Write(bytes);
    }

    sealed record Entry(string Name, GgmlType Type, ImmutableArray<int> Extents, long Bytes, Action<Stream> Write);
}

using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models.Safetensors;

/// <summary>
/// One safetensors file, mapped into memory and checked before anything is handed out: eight bytes of length, that
/// much JSON, then the elements without holes. Nothing is copied. Source: the format section of the safetensors README.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    /// <summary>The bound of the reference implementation.</summary>
    internal const int MaxHeaderBytes = 100_000_000;

    readonly MappedFile _map;
    readonly Dictionary<string, TensorInfo> _byName;

    SafetensorsFile(MappedFile map, List<TensorInfo> tensors, Dictionary<string, string> metadata)
    {
        _map = map;
        _byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        Tensors = tensors;
        Metadata = metadata;
    }

    /// <summary>The path as the caller gave it.</summary>
    public string Path => _map.Path;

    /// <summary>Bytes of the file.</summary>
    public long Bytes => _map.Length;

    /// <summary>The tensors, in the order of their bytes; those in types that cannot be computed with too.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>The free-form strings of the header.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Tells this file from every other; see <see cref="FileIdentity"/>.</summary>
    internal string Identity => FileIdentity.Of(_map, Tensors);

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="ModelFormatException">The file is no safetensors file, or contradicts itself.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static SafetensorsFile Open(string path)
    {
        MappedFile map = MappedFile.Open(path);
        try
        {
            (List<TensorInfo> tensors, Dictionary<string, string> metadata) = SafetensorsHeader.Read(map, HeaderOf(map));
            return new SafetensorsFile(map, tensors, metadata);
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    /// <summary>Finds a tensor; its elements lie in the mapping. More than four extents become [first, all others].</summary>
    /// <exception cref="ModelFormatException">The tensor is there, but in a type that cannot be computed with.</exception>
    public bool TryGetTensor(string name, [NotNullWhen(true)] out Tensor? tensor)
    {
        tensor = _byName.TryGetValue(name, out TensorInfo? info)
            ? info.Over(_map, "fetch the model in BF16, F16 or F32, or as a GGUF file")
            : null;
        return tensor is not null;
    }

    /// <summary>A tensor that must be there.</summary>
    /// <exception cref="ModelFormatException">There is no such tensor, or its type cannot be computed with.</exception>
    public Tensor GetTensor(string name) => TryGetTensor(name, out Tensor? tensor)
        ? tensor
        : throw new ModelFormatException(Path, name, "the tensor is missing.");

    /// <summary>Unmaps the file. Its tensors must not be used afterwards.</summary>
    public void Dispose() => _map.Dispose();

    static ReadOnlySpan<byte> HeaderOf(MappedFile map)
    {
        ReadOnlySpan<byte> start = map.Bytes(0, (int)Math.Min(map.Length, 16));
        if (ForeignFiles.Recognise(start) is not null)
        {
            throw ForeignFiles.Error(map, "a safetensors file");
        }

        if (start.Length < sizeof(ulong))
        {
            throw new ModelFormatException(map.Path, "header length", $"the file ends after {start.Length} bytes.");
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(start);
        return length is >= 2 and <= MaxHeaderBytes && (long)length <= map.Length - sizeof(ulong)
            ? map.Bytes(sizeof(ulong), (int)length)
            : throw new ModelFormatException(map.Path, "header length", $"{length} bytes of header cannot be in this file of {map.Length} bytes (at most {MaxHeaderBytes}); it is cut or no safetensors file.");
    }
}

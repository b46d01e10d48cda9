using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models.Gguf;

/// <summary>
/// A GGUF file, version 2 or 3, mapped into memory and checked from end to end before anything is handed out. Nothing
/// is copied: tensors point into the mapping. Source: docs/gguf.md of ggml.
/// </summary>
public sealed class GgufFile : IDisposable
{
    internal const uint Magic = 0x46554747; // "GGUF"
    internal const int DefaultAlignment = 32;
    internal const string AlignmentKey = "general.alignment";

    // An info is a name length and a byte of name, the rank, one extent, the type and the offset.
    const int MinimumTensorInfoBytes = 8 + 1 + 4 + 8 + 4 + 8;

    // An entry is a key length and a byte of key, the type and a byte of value.
    const int MinimumMetadataBytes = 8 + 1 + 4 + 1;
    const int MinAlignment = 8;
    const int MaxAlignment = 1 << 24;

    readonly MappedFile _map;
    readonly Dictionary<string, TensorInfo> _byName;
    readonly long _dataOffset;

    GgufFile(MappedFile map, uint version, GgufMetadata metadata, int alignment, List<TensorInfo> tensors, Dictionary<string, TensorInfo> byName, long dataOffset)
    {
        _map = map;
        _dataOffset = dataOffset;
        _byName = byName;
        Version = (int)version;
        Metadata = metadata;
        Alignment = alignment;
        Tensors = tensors;
    }

    /// <summary>The path as the caller gave it.</summary>
    public string Path => _map.Path;

    /// <summary>Bytes of the file.</summary>
    public long Bytes => _map.Length;

    /// <summary>The version of the file format.</summary>
    public int Version { get; }

    /// <summary>Every tensor begins at a multiple of this many bytes.</summary>
    public int Alignment { get; }

    /// <summary>Keys and values.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>The tensors, in the order of the file; those in formats that cannot be computed with too.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Tells this file from every other; see <see cref="FileIdentity"/>.</summary>
    internal string Identity
    {
        get
        {
            string identity = FileIdentity.Of(_map, Tensors);
            ReleasePages(_map.Length); // A sample of a tensor brings sixteen pages.
            return identity;
        }
    }

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="ModelFormatException">The file is no GGUF file, or contradicts itself.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static GgufFile Open(string path)
    {
        MappedFile map = MappedFile.Open(path);
        try
        {
            GgufFile file = Read(map);
            file.ReleaseMetadataPages();
            return file;
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    /// <summary>Finds a tensor; its elements lie in the mapping.</summary>
    /// <exception cref="ModelFormatException">The tensor is there, but in a format that cannot be computed with.</exception>
    public bool TryGetTensor(string name, [NotNullWhen(true)] out Tensor? tensor)
    {
        tensor = _byName.TryGetValue(name, out TensorInfo? info) ? info.Over(_map, "choose a file in another quantisation, such as Q4_K_M or Q8_0") : null;
        return tensor is not null;
    }

    /// <summary>A tensor that must be there.</summary>
    /// <exception cref="ModelFormatException">There is no such tensor, or its format cannot be computed with.</exception>
    public Tensor GetTensor(string name) => TryGetTensor(name, out Tensor? tensor)
        ? tensor
        : throw new ModelFormatException(Path, name, "the tensor is missing.");

    /// <summary>Gives the pages before the tensors back to the file: a vocabulary is megabytes that nobody needs once it has been read. Whoever reads on finds them again.</summary>
    internal void ReleaseMetadataPages() => ReleasePages(_dataOffset);

    /// <summary>Unmaps the file. Its tensors and metadata must not be used afterwards.</summary>
    public void Dispose() => _map.Dispose();

    unsafe void ReleasePages(long bytes) => _map.ReleasePages(_map.Pointer, bytes);

    static GgufFile Read(MappedFile map)
    {
        GgufCursor cursor = new(map, 0);
        if (map.Length < sizeof(uint) || cursor.UInt32("magic") != Magic)
        {
            throw ForeignFiles.Error(map, "a GGUF file");
        }

        uint version = cursor.UInt32("version");
        if (version is not (2 or 3))
        {
            throw new ModelFormatException(map.Path, "version", Complaint(version));
        }

        long tensorCount = cursor.Count("tensor count", MinimumTensorInfoBytes);
        long metadataCount = cursor.Count("metadata count", MinimumMetadataBytes);
        GgufMetadata metadata = GgufMetadata.Read(map, ref cursor, metadataCount);
        int alignment = ReadAlignment(metadata);

        List<TensorInfo> tensors = [];
        for (long i = 0; i < tensorCount; i++)
        {
            tensors.Add(ReadTensorInfo(map, alignment, ref cursor));
        }

        long dataOffset = AlignUp(cursor.Position, alignment);
        Dictionary<string, TensorInfo> byName = new(StringComparer.Ordinal);
        for (int i = 0; i < tensors.Count; i++)
        {
            tensors[i] = Place(map, tensors[i], dataOffset);
            if (!byName.TryAdd(tensors[i].Name, tensors[i]))
            {
                throw new ModelFormatException(map.Path, tensors[i].Name, "two tensors have this name.");
            }
        }

        RefuseOverlaps(map, tensors);
        return new GgufFile(map, version, metadata, alignment, tensors, byName, dataOffset);
    }

    static string Complaint(uint version)
    {
        if ((version & 0xFFFF) == 0 && version != 0)
        {
            return "the file is big-endian; convert it to little-endian (gguf-py's gguf_convert_endian).";
        }

        return version == 1
            ? "GGUF version 1 is no longer read; convert the model again."
            : $"GGUF version {version} is unknown; 2 and 3 are read.";
    }

    static int ReadAlignment(GgufMetadata metadata)
    {
        if (!metadata.TryGetInt(AlignmentKey, out long alignment))
        {
            return DefaultAlignment;
        }

        return alignment is >= MinAlignment and <= MaxAlignment && BitOperations.IsPow2(alignment)
            ? (int)alignment
            : throw new ModelFormatException(metadata.File, AlignmentKey, $"the alignment is {alignment}; it must be a power of two from {MinAlignment} to {MaxAlignment}.");
    }

    static TensorInfo ReadTensorInfo(MappedFile map, int alignment, ref GgufCursor cursor)
    {
        string name = cursor.Name("tensor name");
        uint rank = cursor.UInt32(name);
        if (rank is 0 or > Shape.MaxRank)
        {
            throw new ModelFormatException(map.Path, name, $"the tensor has {rank} extents; 1 to {Shape.MaxRank} are allowed.");
        }

        int[] extents = new int[rank];
        long elements = 1;
        for (int i = (int)rank - 1; i >= 0; i--)
        {
            ulong extent = cursor.UInt64(name);
            // No type stores more than eight elements in a byte, so the bound also keeps the product from overflowing.
            if (extent is 0 or > int.MaxValue || elements > map.Length * 8 / (long)extent)
            {
                throw new ModelFormatException(map.Path, name, $"extent {rank - 1 - i} is {extent}, which is zero or makes the tensor larger than the file.");
            }

            extents[i] = (int)extent;
            elements *= (long)extent;
        }

        uint typeId = cursor.UInt32(name);
        GgmlType? type = GgmlType.Find(typeId);
        if (type is not null && extents[^1] % type.BlockElements != 0)
        {
            throw new ModelFormatException(map.Path, name, $"a row of {extents[^1]} elements is no multiple of the {type.BlockElements} in a {type.Name} block.");
        }

        if (elements / extents[^1] > int.MaxValue)
        {
            throw new ModelFormatException(map.Path, name, $"the tensor has {elements / extents[^1]} rows; {int.MaxValue} are allowed.");
        }

        ulong offset = cursor.UInt64(name);
        if (offset % (ulong)alignment != 0 || offset > (ulong)map.Length)
        {
            throw new ModelFormatException(map.Path, name, $"the offset {offset} is past the end of the file or no multiple of the alignment {alignment}.");
        }

        long bytes = type is null ? 0 : elements / type.BlockElements * type.BlockBytes;
        return new TensorInfo(name, [.. extents], type?.Name ?? $"type {typeId}", type?.Format, (long)offset, bytes);
    }

    static TensorInfo Place(MappedFile map, TensorInfo info, long dataOffset)
    {
        long offset = dataOffset + info.Offset;
        return info.Bytes <= map.Length - offset
            ? info with { Offset = offset }
            : throw new ModelFormatException(map.Path, info.Name, $"{info.Bytes} bytes from byte {offset} on end past the file's {map.Length} bytes; the file may be cut: fetch it again.");
    }

    static void RefuseOverlaps(MappedFile map, List<TensorInfo> tensors)
    {
        TensorInfo? last = null;
        foreach (TensorInfo info in tensors.OrderBy(info => info.Offset))
        {
            if (last is not null && last.Offset + last.Bytes > info.Offset)
            {
                throw new ModelFormatException(map.Path, info.Name, $"its bytes from {info.Offset} on overlap those of {last.Name}, which end at {last.Offset + last.Bytes}.");
            }

            last = info;
        }
    }

    internal static long AlignUp(long position, int alignment) => (position + alignment - 1) & -alignment;
}

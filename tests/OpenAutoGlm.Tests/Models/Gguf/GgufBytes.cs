using System.Buffers.Binary;
using System.Text;

namespace OpenAutoGlm.Models.Gguf;

/// <summary>Builds GGUF files field by field, the wrong ones too.</summary>
sealed class GgufBytes
{
    readonly MemoryStream _bytes = new();

    public static GgufBytes Head(ulong tensors, ulong entries, uint version = 3) =>
        new GgufBytes().Raw("GGUF"u8).U32(version).U64(tensors).U64(entries);

    public GgufBytes Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public GgufBytes U32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Raw(bytes);
    }

    public GgufBytes U64(ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return Raw(bytes);
    }

    public GgufBytes Text(string text) => U64((ulong)Encoding.UTF8.GetByteCount(text)).Raw(Encoding.UTF8.GetBytes(text));

    public GgufBytes Key(string key, GgufValueType type) => Text(key).U32((uint)type);

    public GgufBytes Info(string name, ulong[] extents, uint type, ulong offset)
    {
        Text(name).U32((uint)extents.Length);
        foreach (ulong extent in extents)
        {
            U64(extent);
        }

        return U32(type).U64(offset);
    }

    public GgufBytes Data(int bytes, int alignment = 32)
    {
        _bytes.SetLength((_bytes.Length + alignment - 1) / alignment * alignment);
        _bytes.Position = _bytes.Length;
        return Raw(new byte[bytes]);
    }

    public byte[] ToArray() => _bytes.ToArray();
}

using System.Buffers.Binary;
using System.Text;

namespace OpenAutoGlm.Models.Gguf;

/// <summary>A place in a mapped GGUF file that moves forward and never past the end.</summary>
struct GgufCursor(MappedFile file, long position)
{
    /// <summary>Longest key or tensor name, as the specification bounds keys.</summary>
    const int MaxNameBytes = ushort.MaxValue;

    static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Bytes from the start of the file.</summary>
    public long Position { get; private set; } = position;

    readonly long Remaining => file.Length - Position;

    public uint UInt32(string field) => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint), field));

    public ulong UInt64(string field) => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong), field));

    /// <summary>A count of things that take at least <paramref name="minimumBytes"/> each, so that a lie is found before anything is allocated.</summary>
    public long Count(string field, int minimumBytes)
    {
        long at = Position;
        ulong count = UInt64(field);
        return count <= (ulong)(Remaining / minimumBytes)
            ? (long)count
            : throw Error(field, $"the count {count} at byte {at} is more than the {Remaining} bytes left can hold.");
    }

    public void Skip(long bytes, string field)
    {
        if (bytes > Remaining)
        {
            throw Error(field, $"{bytes} bytes are to follow byte {Position}, but the file ends at {file.Length}.");
        }

        Position += bytes;
    }

    /// <summary>A string whose bytes are skipped, not decoded.</summary>
    public void SkipString(string field) => Skip(StringLength(field), field);

    /// <summary>A key or a name: short, not empty, UTF-8.</summary>
    public string Name(string field)
    {
        long at = Position;
        long length = StringLength(field);
        if (length is 0 or > MaxNameBytes)
        {
            throw Error(field, $"the name at byte {at} is {length} bytes long; 1 to {MaxNameBytes} are allowed.");
        }

        return Decode(Take((int)length, field), field);
    }

    /// <summary>A string value.</summary>
    public string String(string field)
    {
        long at = Position;
        long length = StringLength(field);
        return length <= Array.MaxLength
            ? Decode(Take((int)length, field), field)
            : throw Error(field, $"the string at byte {at} is {length} bytes long, more than memory can hold.");
    }

    public ReadOnlySpan<byte> Take(int bytes, string field)
    {
        long at = Position;
        Skip(bytes, field);
        return file.Bytes(at, bytes);
    }

    readonly ModelFormatException Error(string field, string message) => new(file.Path, field, message);

    readonly string Decode(ReadOnlySpan<byte> bytes, string field)
    {
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException error)
        {
            throw new ModelFormatException(file.Path, field, $"the string that ends at byte {Position} is not UTF-8.", error);
        }
    }

    long StringLength(string field)
    {
        long at = Position;
        ulong length = UInt64(field);
        return length <= (ulong)Remaining
            ? (long)length
            : throw Error(field, $"the string at byte {at} claims {length} bytes, but only {Remaining} are left in the file.");
    }
}

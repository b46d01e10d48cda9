using System.Buffers.Binary;

namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>Steps through the fields of one protobuf message. Source: protobuf.dev, "Encoding".</summary>
ref struct ProtobufReader(string file, ReadOnlySpan<byte> message)
{
    ReadOnlySpan<byte> _rest = message;

    /// <summary>The number of the field that was read last.</summary>
    public int Field { get; private set; }

    /// <summary>Its value where it is a number of any width; the bits of a float.</summary>
    public ulong Number { get; private set; }

    /// <summary>Its value where it has a length: text, bytes or a message.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>Reads the next field.</summary>
    /// <returns>False at the end of the message.</returns>
    /// <exception cref="ModelFormatException">The message ends inside a field, or has groups, which are no longer in use.</exception>
    public bool Next()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        ulong tag = Varint();
        Field = tag >> 3 is > 0 and <= int.MaxValue and ulong field ? (int)field : throw Error($"the field number {tag >> 3} is out of range");
        Number = 0;
        Bytes = default;
        switch (tag & 7)
        {
            case 0:
                Number = Varint();
                break;
            case 1:
                Number = BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));
                break;
            case 2:
                Bytes = Take(Varint());
                break;
            case 5:
                Number = BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));
                break;
            default:
                throw Error($"the wire type {tag & 7} is unknown");
        }

        return true;
    }

    ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            byte part = Take(1)[0];
            value |= shift < 64 ? (ulong)(part & 0x7F) << shift : 0;
            if (part < 0x80)
            {
                return value;
            }
        }

        throw Error("a number has more than ten bytes");
    }

    ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)_rest.Length)
        {
            throw Error($"it claims {count} bytes where {_rest.Length} are left");
        }

        ReadOnlySpan<byte> taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }

    readonly ModelFormatException Error(string message) => new(file, $"field {Field}", $"this is no SentencePiece model, or it is cut off: {message}.");
}

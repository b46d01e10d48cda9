using System.Buffers;

namespace OpenAutoGlm.Cli.Load.Client;

/// <summary>
/// Cuts bytes, as they come, into the data of server-sent events. Fields other than data and comments are passed over;
/// several data lines make one value with line feeds between them. Source: WHATWG HTML, §9.2 Server-sent events.
/// </summary>
sealed class EventStream
{
    /// <summary>Far above any chunk of an answer.</summary>
    public const int MaxEventBytes = 1 << 20;

    readonly ArrayBufferWriter<byte> _line = new(512);
    readonly ArrayBufferWriter<byte> _data = new(512);
    bool _hasData;

    /// <summary>Takes an event out of the front of the bytes.</summary>
    /// <param name="bytes">What came; afterwards what is left of it. What is left unread at the end of a call that says false is kept.</param>
    /// <param name="data">The event's data, good until the next call.</param>
    /// <returns>Whether there was an event.</returns>
    /// <exception cref="FormatException">An event exceeds <see cref="MaxEventBytes"/>.</exception>
    public bool Next(ref ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> data)
    {
        if (!_hasData)
        {
            _data.ResetWrittenCount();
        }

        while (bytes.IndexOf((byte)'\n') is >= 0 and int length)
        {
            ReadOnlySpan<byte> line = bytes[..length];
            bytes = bytes[(length + 1)..];
            if (_line.WrittenCount > 0)
            {
                Append(_line, line);
                line = _line.WrittenSpan;
            }

            bool ended = Take(line);
            _line.ResetWrittenCount();
            if (ended)
            {
                _hasData = false;
                data = _data.WrittenSpan;
                return true;
            }
        }

        Append(_line, bytes);
        bytes = default;
        data = default;
        return false;
    }

    bool Take(ReadOnlySpan<byte> line)
    {
        line = line.TrimEnd((byte)'\r');
        if (line.IsEmpty)
        {
            return _hasData;
        }

        if (line.StartsWith("data"u8) && (line.Length == 4 || line[4] == ':'))
        {
            ReadOnlySpan<byte> value = line.Length == 4 ? [] : line[5..];
            if (_hasData)
            {
                Append(_data, "\n"u8);
            }

            Append(_data, value.StartsWith(" "u8) ? value[1..] : value);
            _hasData = true;
        }

        return false;
    }

    static void Append(ArrayBufferWriter<byte> buffer, ReadOnlySpan<byte> bytes)
    {
        if (buffer.WrittenCount + bytes.Length > MaxEventBytes)
        {
            throw new FormatException($"an event is longer than {MaxEventBytes} bytes");
        }

        buffer.Write(bytes);
    }
}

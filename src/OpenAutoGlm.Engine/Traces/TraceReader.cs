using System.Buffers;
using System.Collections.Immutable;
using System.Text;

namespace OpenAutoGlm.Engine.Traces;

/// <summary>
/// Reads a trace, whose format its first line tells. Lines end with LF or CRLF; empty ones are passed over. Requests are
/// put into the order of their arrival and counted from the first. Nothing in the file is trusted: lengths, counts and
/// instants have limits.
/// </summary>
public static class TraceReader
{
    /// <summary>Requests that a trace may have.</summary>
    public const int MaxRequests = 10_000_000;

    /// <summary>Tokens that a prompt or an answer may have.</summary>
    public const int MaxTokens = 100_000_000;

    /// <summary>Instants that a trace may reach, counted in seconds: a hundred years.</summary>
    internal const double MaxSeconds = 100 * 366 * 86_400.0;

    internal const int MaxLineBytes = 16 << 20;

    /// <summary>Reads a file to its end, or its first requests.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">How many requests at most, in the order of the file; null for all.</param>
    /// <exception cref="TraceFormatException">The file is no trace; the message names line, field and value.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Trace Read(string path, int? limit = null)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        return Read(stream, path, limit);
    }

    /// <summary>Reads a stream.</summary>
    /// <param name="stream">The bytes.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="limit">How many requests at most; null for all.</param>
    /// <exception cref="TraceFormatException">The bytes are no trace.</exception>
    public static Trace Read(Stream stream, string name, int? limit = null)
    {
        List<TraceRequest> requests = [];
        ITraceLine? format = null;
        bool first = true;
        using LineReader lines = new(stream, name);
        while (requests.Count < (limit ?? int.MaxValue) && lines.Next(out ReadOnlySpan<byte> line))
        {
            if (line.Trim(" \t"u8).IsEmpty)
            {
                continue;
            }

            if (first)
            {
                first = false;
                if (AzureLine.IsHeader(line))
                {
                    format = new AzureLine();
                    continue;
                }
            }

            try
            {
                format ??= JsonTraceLine.Of(line);
                requests.Add(format.Parse(line));
            }
            catch (FormatException error)
            {
                throw new TraceFormatException(name, lines.Line, error.Message, error.InnerException ?? error);
            }

            if (requests.Count > MaxRequests)
            {
                throw new TraceFormatException(name, lines.Line, $"a trace may have {MaxRequests} requests; give a limit to read its beginning.");
            }
        }

        if (requests.Count == 0)
        {
            throw new TraceFormatException(name, lines.Line, "there is no request in it.");
        }

        return new Trace(Path.GetFileName(name), format!.Format, format.BlockTokens, Ordered(requests));
    }

    static ImmutableArray<TraceRequest> Ordered(List<TraceRequest> requests)
    {
        // The sort keeps the order of requests that came at the same instant.
        TimeSpan start = requests.Min(request => request.Arrival);
        return [.. requests.Select(request => request with { Arrival = request.Arrival - start }).OrderBy(request => request.Arrival)];
    }

    /// <summary>Lines of bytes, without their ends.</summary>
    sealed class LineReader(Stream stream, string name) : IDisposable
    {
        byte[] _buffer = ArrayPool<byte>.Shared.Rent(64 << 10);
        int _start;
        int _end;
        bool _ended;

        public int Line { get; private set; }

        public bool Next(out ReadOnlySpan<byte> line)
        {
            int searched = 0;
            while (true)
            {
                int length = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
                if (length >= 0 || (_ended && _end > _start))
                {
                    int whole = length >= 0 ? searched + length : _end - _start;
                    line = _buffer.AsSpan(_start, whole).TrimEnd((byte)'\r');
                    _start = Math.Min(_end, _start + whole + 1);
                    if (Line++ == 0 && line.StartsWith(Encoding.UTF8.Preamble))
                    {
                        line = line[Encoding.UTF8.Preamble.Length..];
                    }

                    return true;
                }

                if (_ended)
                {
                    line = default;
                    return false;
                }

                searched = _end - _start;
                Fill();
            }
        }

        public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

        void Fill()
        {
            if (_start > 0)
            {
                _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
                (_start, _end) = (0, _end - _start);
            }

            if (_end == _buffer.Length)
            {
                if (_end >= MaxLineBytes)
                {
                    throw new TraceFormatException(name, Line + 1, $"the line is longer than {MaxLineBytes} bytes; this is no trace.");
                }

                byte[] larger = ArrayPool<byte>.Shared.Rent(2 * _buffer.Length);
                _buffer.AsSpan(0, _end).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(_buffer);
                _buffer = larger;
            }

            int read = stream.Read(_buffer, _end, _buffer.Length - _end);
            _end += read;
            _ended = read == 0;
        }
    }
}

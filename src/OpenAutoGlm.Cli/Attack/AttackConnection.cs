using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace OpenAutoGlm.Cli.Attack;

/// <summary>How an exchange ended.</summary>
enum AttackEnd
{
    /// <summary>Every answer that was due came.</summary>
    Answered,

    /// <summary>The client left, as it meant to.</summary>
    Left,

    /// <summary>The server closed the connection first.</summary>
    Closed,

    /// <summary>Nothing came for too long.</summary>
    TimedOut,

    /// <summary>What came is no HTTP.</summary>
    Garbled,
}

/// <summary>An answer.</summary>
/// <param name="Status">Its status.</param>
/// <param name="Type">Its media type; empty where it has none.</param>
/// <param name="Body">Its body, cut where it is very long.</param>
/// <param name="Closes">Whether the connection ends with it.</param>
sealed record AttackAnswer(int Status, string Type, byte[] Body, bool Closes);

/// <summary>A connection without a client's manners: it writes bytes as they are, ends where it likes, and reads HTTP/1.1.</summary>
sealed class AttackConnection : IDisposable
{
    const int LongestBody = 1 << 18; // kept of it; the rest is read and dropped
    const int LongestHead = 1 << 16;

    readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, LingerState = new LingerOption(true, 0) };
    readonly byte[] _buffer = new byte[16 << 10];
    int _start;
    int _end;
    long _read;

    /// <summary>Whether another request may be sent.</summary>
    public bool IsGood { get; private set; } = true;

    /// <summary>Connects.</summary>
    public async Task OpenAsync(string host, int port, CancellationToken cancellation) => await _socket.ConnectAsync(host, port, cancellation);

    /// <summary>Sends a request and reads what is due.</summary>
    public async Task<(AttackEnd End, List<AttackAnswer> Answers)> ExchangeAsync(AttackRequest request, TimeSpan timeout, CancellationToken cancellation)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(timeout);
        List<AttackAnswer> answers = [];
        Task writing = WriteAsync(request, patience.Token);
        _read = 0;
        try
        {
            while (answers.Count < request.Answers)
            {
                if (await ReadAnswerAsync(request, patience.Token) is not { } answer)
                {
                    IsGood = false;
                    return (request.LeaveAfter is not null ? AttackEnd.Left : AttackEnd.Closed, answers);
                }

                answers.Add(answer);
                if (answer.Closes)
                {
                    IsGood = false;
                    break;
                }
            }

            IsGood &= request.IsWhole;
            return (AttackEnd.Answered, answers);
        }
        catch (LeaveException)
        {
            IsGood = false;
            return (AttackEnd.Left, answers);
        }
        catch (SocketException)
        {
            IsGood = false;
            return (AttackEnd.Closed, answers);
        }
        catch (FormatException)
        {
            IsGood = false;
            return (AttackEnd.Garbled, answers);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            IsGood = false;
            return (AttackEnd.TimedOut, answers);
        }
        finally
        {
            if (!IsGood)
            {
                await patience.CancelAsync();
            }

            await ((Task)writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Breaks the connection off, so that no port waits for its end.</summary>
    public void Dispose() => _socket.Dispose();

    async Task WriteAsync(AttackRequest request, CancellationToken cancellation)
    {
        try
        {
            foreach (byte[] piece in request.Pieces)
            {
                for (int sent = 0; sent < piece.Length;)
                {
                    sent += await _socket.SendAsync(piece.AsMemory(sent), SocketFlags.None, cancellation);
                }
            }

            if (!request.IsWhole)
            {
                _socket.Shutdown(SocketShutdown.Send);
            }
        }
        catch (SocketException)
        {
            // A server may refuse before it has read everything. What it said is still to be read.
        }
    }

    async Task<AttackAnswer?> ReadAnswerAsync(AttackRequest request, CancellationToken cancellation)
    {
        while (true)
        {
            if (await LineAsync(request, cancellation) is not { } line)
            {
                return null;
            }

            string[] words = line.Split(' ', 3);
            if (words.Length < 2 || !words[0].StartsWith("HTTP/1.", StringComparison.Ordinal) || !int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out int status))
            {
                throw new FormatException($"'{line}' begins no answer.");
            }

            Dictionary<string, string> headers = await HeadersAsync(request, cancellation);
            if (status < 200)
            {
                continue;
            }

            bool closes = headers.GetValueOrDefault("connection")?.Contains("close", StringComparison.OrdinalIgnoreCase) == true || words[0] == "HTTP/1.0";
            (byte[] body, bool toEnd) = request.IsHead || status is 204 or 304 ? ([], false) : await BodyAsync(request, headers, cancellation);
            return new AttackAnswer(status, headers.GetValueOrDefault("content-type", ""), body, closes || toEnd);
        }
    }

    async Task<Dictionary<string, string>> HeadersAsync(AttackRequest request, CancellationToken cancellation)
    {
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        while (await LineAsync(request, cancellation) is { } line)
        {
            if (line.Length == 0)
            {
                return headers;
            }

            int colon = line.IndexOf(':');
            headers[colon > 0 ? line[..colon] : throw new FormatException($"'{line}' is no header.")] = line[(colon + 1)..].Trim();
        }

        throw new FormatException("The headers have no end.");
    }

    async Task<(byte[] Body, bool ToEnd)> BodyAsync(AttackRequest request, Dictionary<string, string> headers, CancellationToken cancellation)
    {
        MemoryStream body = new();
        if (headers.GetValueOrDefault("transfer-encoding") == "chunked")
        {
            while (true)
            {
                string size = await LineAsync(request, cancellation) ?? throw new SocketException((int)SocketError.ConnectionReset);
                long bytes = long.Parse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                await CopyAsync(request, body, bytes, cancellation);
                if (await LineAsync(request, cancellation) != "")
                {
                    throw new FormatException("A chunk does not end where it should.");
                }

                if (bytes == 0)
                {
                    return (body.ToArray(), false);
                }
            }
        }

        if (headers.TryGetValue("content-length", out string? length))
        {
            await CopyAsync(request, body, long.Parse(length, CultureInfo.InvariantCulture), cancellation);
            return (body.ToArray(), false);
        }

        await CopyAsync(request, body, long.MaxValue, cancellation);
        return (body.ToArray(), true);
    }

    async Task CopyAsync(AttackRequest request, MemoryStream body, long bytes, CancellationToken cancellation)
    {
        while (bytes > 0)
        {
            if (_start == _end && !await FillAsync(request, cancellation))
            {
                if (bytes > long.MaxValue / 2)
                {
                    return;
                }

                throw new SocketException((int)SocketError.ConnectionReset);
            }

            int count = (int)Math.Min(bytes, _end - _start);
            body.Write(_buffer, _start, (int)Math.Min(count, LongestBody - body.Length));
            _start += count;
            bytes -= count;
        }
    }

    async Task<string?> LineAsync(AttackRequest request, CancellationToken cancellation)
    {
        StringBuilder line = new();
        while (_start < _end || await FillAsync(request, cancellation))
        {
            char character = (char)_buffer[_start++];
            if (character == '\n')
            {
                return line.Length > 0 && line[^1] == '\r' ? line.ToString(0, line.Length - 1) : line.ToString();
            }

            line.Append(character);
            if (line.Length > LongestHead)
            {
                throw new FormatException("A line has no end.");
            }
        }

        return line.Length == 0 ? null : throw new SocketException((int)SocketError.ConnectionReset);
    }

    async Task<bool> FillAsync(AttackRequest request, CancellationToken cancellation)
    {
        if (request.LeaveAfter <= _read)
        {
            throw new LeaveException();
        }

        int room = (int)Math.Min(_buffer.Length, request.LeaveAfter - _read ?? _buffer.Length);
        (_start, _end) = (0, await _socket.ReceiveAsync(_buffer.AsMemory(0, room), SocketFlags.None, cancellation));
        _read += _end;
        return _end > 0;
    }

    sealed class LeaveException : Exception;
}

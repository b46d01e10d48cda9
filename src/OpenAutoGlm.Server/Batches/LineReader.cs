using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Batches;

/// <summary>Reads the lines of a file without ever holding more than one. Empty lines are passed over but counted.</summary>
static class LineReader
{
    /// <param name="stream">The file; disposed at the end.</param>
    /// <param name="longest">Most bytes of a line.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <returns>The lines with their numbers from 1.</returns>
    /// <exception cref="ApiException">A line is too long.</exception>
    public static async IAsyncEnumerable<(int Number, byte[] Line)> ReadAsync(Stream stream, long longest, [EnumeratorCancellation] CancellationToken cancellation)
    {
        PipeReader reader = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 64 << 10));
        int number = 0;
        try
        {
            while (true)
            {
                ReadResult result = await reader.ReadAsync(cancellation);
                ReadOnlySequence<byte> rest = result.Buffer;
                while (Next(ref rest, result.IsCompleted) is { } line)
                {
                    number++;
                    Check(line.Length, longest, number);
                    if (Trim(line, number == 1) is { Length: > 0 } content)
                    {
                        yield return (number, content);
                    }
                }

                Check(rest.Length, longest, number + 1);
                reader.AdvanceTo(rest.Start, rest.End);
                if (result.IsCompleted)
                {
                    yield break;
                }
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    static ReadOnlySequence<byte>? Next(ref ReadOnlySequence<byte> rest, bool isLast)
    {
        if (rest.PositionOf((byte)'\n') is { } end)
        {
            ReadOnlySequence<byte> line = rest.Slice(0, end);
            rest = rest.Slice(rest.GetPosition(1, end));
            return line;
        }

        if (!isLast || rest.IsEmpty)
        {
            return null;
        }

        ReadOnlySequence<byte> last = rest;
        rest = rest.Slice(rest.End);
        return last;
    }

    static byte[] Trim(ReadOnlySequence<byte> line, bool isFirst)
    {
        byte[] bytes = line.ToArray();
        ReadOnlySpan<byte> content = bytes;
        if (isFirst && content.StartsWith("\uFEFF"u8))
        {
            content = content[3..];
        }

        return content.Trim(" \t\r"u8).ToArray();
    }

    static void Check(long length, long longest, int number)
    {
        if (length > longest)
        {
            throw new ApiException(ApiError.Invalid("input_file_id", $"Line {number} has more than {longest} bytes.", "invalid_batch_line"));
        }
    }
}

using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace OpenAutoGlm.Server.Wire;

/// <summary>
/// Reads a request's body as one JSON object and refuses whatever two readers could understand differently or no reader
/// can show: duplicate names, invalid UTF-8, half surrogate pairs, U+0000, excessive depth.
/// </summary>
static class JsonBody
{
    /// <summary>Deepest nesting of objects and arrays.</summary>
    public const int MaxDepth = 64;

    /// <summary>Most names in one object.</summary>
    public const int MaxNames = 4096;

    /// <exception cref="ApiException">The body is not such an object; 400, or 415 for its type.</exception>
    /// <exception cref="BadHttpRequestException">The body is too large, too slow or cut off.</exception>
    public static async Task<JsonDocument> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        CheckMediaType(request);
        ArrayBufferWriter<byte> body = new();
        while (true)
        {
            ReadResult result = await request.BodyReader.ReadAsync(cancellation);
            foreach (ReadOnlyMemory<byte> segment in result.Buffer)
            {
                body.Write(segment.Span);
            }

            request.BodyReader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return Parse(body.WrittenMemory);
            }
        }
    }

    static void CheckMediaType(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type)
            || !type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase))
        {
            throw new ApiException(ApiError.WrongMediaType("The body must be sent with the header Content-Type: application/json."));
        }

        if (type.Charset.HasValue && !type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase))
        {
            throw new ApiException(ApiError.WrongMediaType("JSON is read as UTF-8 only; leave charset out of Content-Type."));
        }

        if (request.Headers.ContentEncoding.Count > 0 && request.Headers.ContentEncoding != "identity")
        {
            throw new ApiException(ApiError.WrongMediaType("The body must be sent without Content-Encoding."));
        }
    }

    internal static JsonDocument Parse(ReadOnlyMemory<byte> body)
    {
        Check(body.Span);
        JsonDocument document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = MaxDepth });
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            document.Dispose();
            throw new ApiException(ApiError.InvalidJson("The body must be a JSON object."));
        }

        return document;
    }

    static void Check(ReadOnlySpan<byte> body)
    {
        if (body.IsEmpty)
        {
            throw new ApiException(ApiError.InvalidJson("The body is empty; a JSON object is expected."));
        }

        if (!Utf8.IsValid(body))
        {
            throw new ApiException(ApiError.InvalidJson($"The body is not valid UTF-8 at offset {ValidLength(body)}."));
        }

        Utf8JsonReader reader = new(body, new JsonReaderOptions { MaxDepth = MaxDepth });
        Stack<HashSet<string>> objects = [];
        string? parameter = null;
        try
        {
            while (reader.Read())
            {
                switch (reader.TokenType)
                {
                    case JsonTokenType.StartObject:
                        objects.Push(new(StringComparer.Ordinal));
                        break;
                    case JsonTokenType.EndObject:
                        objects.Pop();
                        break;
                    case JsonTokenType.PropertyName:
                        string name = Text(ref reader, parameter);
                        parameter = reader.CurrentDepth == 1 ? ApiError.Clip(name) : parameter;
                        Add(objects.Peek(), name, reader.TokenStartIndex, parameter);
                        break;
                    case JsonTokenType.String when reader.ValueIsEscaped:
                        Text(ref reader, parameter);
                        break;
                }
            }
        }
        catch (JsonException exception)
        {
            // The reader's own message ends with the position in its words; ours comes first, and in ours.
            string reason = exception.Message.Split(" LineNumber:")[0];
            throw new ApiException(ApiError.InvalidJson(
                $"The body is not valid JSON at line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}: {reason}", parameter));
        }
    }

    static void Add(HashSet<string> names, string name, long position, string? parameter)
    {
        if (!names.Add(name))
        {
            throw new ApiException(ApiError.InvalidJson($"'{ApiError.Clip(name)}' at offset {position} is there twice in one object.", parameter));
        }

        if (names.Count > MaxNames)
        {
            throw new ApiException(ApiError.InvalidJson($"An object has more than {MaxNames} names.", parameter));
        }
    }

    /// <summary>The text of a token. Without escapes there can be neither U+0000 nor a surrogate, as the UTF-8 is valid.</summary>
    static string Text(ref Utf8JsonReader reader, string? parameter)
    {
        string text;
        try
        {
            text = reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new ApiException(ApiError.InvalidJson($"The string at offset {reader.TokenStartIndex} has half a surrogate pair.", parameter));
        }

        return text.Contains('\0')
            ? throw new ApiException(ApiError.InvalidJson($"The string at offset {reader.TokenStartIndex} has the character U+0000.", parameter))
            : text;
    }

    static int ValidLength(ReadOnlySpan<byte> body)
    {
        char[] scratch = new char[1024];
        int read = 0;
        while (Utf8.ToUtf16(body[read..], scratch, out int bytes, out _, replaceInvalidSequences: false) is OperationStatus.DestinationTooSmall)
        {
            read += bytes;
        }

        Utf8.ToUtf16(body[read..], scratch, out int last, out _, replaceInvalidSequences: false);
        return read + last;
    }
}

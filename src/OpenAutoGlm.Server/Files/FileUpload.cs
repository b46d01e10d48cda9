using System.Buffers;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Files;

/// <summary>Reads a form with a file in it. Bytes go to their place as they come; nothing of a form that is refused stays.</summary>
sealed class FileUpload(FileStore files, ServerOptions options)
{
    const int LongestBoundary = 70;
    const int MostParts = 8;
    const int LongestValue = 1024;
    const string Anchor = "expires_after[anchor]";
    const string Seconds = "expires_after[seconds]";

    readonly string _id = FileStore.NewId();
    readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    string? _name;
    long _bytes;

    /// <exception cref="ApiException">The form is no such form, or there is no room.</exception>
    public async Task<StoredFile> ReadAsync(HttpContext context, CancellationToken cancellation)
    {
        MultipartReader reader = new(Boundary(context.Request), context.Request.Body) { HeadersCountLimit = 8, HeadersLengthLimit = 8192 };
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            // A little more than the file, for what stands around it.
            limit.MaxRequestBodySize = options.MaxFileBytes + (64 << 10);
        }

        bool isKept = false;
        try
        {
            for (int parts = 0; await NextAsync(reader, cancellation) is { } part; parts++)
            {
                await ReadPartAsync(part, parts, cancellation);
            }

            StoredFile file = Describe();
            await files.AddAsync(file);
            isKept = true;
            return file;
        }
        finally
        {
            if (!isKept)
            {
                files.Blobs.Delete(_id + ".data");
                files.Release(_bytes);
            }
        }
    }

    static string Boundary(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type)
            || !type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
        {
            throw new ApiException(ApiError.WrongMediaType("A file must be sent with the header Content-Type: multipart/form-data."));
        }

        string boundary = HeaderUtilities.RemoveQuotes(type.Boundary).ToString();
        return boundary.Length is > 0 and <= LongestBoundary ? boundary
            : throw new ApiException(ApiError.WrongMediaType($"The boundary of a form has 1 to {LongestBoundary} characters; this one has {boundary.Length}."));
    }

    static async Task<MultipartSection?> NextAsync(MultipartReader reader, CancellationToken cancellation)
    {
        try
        {
            return await reader.ReadNextSectionAsync(cancellation);
        }
        catch (Exception error) when (error is InvalidDataException or IOException and not BadHttpRequestException)
        {
            throw new ApiException(ApiError.Invalid(null, "The body is no well-formed multipart form, or it is incomplete."));
        }
    }

    async Task ReadPartAsync(MultipartSection part, int parts, CancellationToken cancellation)
    {
        if (parts >= MostParts)
        {
            throw new ApiException(ApiError.Invalid(null, $"The form has more than {MostParts} parts."));
        }

        if (!ContentDispositionHeaderValue.TryParse(part.ContentDisposition, out ContentDispositionHeaderValue? disposition))
        {
            throw new ApiException(ApiError.Invalid(null, "A part of the form has no Content-Disposition."));
        }

        string field = HeaderUtilities.RemoveQuotes(disposition.Name).ToString();
        switch (field)
        {
            case "file" when _name is null:
                string given = HeaderUtilities.RemoveQuotes(disposition.FileNameStar.HasValue ? disposition.FileNameStar : disposition.FileName).ToString();
                _name = StoredFile.Sanitise(given);
                await files.Blobs.WriteAsync(_id + ".data", stream => CopyAsync(part.Body, stream, cancellation));
                break;
            case "purpose" or Anchor or Seconds when _values.TryAdd(field, await ValueAsync(part, cancellation)):
                break;
            case "file" or "purpose" or Anchor or Seconds:
                throw new ApiException(ApiError.Invalid(field, $"{field} is there twice."));
            default:
                throw new ApiException(ApiError.Unknown(ApiError.Clip(field), $"'{ApiError.Clip(field)}' is not a field of a file: file, purpose, {Anchor}, {Seconds}."));
        }
    }

    async Task CopyAsync(Stream from, Stream to, CancellationToken cancellation)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(64 << 10);
        try
        {
            while (await ReadAsync(from, buffer, cancellation) is int read and > 0)
            {
                if (_bytes + read > options.MaxFileBytes)
                {
                    throw new ApiException(ApiError.BodyTooLarge(options.MaxFileBytes));
                }

                files.Reserve(read);
                _bytes += read;
                await to.WriteAsync(buffer.AsMemory(0, read), cancellation);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    static async Task<string> ValueAsync(MultipartSection part, CancellationToken cancellation)
    {
        byte[] buffer = new byte[LongestValue + 1];
        int length = 0;
        while (length < buffer.Length && await ReadAsync(part.Body, buffer.AsMemory(length), cancellation) is int read and > 0)
        {
            length += read;
        }

        return length <= LongestValue ? System.Text.Encoding.UTF8.GetString(buffer, 0, length)
            : throw new ApiException(ApiError.Invalid(null, $"A field of the form has more than {LongestValue} bytes."));
    }

    static async ValueTask<int> ReadAsync(Stream from, Memory<byte> buffer, CancellationToken cancellation)
    {
        try
        {
            return await from.ReadAsync(buffer, cancellation);
        }
        catch (Exception error) when (error is InvalidDataException or IOException and not BadHttpRequestException)
        {
            throw new ApiException(ApiError.Invalid(null, "The body is no well-formed multipart form, or it is incomplete."));
        }
    }

    StoredFile Describe()
    {
        string purpose = _values.GetValueOrDefault("purpose") ?? throw new ApiException(ApiError.Missing("purpose"));
        if (purpose != "batch")
        {
            throw new ApiException(ApiError.Unsupported("purpose", "purpose must be \"batch\": files are read by batches only."));
        }

        if (_name is null)
        {
            throw new ApiException(ApiError.Missing("file"));
        }

        long created = options.TimeProvider.GetUtcNow().ToUnixTimeSeconds();
        return new StoredFile(_id, _bytes, created, _name, purpose, created + Lifetime());
    }

    long? Lifetime()
    {
        if (!_values.TryGetValue(Seconds, out string? text))
        {
            return _values.ContainsKey(Anchor) ? throw new ApiException(ApiError.Missing(Seconds)) : null;
        }

        if (_values.GetValueOrDefault(Anchor) != "created_at")
        {
            throw new ApiException(ApiError.Invalid(Anchor, $"{Anchor} must be created_at."));
        }

        const int least = 3600;
        const int most = 2_592_000;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) && seconds is >= least and <= most
            ? seconds
            : throw new ApiException(ApiError.Invalid(Seconds, $"{Seconds} must be a whole number from {least} to {most}."));
    }
}

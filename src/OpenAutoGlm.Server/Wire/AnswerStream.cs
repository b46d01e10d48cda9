using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace OpenAutoGlm.Server.Wire;

/// <summary>
/// Writes JSON values one after another to a response. Flushing waits for a slow reader once the connection's buffer is
/// full, which is what bounds memory here.
/// </summary>
abstract class AnswerStream : IDisposable
{
    readonly PipeWriter _output;
    readonly Utf8JsonWriter _json;

    protected AnswerStream(HttpResponse response, string contentType)
    {
        response.ContentType = contentType;
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        _output = response.BodyWriter;
        _json = new Utf8JsonWriter(_output, new JsonWriterOptions { Encoder = WireJson.Wire.Options.Encoder, SkipValidation = true });
    }

    public async ValueTask FlushAsync(CancellationToken cancellation) => await _output.FlushAsync(cancellation);

    public void Dispose() => _json.Dispose();

    protected void Append<T>(T value, JsonTypeInfo<T> type)
    {
        JsonSerializer.Serialize(_json, value, type);
        _json.Flush();
        _json.Reset();
    }

    protected void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_output.GetSpan(bytes.Length));
        _output.Advance(bytes.Length);
    }
}

using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace OpenAutoGlm.Server.Wire;

/// <summary>
/// Writes an event stream. JSON has no line breaks outside its strings and escapes them inside, so one data line holds
/// any value. Flushing waits for a slow reader once the connection's buffer is full, which is what bounds memory here.
/// Source: WHATWG HTML, §9.2 Server-sent events.
/// </summary>
sealed class ServerSentEvents : IDisposable
{
    readonly PipeWriter _output;
    readonly Utf8JsonWriter _json;

    public ServerSentEvents(HttpResponse response)
    {
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        _output = response.BodyWriter;
        _json = new Utf8JsonWriter(_output, new JsonWriterOptions { Encoder = WireJson.Wire.Options.Encoder, SkipValidation = true });
    }

    public void Write<T>(T value, JsonTypeInfo<T> type)
    {
        Append("data: "u8);
        JsonSerializer.Serialize(_json, value, type);
        _json.Flush();
        _json.Reset();
        Append("\n\n"u8);
    }

    public void WriteDone() => Append("data: [DONE]\n\n"u8);

    public void WriteKeepAlive() => Append(": still here\n\n"u8);

    public async ValueTask FlushAsync(CancellationToken cancellation) => await _output.FlushAsync(cancellation);

    public void Dispose() => _json.Dispose();

    void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_output.GetSpan(bytes.Length));
        _output.Advance(bytes.Length);
    }
}

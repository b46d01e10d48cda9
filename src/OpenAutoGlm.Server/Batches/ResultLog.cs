using System.Text.Json;
using OpenAutoGlm.Server.Files;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Batches;

/// <summary>
/// The results of a batch as they come, a line each, one log for answers and one for errors. Opened again after a restart it
/// knows what is done; a line that a crash cut off is forgotten, and its request made again.
/// </summary>
sealed class ResultLog : IDisposable
{
    readonly FileStore _files;
    readonly Stream _stream;
    long _bytes;

    ResultLog(FileStore files, Stream stream) => (_files, _stream) = (files, stream);

    /// <summary>Lines in it.</summary>
    public int Count { get; private set; }

    /// <summary>Opens a log.</summary>
    /// <param name="files">Where it lies, and who gives it room.</param>
    /// <param name="name">The name of its blob.</param>
    /// <param name="done">Is told the custom ids in it.</param>
    /// <param name="cancellation">Ends the reading.</param>
    public static async Task<ResultLog> OpenAsync(FileStore files, string name, Action<string> done, CancellationToken cancellation)
    {
        ResultLog log = new(files, files.Blobs.OpenAppend(name));
        try
        {
            await log.ReadAsync(done, cancellation);
            return log;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>Writes what a route answered.</summary>
    public Task AppendAsync(string customId, RouteAnswer answer) => AppendAsync(customId, json =>
    {
        json.WriteStartObject("response");
        json.WriteNumber("status_code", answer.Status);
        json.WriteString("request_id", answer.RequestId);
        json.WritePropertyName("body");
        json.WriteRawValue(answer.Body);
        json.WriteEndObject();
        json.WriteNull("error");
    });

    /// <summary>Writes why a route was not asked.</summary>
    public Task AppendAsync(string customId, string code, string message) => AppendAsync(customId, json =>
    {
        json.WriteNull("response");
        json.WriteStartObject("error");
        json.WriteString("code", code);
        json.WriteString("message", message);
        json.WriteEndObject();
    });

    /// <summary>Makes a file of the log; null where it is empty. The log is closed by that.</summary>
    /// <param name="name">The name of its blob.</param>
    /// <param name="file">The file's id and label.</param>
    public async Task<string?> PublishAsync(string name, StoredFile file)
    {
        await _stream.DisposeAsync();
        if (Count == 0)
        {
            // Empty, or published before a crash.
            _files.Blobs.Delete(name);
            return _files.Has(file.Id) ? file.Id : null;
        }

        // First what is known of it, then its bytes: after a crash in between the log is still there, and this is done again.
        await _files.AddAsync(file with { Bytes = _bytes });
        _files.Blobs.Rename(name, file.DataName);
        _bytes = 0; // its room is the file's now
        return file.Id;
    }

    /// <summary>Closes the log and gives its room back, which is found again when it is opened again.</summary>
    public void Dispose()
    {
        _stream.Dispose();
        _files.Release(Interlocked.Exchange(ref _bytes, 0));
    }

    async Task AppendAsync(string customId, Action<Utf8JsonWriter> write)
    {
        using MemoryStream line = new();
        using (Utf8JsonWriter json = new(line, new JsonWriterOptions { Encoder = WireJson.Wire.Options.Encoder }))
        {
            json.WriteStartObject();
            json.WriteString("id", $"batch_req_{Guid.NewGuid():N}");
            json.WriteString("custom_id", customId);
            write(json);
            json.WriteEndObject();
        }

        line.WriteByte((byte)'\n');
        _files.Reserve(line.Length);
        _bytes += line.Length;
        await _stream.WriteAsync(line.GetBuffer().AsMemory(0, (int)line.Length));
        await _stream.FlushAsync();
        Count++;
    }

    async Task ReadAsync(Action<string> done, CancellationToken cancellation)
    {
        long whole = await WholeLinesAsync(cancellation);
        _stream.SetLength(whole);
        _files.Reserve(whole);
        _bytes = whole;
        _stream.Position = 0;
        using StreamReader reader = new(_stream, leaveOpen: true);
        while (await reader.ReadLineAsync(cancellation) is { } line)
        {
            using JsonDocument document = JsonDocument.Parse(line);
            done(document.RootElement.GetProperty("custom_id").GetString()!);
            Count++;
        }

        _stream.Position = whole;
    }

    /// <summary>Where the last whole line ends.</summary>
    async Task<long> WholeLinesAsync(CancellationToken cancellation)
    {
        byte[] buffer = new byte[64 << 10];
        long position = 0;
        long whole = 0;
        _stream.Position = 0;
        while (await _stream.ReadAsync(buffer, cancellation) is int read and > 0)
        {
            int last = buffer.AsSpan(0, read).LastIndexOf((byte)'\n');
            whole = last >= 0 ? position + last + 1 : whole;
            position += read;
        }

        return whole;
    }
}

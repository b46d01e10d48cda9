using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace OpenAutoGlm.Models.Hub;

/// <summary>A request as it arrived at the loopback hub.</summary>
sealed record HubRequest(string Path, IReadOnlyDictionary<string, string> Headers)
{
    public string? Range => Headers.GetValueOrDefault("range");

    public string? IfRange => Headers.GetValueOrDefault("if-range");

    public string? Authorization => Headers.GetValueOrDefault("authorization");

    public bool IsFile => Path.Contains("/resolve/");
}

/// <summary>
/// A hub on the loopback interface that can lie: it serves files as Hugging Face does, unless Answer writes something
/// else to the bare connection.
/// </summary>
sealed class LoopbackHub : IAsyncDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource _stop = new();
    readonly Task _running;
    readonly ConcurrentBag<Task> _connections = [];

    public LoopbackHub()
    {
        _listener.Start();
        _running = RunAsync();
    }

    public ConcurrentDictionary<string, byte[]> Files { get; } = new();

    public ConcurrentQueue<HubRequest> Requests { get; } = new();

    public IEnumerable<HubRequest> FileRequests => Requests.Where(request => request.IsFile);

    /// <summary>Writes an answer of its own and returns true, or returns false for the ordinary one. Told how many requests for the path came before.</summary>
    public Func<HubRequest, int, Stream, CancellationToken, Task<bool>>? Answer { get; set; }

    /// <summary>The list of files; made from Files where null.</summary>
    public string? Listing { get; set; }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _listener.Stop();
        await Task.WhenAll(_connections);
        _stop.Dispose();
    }

    public static string Entry(string path, long size, string sha256) =>
        $$$"""{"type": "file", "path": "{{{path}}}", "size": {{{size}}}, "oid": "{{{Commit}}}", "lfs": {"oid": "{{{sha256}}}", "size": {{{size}}}, "pointerSize": 134}}""";

    public static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    public static Task WriteAsync(Stream stream, string status, string headers, byte[] body) =>
        WriteRawAsync(stream, $"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {body.Length}\r\n{headers}\r\n", body);

    public static async Task WriteRawAsync(Stream stream, string head, byte[] body)
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head));
        await stream.WriteAsync(body);
        await stream.FlushAsync();
    }

    async Task RunAsync()
    {
        while (true)
        {
            try
            {
                TcpClient client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _connections.Add(ServeAsync(client));
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException)
            {
                return;
            }
        }
    }

    async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                Stream stream = client.GetStream();
                if (await ReadAsync(stream) is not { } request) return;
                int before = Requests.Count(earlier => earlier.Path == request.Path);
                Requests.Enqueue(request);
                if (Answer is null || !await Answer(request, before, stream, _stop.Token)) await AnswerOrdinarilyAsync(request, stream);
            }
            catch (Exception exception) when (exception is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // The client went away, or the test is over.
            }
        }
    }

    async Task<HubRequest?> ReadAsync(Stream stream)
    {
        using StreamReader reader = new(stream, Encoding.ASCII, leaveOpen: true);
        string? first = await reader.ReadLineAsync(_stop.Token);
        if (first is null) return null;
        Dictionary<string, string> headers = [];
        while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } line)
        {
            headers[line[..line.IndexOf(':')].ToLowerInvariant()] = line[(line.IndexOf(':') + 1)..].Trim();
        }

        return new(first.Split(' ')[1], headers);
    }

    Task AnswerOrdinarilyAsync(HubRequest request, Stream stream)
    {
        if (request.Path.Contains("/revision/")) return WriteAsync(stream, "200 OK", "", Encoding.UTF8.GetBytes($$"""{"sha": "{{Commit}}"}"""));
        if (request.Path.Contains("/tree/")) return WriteAsync(stream, "200 OK", "", Encoding.UTF8.GetBytes(Listing ?? $"[{string.Join(',', Files.Select(file => Listed(file.Key, file.Value)))}]"));
        string marker = $"/resolve/{Commit}/";
        int start = request.Path.IndexOf(marker, StringComparison.Ordinal);
        string path = start < 0 ? "" : Uri.UnescapeDataString(request.Path[(start + marker.Length)..]);
        return Files.TryGetValue(path, out byte[]? content) ? WriteFileAsync(request, stream, content) : WriteAsync(stream, "404 Not Found", "X-Error-Code: EntryNotFound\r\n", []);
    }

    public static Task WriteFileAsync(HubRequest request, Stream stream, byte[] content)
    {
        string tag = $"\"{Sha256(content)}\"";
        bool isSame = request.IfRange is null || request.IfRange == tag;
        if (request.Range is not { } range || !isSame) return WriteAsync(stream, "200 OK", $"ETag: {tag}\r\n", content);
        int from = int.Parse(range["bytes=".Length..].TrimEnd('-'));
        return WriteAsync(stream, "206 Partial Content", $"ETag: {tag}\r\nContent-Range: bytes {from}-{content.Length - 1}/{content.Length}\r\n", content[from..]);
    }

    /// <summary>Large files are listed with SHA-256 as LFS files are, small ones with Git's checksum.</summary>
    static string Listed(string path, byte[] content)
    {
        if (path.EndsWith(".safetensors") || path.EndsWith(".gguf")) return Entry(path, content.Length, Sha256(content));
        byte[] blob = [.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content];
        return $$"""{"type": "file", "path": "{{path}}", "size": {{content.Length}}, "oid": "{{Convert.ToHexStringLower(SHA1.HashData(blob))}}"}""";
    }
}

using System.Collections.Concurrent;

namespace OpenAutoGlm.Server.Files;

/// <summary>Blobs that end with the process.</summary>
sealed class MemoryBlobs : IBlobs
{
    readonly ConcurrentDictionary<string, Blob> _blobs = new(StringComparer.Ordinal);

    public IReadOnlyCollection<string> Names => [.. _blobs.Keys];

    public async Task WriteAsync(string name, Func<Stream, Task> write)
    {
        Blob blob = new();
        await write(blob);
        _blobs[name] = blob;
    }

    public Stream? OpenRead(string name) => _blobs.TryGetValue(name, out Blob? blob) ? blob.Read() : null;

    public Stream OpenAppend(string name) => _blobs.GetOrAdd(name, _ => new Blob());

    public void Rename(string name, string newName)
    {
        if (_blobs.TryRemove(name, out Blob? blob))
        {
            _blobs[newName] = blob;
        }
    }

    public void Delete(string name) => _blobs.TryRemove(name, out _);

    public void Dispose() => _blobs.Clear();

    /// <summary>Bytes that outlive the one who wrote them.</summary>
    sealed class Blob : MemoryStream
    {
        public Stream Read() => new MemoryStream(GetBuffer(), 0, (int)Length, writable: false);

        protected override void Dispose(bool disposing)
        {
            // The blob stays: only its name's end is its own.
        }
    }
}

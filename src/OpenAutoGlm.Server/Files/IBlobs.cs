namespace OpenAutoGlm.Server.Files;

/// <summary>
/// Named bytes: in memory, or in a folder where they survive a restart. Names are made here, never taken from a client:
/// lower-case letters, digits, '-', '_' and '.'. Safe for use from many threads.
/// </summary>
interface IBlobs : IDisposable
{
    /// <summary>All names, in no order.</summary>
    IReadOnlyCollection<string> Names { get; }

    /// <summary>Writes a blob whole or not at all: its name holds all bytes, the earlier ones, or nothing.</summary>
    /// <exception cref="IOException">There is no room.</exception>
    Task WriteAsync(string name, Func<Stream, Task> write);

    /// <summary>The bytes of a blob as they are now; null where there is none.</summary>
    Stream? OpenRead(string name);

    /// <summary>Opens a blob to read it and to write behind it; makes it where there is none. One at a time.</summary>
    Stream OpenAppend(string name);

    /// <summary>Gives a blob another name, over whatever had that.</summary>
    void Rename(string name, string newName);

    /// <summary>Forgets a blob, where there is one.</summary>
    void Delete(string name);
}

namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// The file of a <see cref="BlockStore"/>, held against all others until it is disposed; the system lets it go when the
/// process dies, however it does.
/// </summary>
class StoreFile : IDisposable
{
    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    readonly FileStream _stream;

    /// <exception cref="IOException">Somebody else has it, or it cannot be made.</exception>
    internal StoreFile(string path)
    {
        Path = path;
        FileStreamOptions options = new() { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        _stream = new FileStream(path, options);
    }

    internal string Path { get; }

    internal long Length => _stream.Length;

    /// <summary>Leaves at most so many bytes.</summary>
    internal void Shorten(long bytes)
    {
        if (_stream.Length > bytes)
        {
            _stream.SetLength(bytes);
        }
    }

    /// <summary>Lets nobody but the owner read what is in it, even where the file was there before.</summary>
    internal void Protect()
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_stream.SafeFileHandle, OwnerOnly);
        }
    }

    /// <summary>Reads until the span is full or the file ends; says how many bytes.</summary>
    internal int Read(Span<byte> bytes, long offset)
    {
        int total = 0;
        while (total < bytes.Length && RandomAccess.Read(_stream.SafeFileHandle, bytes[total..], offset + total) is > 0 and int read)
        {
            total += read;
        }

        return total;
    }

    internal virtual void Write(ReadOnlySpan<byte> bytes, long offset) => RandomAccess.Write(_stream.SafeFileHandle, bytes, offset);

    public virtual void Dispose()
    {
        _stream.Dispose();
        GC.SuppressFinalize(this);
    }
}

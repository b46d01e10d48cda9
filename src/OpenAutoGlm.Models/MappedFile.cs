using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models;

/// <summary>
/// A file mapped read-only into memory. Tensors over it keep this object, and so the mapping, alive; disposing it
/// unmaps at once, after which those tensors must not be touched.
/// </summary>
sealed unsafe partial class MappedFile : IDisposable, IPageSource
{
    const int Unneeded = 4; // MADV_DONTNEED

    readonly MemoryMappedFile _file;
    readonly MemoryMappedViewAccessor _view;
    readonly byte* _pointer;
    bool _disposed;

    MappedFile(string path, MemoryMappedFile file, long length)
    {
        Path = path;
        Length = length;
        _file = file;
        _view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);

        // AcquirePointer would pin the handle for ever if this object were collected without Dispose. The handle's own
        // finaliser unmaps, and it lives as long as this object does.
        _pointer = (byte*)_view.SafeMemoryMappedViewHandle.DangerousGetHandle() + _view.PointerOffset;
    }

    /// <summary>The path as the caller gave it.</summary>
    public string Path { get; }

    /// <summary>Bytes in the file when it was opened.</summary>
    public long Length { get; }

    /// <summary>The first byte.</summary>
    public byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _pointer;
        }
    }

    /// <summary>Maps a file.</summary>
    /// <exception cref="ModelFormatException">The file is empty.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static MappedFile Open(string path)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        long length = stream.Length;
        if (length == 0)
        {
            throw new ModelFormatException(path, "file", "it is empty; fetch it again.");
        }

        MemoryMappedFile file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        try
        {
            return new MappedFile(path, file, length);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Bytes of the file, copied nowhere; the caller has checked the range.</summary>
    public ReadOnlySpan<byte> Bytes(long offset, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Length - offset);
        return new ReadOnlySpan<byte>(Pointer + offset, count);
    }

    /// <inheritdoc/>
    public void ReleasePages(byte* data, long bytes)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        nint page = Environment.SystemPageSize;
        nint start = ((nint)data + page - 1) & -page;
        nint end = ((nint)data + (nint)bytes) & -page;
        if (OperatingSystem.IsLinux() && data >= _pointer && end <= (nint)_pointer + Length && start < end)
        {
            // A shared mapping that nobody writes to loses nothing: the next touch finds the same bytes.
            _ = Advise(start, (nuint)(end - start), Unneeded);
        }
    }

    public void Dispose()
    {
        _disposed = true;
        _view.Dispose();
        _file.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint bytes, int advice);
}

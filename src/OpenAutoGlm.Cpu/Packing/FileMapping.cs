using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace OpenAutoGlm.Cpu.Packing;

/// <summary>
/// A part of a file in memory, to read. On Linux it begins at a multiple of 2 MiB, so that a file system with large pages
/// in its cache (ext4, XFS, tmpfs) maps them whole: reading is then as fast as from huge pages of our own.
/// </summary>
sealed unsafe partial class FileMapping : IDisposable
{
    const int Readable = 1; // PROT_READ
    const int Unreadable = 0; // PROT_NONE
    const int Shared = 0x01; // MAP_SHARED
    const int Fixed = 0x10; // MAP_FIXED
    const int PrivateAnonymousUnreserved = 0x02 | 0x20 | 0x4000;
    const int UseHugePages = 14; // MADV_HUGEPAGE
    const int PopulateForReading = 22; // MADV_POPULATE_READ
    const int ReadOnlyUnblocked = 0x800 | 0x80000; // O_RDONLY | O_NONBLOCK | O_CLOEXEC

    readonly MemoryMappedFile? _file;
    readonly MemoryMappedViewAccessor? _view;
    readonly Reserved? _reserved;

    FileMapping(Reserved reserved)
    {
        _reserved = reserved;
        Pointer = reserved.Start;
    }

    FileMapping(MemoryMappedFile file, MemoryMappedViewAccessor view)
    {
        (_file, _view) = (file, view);
        Pointer = (byte*)view.SafeMemoryMappedViewHandle.DangerousGetHandle() + view.PointerOffset;
    }

    /// <summary>The first byte.</summary>
    internal byte* Pointer { get; }

    /// <summary>Opens a file without waiting for anybody, as a named pipe in its place would make us.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    internal static SafeFileHandle OpenForReading(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return File.OpenHandle(path);
        }

        int descriptor = OpenFile(path, ReadOnlyUnblocked, 0);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw new IOException($"error {Marshal.GetLastPInvokeError()} on opening {path}");
    }

    /// <summary>Maps a part of a file; the file may be closed afterwards.</summary>
    /// <exception cref="IOException">It cannot be mapped.</exception>
    internal static FileMapping Map(SafeFileHandle file, long offset, long bytes)
    {
        if (OperatingSystem.IsLinux())
        {
            Reserved reserved = new(bytes);
            if (MapFile(reserved.Start, (nuint)bytes, Readable, Shared | Fixed, file, (nint)offset) != (nint)reserved.Start)
            {
                int error = Marshal.GetLastPInvokeError();
                reserved.Dispose();
                throw new IOException($"error {error} on mapping {bytes} bytes");
            }

            // What is not in the cache yet is read in pages of 2 MiB.
            _ = Advise(reserved.Start, (nuint)bytes, UseHugePages);
            return new FileMapping(reserved);
        }

        MemoryMappedFile mapped = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        return new FileMapping(mapped, mapped.CreateViewAccessor(offset, bytes, MemoryMappedFileAccess.Read));
    }

    /// <summary>Brings a part into memory at once instead of page by page.</summary>
    internal void Populate(byte* start, long bytes)
    {
        if (_reserved is not null)
        {
            _ = Advise(start, (nuint)bytes, PopulateForReading);
        }
    }

    public void Dispose()
    {
        _view?.Dispose();
        _file?.Dispose();
        _reserved?.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MapFile(byte* address, nuint bytes, int protection, int flags, SafeFileHandle file, nint offset);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Reserve(nint address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint bytes);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(byte* address, nuint bytes, int advice);

    /// <summary>Addresses for a mapping, and one huge page more, so that it can be aligned.</summary>
    sealed class Reserved : SafeHandle
    {
        readonly nuint _bytes;

        internal Reserved(long bytes)
            : base(0, ownsHandle: true)
        {
            _bytes = checked((nuint)(bytes + HugeMemory.PageBytes));
            nint reserved = Reserve(0, _bytes, Unreadable, PrivateAnonymousUnreserved, -1, 0);
            if (reserved == -1)
            {
                throw new IOException($"error {Marshal.GetLastPInvokeError()} on reserving {bytes} bytes of addresses");
            }

            SetHandle(reserved);
            Start = (byte*)HugeMemory.RoundUp(reserved);
        }

        internal byte* Start { get; }

        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle() => Unmap(handle, _bytes) == 0;
    }
}

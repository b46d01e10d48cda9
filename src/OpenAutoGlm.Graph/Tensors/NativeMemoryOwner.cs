using System.Runtime.InteropServices;

namespace OpenAutoGlm.Graph.Tensors;

/// <summary>
/// Zeroed memory outside the managed heap, aligned to a cache line, freed when the owner is disposed or collected.
/// Large memory comes from the system already zeroed and takes real pages only where it is touched, so that room for
/// many tokens costs nothing before they come.
/// </summary>
public sealed unsafe partial class NativeMemoryOwner : SafeHandle
{
    const int Alignment = 64;
    const long HugePage = 2 << 20;
    const int ReadWrite = 3;
    const int PrivateAnonymous = 0x22;
    const int AdviseHugePages = 14;

    readonly nuint _mapped; // 0 where the memory comes from the allocator

    /// <summary>Allocates and clears <paramref name="bytes"/> bytes.</summary>
    /// <exception cref="OutOfMemoryException">The memory is not to be had.</exception>
    public NativeMemoryOwner(long bytes)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Bytes = bytes;
        if (bytes >= HugePage && OperatingSystem.IsLinux())
        {
            // Aligned, and with the wish for large pages: reading gains a tenth of bandwidth by them. It stays a wish.
            _mapped = (nuint)(((bytes + HugePage - 1) / HugePage * HugePage) + HugePage);
            void* mapped = Map(null, _mapped, ReadWrite, PrivateAnonymous, -1, 0);
            if ((nint)mapped == -1)
            {
                throw new OutOfMemoryException($"{bytes:N0} bytes of memory are not to be had.");
            }

            SetHandle((nint)mapped);
            Pointer = (byte*)(((nint)mapped + HugePage - 1) & -(nint)HugePage);
            _ = Advise(Pointer, _mapped - (nuint)HugePage, AdviseHugePages);
            return;
        }

        SetHandle((nint)NativeMemory.AllocZeroed((nuint)bytes + Alignment));
        Pointer = (byte*)((handle + Alignment - 1) & -Alignment);
    }

    /// <summary>The size asked for.</summary>
    public long Bytes { get; }

    /// <summary>The first byte.</summary>
    public byte* Pointer { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        if (_mapped != 0)
        {
            return Unmap((void*)handle, _mapped) == 0;
        }

        NativeMemory.Free((void*)handle);
        return true;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint bytes, int advice);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint bytes);
}

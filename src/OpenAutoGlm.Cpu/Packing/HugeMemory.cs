using System.Runtime.InteropServices;
using OpenAutoGlm.Cpu.Machine;

namespace OpenAutoGlm.Cpu.Packing;

/// <summary>
/// Zeroed memory that begins at a multiple of 2 MiB and, where the system has them, lies in pages of 2 MiB, which are
/// worth a tenth of the bandwidth. Elsewhere it is ordinary memory. Freed when disposed or collected.
/// </summary>
sealed unsafe partial class HugeMemory : SafeHandle
{
    /// <summary>The size of a huge page on x64 and of most on Arm; sizes are rounded up to it.</summary>
    internal const int PageBytes = 2 << 20;

    const int ReadWrite = 1 | 2; // PROT_READ | PROT_WRITE
    const int PrivateAnonymousUnreserved = 0x02 | 0x20 | 0x4000; // MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    const int UseHugePages = 14; // MADV_HUGEPAGE
    static readonly nint Failed = -1;

    readonly nuint _mappedBytes;

    /// <summary>Reserves the memory; pages come with their first use.</summary>
    /// <exception cref="OutOfMemoryException">The memory is not to be had.</exception>
    internal HugeMemory(long bytes)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        Bytes = RoundUp(bytes);
        if (OperatingSystem.IsLinux())
        {
            // The system aligns to small pages only, so one huge page more is asked for than is used.
            _mappedBytes = (nuint)(Bytes + PageBytes);
            nint mapped = Map(0, _mappedBytes, ReadWrite, PrivateAnonymousUnreserved, -1, 0);
            if (mapped == Failed)
            {
                throw new OutOfMemoryException($"The system refused {Bytes} bytes for packed weights (error {Marshal.GetLastPInvokeError()}).");
            }

            SetHandle(mapped);
            Pointer = (byte*)RoundUp(mapped);

            // Only advice: where it is refused, the pages are small.
            _ = Advise(Pointer, (nuint)Bytes, UseHugePages);
            MemoryNodes.SpreadOver(Pointer, Bytes);
        }
        else
        {
            SetHandle((nint)NativeMemory.AlignedAlloc((nuint)Bytes, PageBytes));
            Pointer = (byte*)handle;
            NativeMemory.Clear(Pointer, (nuint)Bytes);
        }
    }

    /// <summary>The size, a multiple of <see cref="PageBytes"/>.</summary>
    internal long Bytes { get; }

    /// <summary>The first byte.</summary>
    internal byte* Pointer { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>A size or an address rounded up to whole huge pages.</summary>
    internal static long RoundUp(long bytes) => checked(bytes + PageBytes - 1) & -PageBytes;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        if (_mappedBytes > 0)
        {
            return Unmap(handle, _mappedBytes) == 0;
        }

        NativeMemory.AlignedFree((void*)handle);
        return true;
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint bytes);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(byte* address, nuint bytes, int advice);
}

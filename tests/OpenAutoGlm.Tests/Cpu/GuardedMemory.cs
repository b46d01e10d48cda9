using System.Runtime.InteropServices;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu;

/// <summary>
/// Memory that ends where a page begins that nobody may touch: a kernel that reads or writes one byte too far crashes
/// the test run instead of passing by luck. Linux only; elsewhere it is plain memory.
/// </summary>
sealed unsafe partial class GuardedMemory : SafeHandle
{
    const int None = 0;
    const int ReadWrite = 3;
    const int PrivateAnonymous = 0x22;
    static readonly nuint Page = (nuint)Environment.SystemPageSize;

    readonly nuint _mapped;

    GuardedMemory(nuint bytes)
        : base(0, ownsHandle: true)
    {
        if (!OperatingSystem.IsLinux())
        {
            SetHandle((nint)NativeMemory.AllocZeroed(bytes));
            Start = (byte*)handle;
            return;
        }

        nuint whole = (bytes + Page - 1) / Page * Page;
        _mapped = whole + (2 * Page);
        void* memory = Map(null, _mapped, ReadWrite, PrivateAnonymous, -1, 0);
        Assert.NotEqual(-1, (nint)memory);
        SetHandle((nint)memory);
        Assert.Equal(0, Protect(memory, Page, None));
        Assert.Equal(0, Protect((byte*)memory + Page + whole, Page, None));
        Start = (byte*)memory + Page + whole - bytes;
    }

    public byte* Start { get; }

    public override bool IsInvalid => handle is 0 or -1;

    /// <summary>A zeroed tensor that ends at the guard page.</summary>
    public static Tensor Allocate(TensorFormat format, params ReadOnlySpan<Dim> dims)
    {
        TensorType type = new(new Shape(dims), format);
        long rowBytes = BlockFormat.Of(format).RowBytes(type.Shape.Last.Size);
        GuardedMemory memory = new((nuint)(type.Shape.ElementCount / type.Shape.Last.Size * rowBytes));
        return new Tensor(type, memory.Start, memory);
    }

    protected override bool ReleaseHandle()
    {
        if (OperatingSystem.IsLinux())
        {
            return Unmap((void*)handle, _mapped) == 0;
        }

        NativeMemory.Free((void*)handle);
        return true;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint bytes, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint bytes);
}

using System.Runtime.InteropServices;

namespace OpenAutoGlm.Graph.Tensors;

/// <summary>Zeroed memory outside the managed heap, aligned to a cache line, freed when the owner is disposed or collected.</summary>
public sealed unsafe class NativeMemoryOwner : SafeHandle
{
    const int Alignment = 64;

    /// <summary>Allocates and clears <paramref name="bytes"/> bytes.</summary>
    /// <exception cref="OutOfMemoryException">The memory is not to be had.</exception>
    public NativeMemoryOwner(long bytes)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Bytes = bytes;
        nuint size = (nuint)Math.Max(bytes, 1);
        void* pointer = NativeMemory.AlignedAlloc(size, Alignment);
        NativeMemory.Clear(pointer, size);
        SetHandle((nint)pointer);
    }

    /// <summary>The size asked for.</summary>
    public long Bytes { get; }

    /// <summary>The first byte.</summary>
    public byte* Pointer => (byte*)handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}

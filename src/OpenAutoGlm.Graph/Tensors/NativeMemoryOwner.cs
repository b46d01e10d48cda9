using System.Runtime.InteropServices;

namespace OpenAutoGlm.Graph.Tensors;

/// <summary>
/// Zeroed memory outside the managed heap, aligned to a cache line, freed when the owner is disposed or collected.
/// Large memory comes from the system already zeroed and takes real pages only where it is touched, so that room for
/// many tokens costs nothing before they come.
/// </summary>
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
        NativeMemory.Free((void*)handle);
        return true;
    }
}

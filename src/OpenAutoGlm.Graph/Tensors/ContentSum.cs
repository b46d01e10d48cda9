using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Tensors;

/// <summary>
/// A checksum as fast as memory, for telling accidents: eight lanes of 64 bits are summed, and the sums are summed, so
/// that every flipped bit and every exchange of two words shows. It does not resist somebody who wants to deceive.
/// The same on every machine. Source: Fletcher 1982, with lanes.
/// </summary>
public static class ContentSum
{
    const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;

    /// <summary>The checksum of some bytes.</summary>
    /// <param name="bytes">What is summed.</param>
    /// <param name="seed">The checksum of what comes before, to sum in pieces; the pieces matter.</param>
    public static ulong Of(ReadOnlySpan<byte> bytes, ulong seed = 0)
    {
        ReadOnlySpan<Vector512<ulong>> pieces = MemoryMarshal.Cast<byte, Vector512<ulong>>(bytes);
        Vector512<ulong> sum = default;
        Vector512<ulong> sumOfSums = default;
        foreach (Vector512<ulong> piece in pieces)
        {
            sum += piece;
            sumOfSums += sum;
        }

        Span<byte> rest = stackalloc byte[Vector512<byte>.Count];
        rest.Clear();
        bytes[(pieces.Length * Vector512<byte>.Count)..].CopyTo(rest);
        sum += Vector512.Create<byte>(rest).AsUInt64();
        sumOfSums += sum;

        ulong mixed = Mix(seed, (ulong)bytes.Length);
        for (int lane = 0; lane < Vector512<ulong>.Count; lane++)
        {
            mixed = Mix(Mix(mixed, sum[lane]), sumOfSums[lane]);
        }

        return mixed;
    }

    static ulong Mix(ulong mixed, ulong value) => BitOperations.RotateLeft((mixed ^ value) * Multiplier, 29) + value;
}

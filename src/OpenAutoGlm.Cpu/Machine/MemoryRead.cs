using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Machine;

/// <summary>The plainest way to read memory: what the bandwidth of everything else is compared with.</summary>
static unsafe class MemoryRead
{
    /// <summary>Adds up memory in eight streams of vectors, as wide as there are; a rest of less than 512 bytes is left out.</summary>
    [MethodImpl(Jit.Loop)]
    internal static long Sum(byte* from, long bytes) => Vector512.IsHardwareAccelerated ? Sum512(from, bytes) : Sum256(from, bytes);

    [MethodImpl(Jit.Loop)]
    static long Sum512(byte* from, long bytes)
    {
        Vector512<long> a = default, b = default, c = default, d = default;
        for (byte* end = from + bytes - 511; from < end; from += 512)
        {
            a += Vector512.Load((long*)from) + Vector512.Load((long*)from + 8);
            b += Vector512.Load((long*)from + 16) + Vector512.Load((long*)from + 24);
            c += Vector512.Load((long*)from + 32) + Vector512.Load((long*)from + 40);
            d += Vector512.Load((long*)from + 48) + Vector512.Load((long*)from + 56);
        }

        return Vector512.Sum(a + b + (c + d));
    }

    [MethodImpl(Jit.Loop)]
    static long Sum256(byte* from, long bytes)
    {
        Vector256<long> a = default, b = default, c = default, d = default;
        for (byte* end = from + bytes - 511; from < end; from += 256)
        {
            a += Vector256.Load((long*)from) + Vector256.Load((long*)from + 4);
            b += Vector256.Load((long*)from + 8) + Vector256.Load((long*)from + 12);
            c += Vector256.Load((long*)from + 16) + Vector256.Load((long*)from + 20);
            d += Vector256.Load((long*)from + 24) + Vector256.Load((long*)from + 28);
        }

        return Vector256.Sum(a + b + (c + d));
    }
}

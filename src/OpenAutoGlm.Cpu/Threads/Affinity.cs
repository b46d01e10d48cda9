using System.Runtime.InteropServices;

namespace OpenAutoGlm.Cpu.Threads;

/// <summary>Which cores a thread may run on. Linux only; elsewhere nothing is known and nothing happens.</summary>
static unsafe partial class Affinity
{
    const int MaskBytes = 1024;

    /// <summary>The cores on which this thread may run, in rising order; empty where that is not known.</summary>
    internal static int[] Cores()
    {
        if (!OperatingSystem.IsLinux())
        {
            return [];
        }

        byte* mask = stackalloc byte[MaskBytes];
        new Span<byte>(mask, MaskBytes).Clear();
        List<int> cores = [];
        if (GetAffinity(0, MaskBytes, mask) >= 0)
        {
            for (int core = 0; core < MaskBytes * 8; core++)
            {
                if ((mask[core / 8] & (1 << (core % 8))) != 0)
                {
                    cores.Add(core);
                }
            }
        }

        return [.. cores];
    }

    /// <summary>Binds this thread to one core; whether that worked.</summary>
    internal static bool Pin(int core)
    {
        if (!OperatingSystem.IsLinux() || core < 0 || core >= MaskBytes * 8)
        {
            return false;
        }

        byte* mask = stackalloc byte[MaskBytes];
        new Span<byte>(mask, MaskBytes).Clear();
        mask[core / 8] = (byte)(1 << (core % 8));
        return SetAffinity(0, MaskBytes, mask) == 0;
    }

    // Thread 0 is the thread that calls.
    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    private static partial int GetAffinity(int thread, nuint bytes, byte* mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nuint bytes, byte* mask);
}

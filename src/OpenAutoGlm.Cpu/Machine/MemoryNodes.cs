using System.Runtime.InteropServices;

namespace OpenAutoGlm.Cpu.Machine;

/// <summary>
/// Machines of several sockets have memory at each. The system puts a page next to the core that touches it first, which is the thread that loads a model, and all
/// others then read from one socket's memory. So the pages of weights take turns among the nodes whose cores this process may use; where there is one, or whoever
/// started the process has said where memory goes (numactl), nothing is done. Linux only.
/// </summary>
static unsafe partial class MemoryNodes
{
    const int Interleave = 3; // MPOL_INTERLEAVE
    const int MaskWords = 16; // 1,024 nodes, the most that Linux has

    static readonly Lazy<int[]> Found = new(Find);

    // mbind, set_mempolicy, get_mempolicy: the C library has no functions for them.
    static readonly (nint Bind, nint Set, nint Get)? Calls = !OperatingSystem.IsLinux() ? null : RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => (237, 238, 239),
        Architecture.Arm64 => (235, 237, 236),
        _ => null,
    };

    /// <summary>The nodes that weights are spread over; empty where there is nothing to choose.</summary>
    internal static ReadOnlySpan<int> Spread => Found.Value;

    /// <summary>Has the pages of a part of memory, which nobody has touched yet and which begins with a page, take turns among the nodes.</summary>
    internal static void SpreadOver(void* start, long bytes)
    {
        if (Spread.Length > 1)
        {
            ulong* mask = stackalloc ulong[MaskWords];
            Fill(mask);
            _ = Call(Calls!.Value.Bind, (nint)start, (nint)bytes, Interleave, (nint)mask, (MaskWords * 64) + 1, 0);
        }
    }

    /// <summary>Until it is disposed, on the same thread, pages that this thread is the first to touch take turns; those of files that it reads and writes too.</summary>
    internal static Turn TakeTurns()
    {
        if (Spread.Length > 1)
        {
            ulong* mask = stackalloc ulong[MaskWords];
            Fill(mask);
            _ = Call(Calls!.Value.Set, Interleave, (nint)mask, (MaskWords * 64) + 1, 0, 0, 0);
        }

        return default;
    }

    /// <summary>Of the nodes that a process may take memory from, those at which it has cores.</summary>
    /// <param name="allowed">Nodes that it may take memory from.</param>
    /// <param name="cores">Cores on which it may run.</param>
    /// <param name="coresOf">The cores of a node, as a list such as 0-3,8.</param>
    internal static int[] Among(IEnumerable<int> allowed, IReadOnlySet<int> cores, Func<int, string> coresOf) =>
        [.. allowed.Where(node => node < MaskWords * 64 && NumberList.Of(coresOf(node)).Any(cores.Contains))];

    static int[] Find()
    {
        int mode = 0;
        if (Calls is not { } calls || Call(calls.Get, (nint)(&mode), 0, 0, 0, 0, 0) != 0 || mode != 0)
        {
            return [];
        }

        // Of the process: the thread that asks first may be bound to a core.
        string[] status = MachineProbe.Lines("/proc/self/status");
        int[] nodes = Among(
            NumberList.Of(MachineProbe.Field(status, "Mems_allowed_list") ?? ""),
            NumberList.Of(MachineProbe.Field(status, "Cpus_allowed_list") ?? "").ToHashSet(),
            node => MachineProbe.Lines($"/sys/devices/system/node/node{node}/cpulist").FirstOrDefault() ?? "");
        return nodes.Length > 1 ? nodes : [];
    }

    static void Fill(ulong* mask)
    {
        new Span<ulong>(mask, MaskWords).Clear();
        foreach (int node in Spread)
        {
            mask[node / 64] |= 1UL << (node % 64);
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint Call(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    /// <summary>What <see cref="TakeTurns"/> gives.</summary>
    internal readonly ref struct Turn
    {
        /// <summary>Back to the system's rule: next to whoever touches a page first.</summary>
        public void Dispose()
        {
            if (Spread.Length > 1)
            {
                _ = Call(Calls!.Value.Set, 0, 0, 0, 0, 0, 0);
            }
        }
    }
}

namespace OpenAutoGlm.Server.Models;

/// <summary>Whether a load has room, and who must go for it. A pure function of what is in memory.</summary>
/// <param name="MayStart">Whether there is room now.</param>
/// <param name="Leaving">Who is to take no new requests and be freed.</param>
/// <param name="IsHopeless">Whether no amount of waiting helps.</param>
/// <param name="AvailableBytes">The most that it could ever get.</param>
readonly record struct LoadRoom(bool MayStart, IReadOnlyList<ModelInstance> Leaving, bool IsHopeless, long AvailableBytes)
{
    /// <summary>
    /// Looks for room: first what is free, then what is going anyway, then idle models, the least recently used first, then
    /// the version that the load replaces, and where patience is over, busy models in the same order. Nobody is sent away
    /// for nothing.
    /// </summary>
    /// <param name="load">The load.</param>
    /// <param name="instances">All that is in memory or has a reservation.</param>
    /// <param name="limit">Most bytes; null for no limit.</param>
    /// <param name="isImpatient">Whether busy models must make room.</param>
    public static LoadRoom For(LoadOperation load, IReadOnlyList<ModelInstance> instances, long? limit, bool isImpatient)
    {
        if (limit is not { } most)
        {
            return new LoadRoom(true, [], false, long.MaxValue);
        }

        long available = most - instances.Where(instance => !instance.Draining && instance.Slot.Pinned && instance.Slot != load.Slot).Sum(instance => instance.Bytes);
        if (load.NeededBytes > available)
        {
            return new LoadRoom(false, [], true, available);
        }

        long free = most - instances.Sum(instance => instance.Bytes);
        if (load.NeededBytes <= free)
        {
            return new LoadRoom(true, [], false, available);
        }

        long missing = load.NeededBytes - free - instances.Where(instance => instance.Draining).Sum(instance => instance.Bytes);
        ModelInstance[] others = [.. instances
            .Where(instance => instance.IsReady && !instance.Slot.Pinned && instance.Slot != load.Slot)
            .OrderBy(instance => instance.Slot.LastUsedTimestamp)];
        IEnumerable<ModelInstance> idle = others.Where(instance => instance.Leases == 0);
        IEnumerable<ModelInstance> own = load.Slot.Current is { } current ? [current] : [];
        IEnumerable<ModelInstance> busy = isImpatient ? others.Where(instance => instance.Leases > 0) : [];
        List<ModelInstance> leaving = [];
        foreach (ModelInstance candidate in idle.Concat(own).Concat(busy))
        {
            if (missing > 0)
            {
                leaving.Add(candidate);
                missing -= candidate.Bytes;
            }
        }

        return new LoadRoom(false, missing <= 0 ? leaving : [], false, available);
    }
}

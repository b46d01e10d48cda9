using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Models;

/// <summary>What follows from the facts: who is sent away, who goes, who is loaded, who is freed, and when to look again. Under the lock, but for the freeing.</summary>
sealed partial class ModelPool
{
    void Settle()
    {
        SendAwayWhoWaitedTooLong();
        LetIdleOnesGo();
        StartLoads();
        FreeWhatIsDrained();
        foreach (ModelSlot slot in Slots.Where(slot => slot.AwaitingFreedom.Count > 0 && !_instances.Exists(instance => instance.Slot == slot && instance.Draining)))
        {
            slot.AwaitingFreedom.ForEach(one => one.SetResult());
            slot.AwaitingFreedom.Clear();
        }

        if (_closing)
        {
            if (_working == 0 && _instances.Count == 0)
            {
                _closed.TrySetResult();
            }
        }
        else
        {
            SetTimer();
        }
    }

    void SendAwayWhoWaitedTooLong()
    {
        long now = _time.GetTimestamp();
        foreach (ModelSlot slot in Slots)
        {
            // The first in line came first, and all have the same patience.
            while (slot.Load?.Waiters.FirstOrDefault(waiter => waiter.WantsLease) is { } waiter && waiter.Deadline <= now)
            {
                slot.Load.Kept = true; // who was told to come again should find it loaded
                Leave(waiter);
                waiter.Tell(new ApiException(ApiError.ModelLoading(slot.Id, _limits.LongestWait)));
            }
        }
    }

    void LetIdleOnesGo()
    {
        foreach (ModelInstance instance in _instances.Where(instance => IdleSince(instance) is { } since && _time.GetElapsedTime(since) >= _limits.IdleUnload).ToArray())
        {
            Drain(instance, "idle");
        }
    }

    /// <summary>Since when an instance may count the time after which it goes; null where it does not.</summary>
    long? IdleSince(ModelInstance instance) =>
        _limits.IdleUnload is not null && instance is { IsReady: true, Leases: 0, Slot.Pinned: false } ? instance.Slot.LastUsedTimestamp : null;

    void StartLoads()
    {
        while (_queue.First?.Value is { } load)
        {
            LoadRoom room = LoadRoom.For(load, _instances, _limits.MemoryBytes, _time.GetElapsedTime(load.QueuedTimestamp) >= _limits.BusyPatience);
            if (room.IsHopeless)
            {
                _queue.RemoveFirst();
                Fail(load, new ModelTooLargeException(load.NeededBytes, room.AvailableBytes, _limits.MemoryBytes!.Value));
                continue;
            }

            foreach (ModelInstance leaving in room.Leaving)
            {
                Drain(leaving, leaving.Slot == load.Slot ? "swapped" : "memory needed");
            }

            if (!room.MayStart)
            {
                return;
            }

            _queue.RemoveFirst();
            ModelInstance place = new(load.Slot, load.NeededBytes);
            load.Place = place;
            _instances.Add(place);
            load.StartedTimestamp = _time.GetTimestamp();
            Work(() => BringAsync(load, place));
        }
    }

    void FreeWhatIsDrained()
    {
        foreach (ModelInstance instance in _instances.Where(instance => instance is { Draining: true, Leases: 0, Freeing: false, Loaded: not null }))
        {
            instance.Freeing = true;
            Work(() => FreeAsync(instance));
        }
    }

    /// <summary>Wakes the pool when time alone changes something.</summary>
    void SetTimer()
    {
        TimeSpan? next = null;
        void Consider(long since, TimeSpan patience)
        {
            TimeSpan left = patience - _time.GetElapsedTime(since);
            next = next is { } sooner && sooner < left ? sooner : left;
        }

        foreach (ModelInstance instance in _instances)
        {
            if (IdleSince(instance) is { } since)
            {
                Consider(since, _limits.IdleUnload!.Value);
            }
        }

        // After its patience the first in line has drained whom it could, and waits for them alone.
        if (_queue.First?.Value is { } first && _time.GetElapsedTime(first.QueuedTimestamp) < _limits.BusyPatience)
        {
            Consider(first.QueuedTimestamp, _limits.BusyPatience);
        }

        foreach (ModelSlot slot in Slots)
        {
            if (slot.Load?.Waiters.FirstOrDefault(waiter => waiter.WantsLease) is { } waiter)
            {
                Consider(waiter.Deadline, TimeSpan.Zero);
            }
        }

        // A millisecond more, for timers count in whole ones.
        TimeSpan due = next is { } left ? TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling(left.TotalMilliseconds)) + 1) : Timeout.InfiniteTimeSpan;
        _timer.Change(due, Timeout.InfiniteTimeSpan);
    }

    void Drain(ModelInstance instance, string reason)
    {
        instance.Draining = true;
        if (instance.Slot.Current == instance)
        {
            instance.Slot.Current = null;
        }

        ModelLog.Draining(_logger, instance.Slot.Id, reason, instance.Leases);
    }

    async Task FreeAsync(ModelInstance instance)
    {
        Exception? fault = null;
        if (instance.Model is { } model)
        {
            Disappeared?.Invoke(model);
        }

        try
        {
            await instance.Loaded!.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception error)
        {
            fault = error;
        }

        Change(() =>
        {
            _working--;
            _instances.Remove(instance);
            if (fault is not null)
            {
                ModelLog.FreeingFailed(_logger, instance.Slot.Id, fault);
            }

            ModelLog.Freed(_logger, instance.Slot.Id, instance.Bytes / (double)(1 << 20));
        });
    }
}

using System.Diagnostics;
using Microsoft.Extensions.Logging;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Models;

/// <summary>The life of a load, from the first who wants it to the last who is told. Under the lock, but for what is asynchronous.</summary>
sealed partial class ModelPool
{
    LoadOperation Begin(ModelSlot slot, IModelLoader loader, bool isSwap)
    {
        LoadOperation load = new(slot, loader, isSwap, new StageLog(_logger, slot.Id, loader.Source));
        slot.Load = load;
        load.StartedTimestamp = _time.GetTimestamp();
        Work(() => PrepareAsync(load));
        return load;
    }

    LoadWaiter Join(LoadOperation load, bool wantsLease)
    {
        LoadWaiter waiter = new(load, wantsLease, _time.GetTimestamp() + (long)(_limits.LongestWait.TotalSeconds * _time.TimestampFrequency));
        load.Waiters.AddLast(waiter);
        return waiter;
    }

    async Task<ModelLease?> WaitAsync(LoadWaiter waiter, CancellationToken cancellation)
    {
        using CancellationTokenRegistration registration = cancellation.Register(() => Change(() =>
        {
            // Who was told already has the answer, and gives back what it got.
            if (waiter.Operation is { } load)
            {
                Leave(waiter);
                waiter.TellCancelled(cancellation);
                if (load is { Waiters.Count: 0, Kept: false, Ended: false })
                {
                    Abandon(load);
                }
            }
        }));
        return await waiter.Task;
    }

    static void Leave(LoadWaiter waiter)
    {
        waiter.Operation!.Waiters.Remove(waiter);
        waiter.Operation = null;
    }

    static void TellAll(LoadOperation load, Exception error)
    {
        foreach (LoadWaiter waiter in load.Waiters.ToArray())
        {
            Leave(waiter);
            waiter.Tell(error);
        }
    }

    /// <summary>Forgets a load. What its loader still brings is freed at once.</summary>
    void Abandon(LoadOperation load)
    {
        End(load);
        if (load.Place is { } place)
        {
            place.Draining = true;
        }

        _effects.Add(load.Cancel);
        ModelLog.Abandoned(_logger, load.Slot.Id);
    }

    void End(LoadOperation load)
    {
        Debug.Assert(load.Slot.Load == load, "A slot has one load at a time.");
        load.Ended = true;
        load.Slot.Load = null;
        _queue.Remove(load);
    }

    async Task PrepareAsync(LoadOperation load)
    {
        (ModelFacts? facts, Exception? error) = await OutcomeOf(() => load.Loader.PrepareAsync(load, load.Cancellation));
        Change(() =>
        {
            _working--;
            if (load.Ended)
            {
                return;
            }

            if (facts is null)
            {
                Fail(load, error!);
                return;
            }

            if (!load.IsSwap)
            {
                load.Slot.Learn(facts);
            }

            load.NeededBytes = facts.MemoryBytes;
            load.QueuedTimestamp = _time.GetTimestamp();
            _queue.AddLast(load);
        });
    }

    async Task BringAsync(LoadOperation load, ModelInstance place)
    {
        (LoadedModel? loaded, Exception? error) = await OutcomeOf(() => load.Loader.LoadAsync(load, load.Cancellation));
        Change(() =>
        {
            _working--;
            if (loaded is null)
            {
                _instances.Remove(place);
                Fail(load, error!);
                return;
            }

            place.Loaded = loaded;
            place.Bytes = loaded.MemoryBytes;
            if (load.Ended)
            {
                return; // Who abandoned the load has marked the place, and it is freed.
            }

            if (_instances.Sum(instance => instance.Bytes) > _limits.MemoryBytes)
            {
                TooLarge(load, place);
            }
            else
            {
                Complete(load, place);
            }
        });
    }

    static async Task<(T? Result, Exception? Error)> OutcomeOf<T>(Func<Task<T>> loader)
        where T : class
    {
        try
        {
            return (await loader().ConfigureAwait(false), null);
        }
        catch (Exception error)
        {
            return (null, error);
        }
    }

    /// <summary>The loader had said less. The model goes, and comes again when there is room for what it really takes.</summary>
    void TooLarge(LoadOperation load, ModelInstance place)
    {
        place.Draining = true;
        load.Place = null;
        if (load.WasTooLarge)
        {
            Fail(load, new ModelTooLargeException(place.Bytes, load.NeededBytes, _limits.MemoryBytes!.Value));
            return;
        }

        load.WasTooLarge = true;
        load.NeededBytes = place.Bytes;
        load.QueuedTimestamp = _time.GetTimestamp();
        _queue.AddFirst(load);
    }

    void Complete(LoadOperation load, ModelInstance place)
    {
        ModelSlot slot = load.Slot;
        LoadedModel loaded = place.Loaded!;
        End(load);
        slot.Loader = load.Loader;
        slot.Learn(loaded);
        slot.Failure = null;
        slot.LoadedAt = _time.GetUtcNow();
        slot.LoadTime = _time.GetElapsedTime(load.StartedTimestamp);
        slot.Loads++;
        place.Model = new ServedModel(slot.Id, loaded.Source, loaded.ContextLength) { Aliases = slot.Aliases, Created = slot.Created };
        Appeared?.Invoke(place.Model);
        if (slot.Current is { } old)
        {
            Drain(old, "swapped");
        }

        slot.Current = place;
        slot.LastUsedTimestamp = _time.GetTimestamp();
        ModelLog.Loaded(_logger, slot.Id, slot.LoadTime.TotalSeconds, loaded.MemoryBytes / (double)(1 << 20), loaded.ContextLength, loaded.Description);
        if (load.IsSwap)
        {
            ModelLog.Swapped(_logger, slot.Id, load.Loader.Source);
        }

        foreach (LoadWaiter waiter in load.Waiters.ToArray())
        {
            Leave(waiter);
            waiter.Tell(waiter.WantsLease ? Lend(place) : null);
        }
    }

    void Fail(LoadOperation load, Exception error)
    {
        if (load.Ended)
        {
            return;
        }

        ModelSlot slot = load.Slot;
        End(load);
        ModelLog.LoadFailed(_logger, slot.Id, load.Loader.Source, error.Message, LoadFaults.IsExpected(error) ? null : error);
        if (load.IsSwap)
        {
            FallBack(load, error);
            return;
        }

        int count = (slot.Failure?.Count ?? 0) + 1;
        double pause = Math.Min(_limits.FirstRetry.TotalSeconds * Math.Pow(2, count - 1), _limits.LongestRetry.TotalSeconds);
        slot.Failure = new LoadFailure(
            error, count, _time.GetUtcNow(), _time.GetUtcNow() + TimeSpan.FromSeconds(pause), _time.GetTimestamp() + (long)(pause * _time.TimestampFrequency));
        foreach (LoadWaiter waiter in load.Waiters.ToArray())
        {
            Leave(waiter);
            waiter.Tell(waiter.WantsLease ? new ApiException(ApiError.ModelFailed(slot.Id, LoadFaults.Reason(error))) : error);
        }
    }

    /// <summary>After a swap that failed: who ordered it hears so, and requests that waited for it get the old model.</summary>
    void FallBack(LoadOperation swap, Exception error)
    {
        foreach (LoadWaiter waiter in swap.Waiters.ToArray())
        {
            Leave(waiter);
            if (!waiter.WantsLease)
            {
                waiter.Tell(error);
            }
            else if (swap.Slot.Current is { } current)
            {
                waiter.Tell(Lend(current));
            }
            else
            {
                LoadOperation load = swap.Slot.Load ?? Begin(swap.Slot, swap.Slot.Loader!, isSwap: false);
                waiter.Operation = load;
                load.Waiters.AddLast(waiter);
            }
        }
    }

    sealed class StageLog(ILogger logger, string model, string source) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => ModelLog.Stage(logger, model, value.Stage, source);
    }
}

using System.Collections.Immutable;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Models;

/// <summary>
/// Who is in memory, who is rented, and who must go. All facts change under one lock, and after every change
/// <see cref="Settle"/> draws the consequences from them; what takes time (preparing, loading, freeing) runs outside the
/// lock and comes back as a change.
/// </summary>
/// <remarks>
/// What is held at any moment: reservations and loaded models are within the limit; an instance is freed once, and never
/// while it is rented; loads get memory in the order in which they asked, so nobody waits for ever behind busy models.
/// </remarks>
sealed partial class ModelPool : IAsyncDisposable
{
    readonly Lock _gate = new();
    readonly ModelLimits _limits;
    readonly TimeProvider _time;
    readonly ILogger _logger;
    readonly ITimer _timer;
    readonly List<ModelInstance> _instances = []; // all that takes memory: loading, loaded, draining, being freed
    readonly LinkedList<LoadOperation> _queue = []; // loads that know what they need, in line for it
    readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    List<Action> _effects = []; // what is done as soon as the lock is free
    int _working; // loaders that are at work
    bool _closing;

    public ModelPool(IEnumerable<ModelSlot> slots, ModelLimits limits, TimeProvider time, ILogger logger)
    {
        Slots = [.. slots];
        _limits = limits;
        _time = time;
        _logger = logger;
        _timer = time.CreateTimer(_ => Change(() => { }), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        foreach (ModelSlot slot in Slots)
        {
            slot.LastUsedTimestamp = time.GetTimestamp();
        }
    }

    public ImmutableArray<ModelSlot> Slots { get; }

    /// <summary>Told of every model that becomes ready, before its first request, and under the lock.</summary>
    public Action<ServedModel>? Appeared
    {
        get;
        init
        {
            field = value;
            foreach (ModelInstance ready in Slots.Select(slot => slot.Current).OfType<ModelInstance>())
            {
                value?.Invoke(ready.Model!);
            }
        }
    }

    /// <summary>Told of every model that goes, after its last request.</summary>
    public Action<ServedModel>? Disappeared { get; init; }

    /// <summary>Bytes that are taken or reserved.</summary>
    public long UsedBytes
    {
        get
        {
            lock (_gate)
            {
                return _instances.Sum(instance => instance.Bytes);
            }
        }
    }

    /// <summary>Lends a model, loading it first where it is not loaded.</summary>
    /// <exception cref="ApiException">It cannot be had now.</exception>
    /// <exception cref="OperationCanceledException">The token fired first.</exception>
    public async ValueTask<ModelLease> RentAsync(ModelSlot slot, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        ModelLease? lease = null;
        LoadWaiter? waiter = null;
        Change(() =>
        {
            ThrowIfClosing();
            if (slot.Current is { } instance)
            {
                lease = Lend(instance);
                return;
            }

            if (slot.Load is null && slot.Failure is { } failure && _time.GetTimestamp() < failure.RetryTimestamp)
            {
                throw new ApiException(ApiError.ModelFailed(slot.Id, LoadFaults.Reason(failure.Error)));
            }

            if (slot.Load is { } load ? load.Waiters.Count(one => one.WantsLease) >= _limits.WaitingRequests : _limits.WaitingRequests == 0)
            {
                throw new ApiException(ApiError.ModelQueueFull(slot.Id, _limits.WaitingRequests));
            }

            waiter = Join(slot.Load ?? Begin(slot, slot.Loader!, isSwap: false), wantsLease: true);
        });
        return lease ?? (await WaitAsync(waiter!, cancellation))!;
    }

    /// <summary>Loads a model where it is not loaded, whatever the last load came to.</summary>
    /// <param name="slot">The model.</param>
    /// <param name="keep">Whether the load goes on when the token fires.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <remarks>Throws what the loader threw.</remarks>
    public async Task LoadAsync(ModelSlot slot, bool keep, CancellationToken cancellation)
    {
        LoadWaiter? waiter = null;
        Change(() =>
        {
            ThrowIfClosing();
            if (slot.Current is null)
            {
                LoadOperation load = slot.Load ?? Begin(slot, slot.Loader!, isSwap: false);
                load.Kept |= keep;
                waiter = Join(load, wantsLease: false);
            }
        });
        await (waiter is null ? Task.CompletedTask : WaitAsync(waiter, cancellation));
    }

    /// <summary>Exchanges what a model is loaded from: loads the new one, then switches, then lets the old one end its requests.</summary>
    /// <inheritdoc cref="LoadAsync"/>
    /// <exception cref="ApiException">The model is fixed, or is being loaded already.</exception>
    public async Task SwapAsync(ModelSlot slot, IModelLoader loader, bool keep, CancellationToken cancellation)
    {
        LoadWaiter? waiter = null;
        Change(() =>
        {
            ThrowIfClosing();
            ThrowIfFixed(slot);
            if (slot.Load is not null)
            {
                throw new ApiException(ApiError.ModelBusy(slot.Id, "is being loaded"));
            }

            LoadOperation load = Begin(slot, loader, isSwap: true);
            load.Kept = keep;
            waiter = Join(load, wantsLease: false);
        });
        await WaitAsync(waiter!, cancellation);
    }

    /// <summary>Lets a model end its requests and frees it; new requests wait for a new load. Completes when nothing of it is in memory.</summary>
    /// <exception cref="ApiException">The model is fixed, or is being swapped.</exception>
    public Task UnloadAsync(ModelSlot slot)
    {
        TaskCompletionSource gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Change(() =>
        {
            ThrowIfFixed(slot);
            if (slot.Load is { IsSwap: true })
            {
                throw new ApiException(ApiError.ModelBusy(slot.Id, "is being swapped"));
            }

            if (slot.Load is { } load)
            {
                TellAll(load, new ApiException(ApiError.ModelUnloaded(slot.Id)));
                Abandon(load);
            }

            if (slot.Current is { } current)
            {
                Drain(current, "asked for");
            }

            slot.Failure = null;
            slot.AwaitingFreedom.Add(gone);
        });
        return gone.Task;
    }

    /// <summary>All models as they are now, in the order of registration.</summary>
    public ImmutableArray<ModelStatus> Snapshot()
    {
        lock (_gate)
        {
            return [.. Slots.Select(Describe)];
        }
    }

    /// <summary>One model as it is now.</summary>
    public ModelStatus Snapshot(ModelSlot slot)
    {
        lock (_gate)
        {
            return Describe(slot);
        }
    }

    /// <summary>Sends away who waits, and frees every model after its last request. Ready-made ones stay their owners'.</summary>
    public async ValueTask DisposeAsync()
    {
        Change(() =>
        {
            _closing = true;
            foreach (ModelSlot slot in Slots)
            {
                if (slot.Load is { } load)
                {
                    TellAll(load, new ApiException(ApiError.ShuttingDown()));
                    Abandon(load);
                }

                if (slot is { Current: { } current, Loader: not null })
                {
                    Drain(current, "end of the server");
                }
            }
        });
        await _closed.Task;
        await _timer.DisposeAsync();
    }

    // Below, whatever is not asynchronous runs under the lock.

    /// <summary>Changes facts, draws the consequences, and does outside the lock what follows from them.</summary>
    void Change(Action change)
    {
        List<Action> effects = [];
        try
        {
            lock (_gate)
            {
                try
                {
                    change();
                }
                finally
                {
                    Settle();
                    (effects, _effects) = (_effects, effects);
                }
            }
        }
        finally
        {
            effects.ForEach(effect => effect());
        }
    }

    ModelLease Lend(ModelInstance instance)
    {
        Debug.Assert(instance.IsReady, "Only what is ready is lent.");
        instance.Leases++;
        Touch(instance.Slot);
        return new ModelLease(instance.Model!, () => Change(() =>
        {
            instance.Leases--;
            Touch(instance.Slot);
        }));
    }

    void Touch(ModelSlot slot)
    {
        slot.LastUsed = _time.GetUtcNow();
        slot.LastUsedTimestamp = _time.GetTimestamp();
    }

    void Work(Func<Task> work)
    {
        _working++;
        _effects.Add(() => _ = work());
    }

    ModelStatus Describe(ModelSlot slot)
    {
        ModelInstance[] instances = [.. _instances.Where(instance => instance.Slot == slot)];
        int draining = instances.Count(instance => instance.Draining);
        return new ModelStatus
        {
            Id = slot.Id,
            Aliases = slot.Aliases,
            State = slot.Current is not null ? ModelState.Loaded
                : slot.Load is not null ? ModelState.Loading
                : draining > 0 ? ModelState.Draining
                : slot.Failure is not null ? ModelState.Failed
                : ModelState.Unloaded,
            Source = slot.Loader?.Source,
            Pinned = slot.Pinned,
            Created = slot.Created,
            ContextLength = slot.ContextLength,
            MemoryBytes = instances.Sum(instance => instance.Bytes),
            NeededBytes = slot.NeededBytes,
            Running = instances.Sum(instance => instance.Leases) + (slot.Loader is null ? slot.Current!.Leases : 0),
            Waiting = slot.Load?.Waiters.Count(waiter => waiter.WantsLease) ?? 0,
            Draining = draining,
            LastUsed = slot.LastUsed,
            LoadedAt = slot.LoadedAt,
            LoadTime = slot.LoadTime,
            Loads = slot.Loads,
            Progress = slot.Load?.Progress ?? (slot.Load is null ? null : new LoadProgress("waiting")),
            Failure = slot.Failure,
        };
    }

    void ThrowIfClosing()
    {
        if (_closing)
        {
            throw new ApiException(ApiError.ShuttingDown());
        }
    }

    static void ThrowIfFixed(ModelSlot slot)
    {
        if (slot.Loader is null)
        {
            throw new ApiException(ApiError.ModelIsFixed(slot.Id));
        }
    }
}

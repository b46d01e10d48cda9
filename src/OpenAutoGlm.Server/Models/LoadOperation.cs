namespace OpenAutoGlm.Server.Models;

/// <summary>One load of a model, and who waits for it. Guarded by the pool's lock.</summary>
sealed class LoadOperation(ModelSlot slot, IModelLoader loader, bool isSwap, IProgress<LoadProgress> log) : IProgress<LoadProgress>
{
    readonly CancellationTokenSource _cancellation = new();
    LoadProgress? _progress;

    public ModelSlot Slot { get; } = slot;

    public IModelLoader Loader { get; } = loader;

    /// <summary>Whether it replaces what the slot loads from.</summary>
    public bool IsSwap { get; } = isSwap;

    /// <summary>In the order in which they came.</summary>
    public LinkedList<LoadWaiter> Waiters { get; } = [];

    /// <summary>Whether it goes on when nobody waits any more.</summary>
    public bool Kept { get; set; }

    /// <summary>Nothing that it still brings is wanted.</summary>
    public bool Ended { get; set; }

    /// <summary>Its reservation; null before it has one.</summary>
    public ModelInstance? Place { get; set; }

    /// <summary>What it takes.</summary>
    public long NeededBytes { get; set; }

    /// <summary>Whether it was sent back because the model turned out larger than its loader had said.</summary>
    public bool WasTooLarge { get; set; }

    /// <summary>When it got in line for memory.</summary>
    public long QueuedTimestamp { get; set; }

    /// <summary>When the loader was called.</summary>
    public long StartedTimestamp { get; set; }

    public CancellationToken Cancellation => _cancellation.Token;

    public LoadProgress? Progress
    {
        get
        {
            lock (_cancellation)
            {
                return _progress;
            }
        }
    }

    /// <summary>The loader's word, from any thread.</summary>
    public void Report(LoadProgress value)
    {
        bool isNews;
        lock (_cancellation)
        {
            isNews = _progress?.Stage != value.Stage;
            _progress = value;
        }

        if (isNews)
        {
            log.Report(value);
        }
    }

    public void Cancel() => _cancellation.Cancel();
}

/// <summary>One who waits for a load: a request that wants the model, or an operator who wants to know.</summary>
sealed class LoadWaiter(LoadOperation operation, bool wantsLease, long deadline)
{
    // Continuations run elsewhere, for the pool's lock is held when the result is set.
    readonly TaskCompletionSource<ModelLease?> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What it waits for; null as soon as it knows.</summary>
    public LoadOperation? Operation { get; set; } = operation;

    public bool WantsLease { get; } = wantsLease;

    /// <summary>Timestamp after which it is sent away.</summary>
    public long Deadline { get; } = deadline;

    public Task<ModelLease?> Task => _result.Task;

    public void Tell(ModelLease? lease) => _result.SetResult(lease);

    public void Tell(Exception error) => _result.SetException(error);

    public void TellCancelled(CancellationToken cancellation) => _result.SetCanceled(cancellation);
}

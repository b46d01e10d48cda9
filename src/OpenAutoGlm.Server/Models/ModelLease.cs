namespace OpenAutoGlm.Server.Models;

/// <summary>
/// The right to use a model that is loaded, from <see cref="ModelDirectory.RentAsync"/> until it is disposed. As long as
/// one is out, its model is neither unloaded nor exchanged for another.
/// </summary>
sealed class ModelLease(ServedModel model, Action? giveBack = null) : IAsyncDisposable
{
    Action? _giveBack = giveBack;

    /// <summary>The model. Not to be used after the lease was given back.</summary>
    public ServedModel Model { get; } = model;

    /// <summary>Gives the model back; a second time does nothing.</summary>
    public ValueTask DisposeAsync()
    {
        Interlocked.Exchange(ref _giveBack, null)?.Invoke();
        return ValueTask.CompletedTask;
    }
}

using System.Collections.Immutable;

namespace OpenAutoGlm.Server.Models;

/// <summary>How many models a server may hold, and for how long. Checked when the server is made.</summary>
public sealed record ModelLimits
{
    /// <summary>Most bytes for all loaded models together; null for no limit.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>After how long without a request a model is unloaded; null for never. 1 second to 30 days.</summary>
    public TimeSpan? IdleUnload { get; init; }

    /// <summary>Requests that may wait for one model to be loaded; the next is refused with 429. 0 to 1,000,000.</summary>
    public int WaitingRequests { get; init; } = 256;

    /// <summary>How long a request waits for its model; then it is told to come again. 1 second to 1 day.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a load waits for busy models to become idle; then they take no new requests until it had its turn. 0 to 1 hour.</summary>
    public TimeSpan BusyPatience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long after a failed load requests are refused at once; doubles with every further failure. 1 ms to 1 hour.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>What <see cref="FirstRetry"/> doubles up to. 1 ms to 1 day.</summary>
    public TimeSpan LongestRetry { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Folders from which an operator may swap models in over the network; none to forbid it.</summary>
    public ImmutableArray<string> SwapFolders { get; init; } = [];

    /// <summary>Checks every limit.</summary>
    /// <exception cref="ArgumentException">A value is out of its range; the message names both.</exception>
    internal void Validate()
    {
        ServerOptions.Check(nameof(MemoryBytes), MemoryBytes ?? 1, 1, long.MaxValue);
        ServerOptions.Check(nameof(IdleUnload), IdleUnload ?? TimeSpan.FromHours(1), TimeSpan.FromSeconds(1), TimeSpan.FromDays(30));
        ServerOptions.Check(nameof(WaitingRequests), WaitingRequests, 0, 1_000_000);
        ServerOptions.Check(nameof(LongestWait), LongestWait, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));
        ServerOptions.Check(nameof(BusyPatience), BusyPatience, TimeSpan.Zero, TimeSpan.FromHours(1));
        ServerOptions.Check(nameof(FirstRetry), FirstRetry, TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1));
        ServerOptions.Check(nameof(LongestRetry), LongestRetry, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1));
        if (SwapFolders.FirstOrDefault(folder => !Directory.Exists(folder)) is { } missing)
        {
            throw new ArgumentException($"{nameof(SwapFolders)} names '{missing}', which is no folder.", nameof(SwapFolders));
        }
    }
}

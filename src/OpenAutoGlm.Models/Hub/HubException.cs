namespace OpenAutoGlm.Models.Hub;

/// <summary>Why a model could not be fetched.</summary>
public enum HubError
{
    /// <summary>A name, file or pattern that is never accepted.</summary>
    Refused,

    /// <summary>The hub wants to know who asks (401).</summary>
    Unauthorized,

    /// <summary>The hub knows who asks and says no (403), often until a licence is accepted.</summary>
    Forbidden,

    /// <summary>No such repository, revision or file.</summary>
    NotFound,

    /// <summary>Too many requests (429), and waiting did not help.</summary>
    RateLimited,

    /// <summary>The hub could not be reached, stalled, broke off or failed, each time it was tried.</summary>
    Unreachable,

    /// <summary>What the hub sent is not what it announced: a checksum, a length, a listing.</summary>
    Corrupt,

    /// <summary>Not in the cache, and the network must not be used.</summary>
    Offline,

    /// <summary>The cache could not be written or read: disk full, permissions.</summary>
    Cache,
}

/// <summary>A model could not be fetched; says which repository and file, why, and what helps.</summary>
public sealed class HubException : Exception
{
    internal HubException(HubError error, string message, Exception? cause = null)
        : base(message, cause) => Error = error;

    /// <summary>The kind of failure.</summary>
    public HubError Error { get; }
}

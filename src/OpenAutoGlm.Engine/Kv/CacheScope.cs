namespace OpenAutoGlm.Engine.Kv;

/// <summary>Who may share cached prefixes with whom, and how long they are worth keeping.</summary>
/// <param name="Tenant">Sequences of different tenants never share; null is a tenant too.</param>
/// <param name="Retention">Hint of how long the blocks stay worth keeping.</param>
readonly record struct CacheScope(string? Tenant, CacheRetention Retention = CacheRetention.Default);

/// <summary>How long what a sequence computed stays worth keeping for the next.</summary>
public enum CacheRetention
{
    /// <summary>Until memory is needed, the least recently used first.</summary>
    Default,

    /// <summary>Not at all: nobody will ask for it again.</summary>
    None,

    /// <summary>Longer than others: evicted only when nothing else is left.</summary>
    Long,
}

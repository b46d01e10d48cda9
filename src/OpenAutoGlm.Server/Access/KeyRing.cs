using System.Collections.Immutable;
using System.Security.Cryptography;

namespace OpenAutoGlm.Server.Access;

/// <summary>
/// The keys that a server takes. They can be exchanged while it runs: those that are gone open nothing from then on,
/// and requests that run go on. Safe from many threads.
/// </summary>
public sealed class KeyRing
{
    /// <summary>Most keys. Every one is compared with each that is shown, so that the time tells nothing.</summary>
    public const int MaxKeys = 10_000;

    internal const int LongestKey = 512;

    volatile ImmutableArrayBox _keys;

    /// <summary>Some keys. A ring without any opens nothing.</summary>
    /// <exception cref="ArgumentException">Two have the same name or the same hash, or there are too many.</exception>
    public KeyRing(params IEnumerable<ApiKey> keys) => _keys = new(Checked(keys));

    /// <summary>The keys.</summary>
    public ImmutableArray<ApiKey> Keys => _keys.Items;

    /// <summary>Takes these keys, and no others any more.</summary>
    /// <exception cref="ArgumentException">Two have the same name or the same hash, or there are too many; the old ones stay.</exception>
    public void Replace(IEnumerable<ApiKey> keys) => _keys = new(Checked(keys));

    /// <summary>The entry of a key that was shown; null for none. Takes the same time for every key.</summary>
    internal ApiKey? Find(string shown)
    {
        if (shown.Length is 0 or > LongestKey)
        {
            return null;
        }

        ReadOnlySpan<byte> hash = ApiKey.Hash(shown);
        ApiKey? found = null;
        foreach (ApiKey key in Keys)
        {
            found = CryptographicOperations.FixedTimeEquals(hash, key.Sha256.AsSpan()) ? key : found;
        }

        return found;
    }

    static ImmutableArray<ApiKey> Checked(IEnumerable<ApiKey> keys)
    {
        ImmutableArray<ApiKey> all = [.. keys];
        if (all.Length > MaxKeys)
        {
            throw new ArgumentException($"There are {all.Length} keys; there may be {MaxKeys}.", nameof(keys));
        }

        if (all.GroupBy(key => key.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new ArgumentException($"Two keys are named '{twice.Key}'.", nameof(keys));
        }

        if (all.GroupBy(key => Convert.ToHexStringLower(key.Sha256.AsSpan())).FirstOrDefault(group => group.Count() > 1) is { } same)
        {
            throw new ArgumentException($"The keys {string.Join(" and ", same.Select(key => $"'{key.Name}'"))} are the same.", nameof(keys));
        }

        return all;
    }

    /// <summary>A reference, which can be exchanged at once.</summary>
    sealed record ImmutableArrayBox(ImmutableArray<ApiKey> Items);
}

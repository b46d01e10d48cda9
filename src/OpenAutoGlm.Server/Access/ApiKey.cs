using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace OpenAutoGlm.Server.Access;

/// <summary>What a key opens.</summary>
public enum KeyRole
{
    /// <summary>Models and what belongs to them; neither the metrics nor anything under /admin.</summary>
    User,

    /// <summary>The metrics and the state of the server, and no model: for Prometheus.</summary>
    Monitor,

    /// <summary>Everything.</summary>
    Admin,
}

/// <summary>
/// A key that clients show, by its SHA-256 only, and what it entitles to. A fast hash is enough, and cannot be abused to keep
/// the processor busy, because keys are random: <see cref="Generate"/> makes them of 256 bits.
/// </summary>
public sealed record ApiKey
{
    const string Prefix = "oag-";
    const int LongestName = 64;

    /// <summary>A key by its hash.</summary>
    /// <param name="name">Who has it, for logs, metrics and fairness: 1 to 64 letters, digits and - _ . @</param>
    /// <param name="sha256">The SHA-256 of the key's UTF-8 bytes: 32 bytes.</param>
    /// <exception cref="ArgumentException">The name or the hash is none.</exception>
    public ApiKey(string name, ImmutableArray<byte> sha256)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > LongestName || !name.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.' or '@'))
        {
            throw new ArgumentException($"A key's name must have 1 to {LongestName} letters, digits and - _ . @ only.", nameof(name));
        }

        if (sha256.IsDefault || sha256.Length != SHA256.HashSizeInBytes)
        {
            throw new ArgumentException($"The hash of the key '{name}' must have {SHA256.HashSizeInBytes} bytes.", nameof(sha256));
        }

        Name = name;
        Sha256 = sha256;
    }

    /// <summary>Who has it.</summary>
    public string Name { get; }

    /// <summary>The SHA-256 of the key's UTF-8 bytes.</summary>
    public ImmutableArray<byte> Sha256 { get; }

    /// <summary>What it opens.</summary>
    public KeyRole Role { get; init; } = KeyRole.User;

    /// <summary>How urgent its requests are, smaller numbers first. A request that names a priority other than 0 may only be less urgent, except with an admin's key.</summary>
    public int Priority { get; init; }

    /// <summary>Requests a minute, the first minute's at once; null for no limit.</summary>
    public int? RequestsPerMinute { get; init; }

    /// <summary>Tokens a minute, read and written together, the first minute's at once; null for no limit.</summary>
    public int? TokensPerMinute { get; init; }

    /// <summary>Ids of the models that it may use; empty for all.</summary>
    public ImmutableArray<string> Models { get; init; } = [];

    /// <summary>Whether its cached prefixes are apart from everybody else's, so that nobody can tell by the time whether a prompt was sent before.</summary>
    public bool OwnCache { get; init; }

    /// <summary>A key by itself.</summary>
    /// <exception cref="ArgumentException">The key is empty or longer than 512 characters, or has characters that no header can carry.</exception>
    public static ApiKey Of(string name, string key) => IsKey(key)
        ? new(name, [.. Hash(key)])
        : throw new ArgumentException($"A key must have 1 to {KeyRing.LongestKey} visible ASCII characters.", nameof(key));

    /// <summary>A new key: 256 random bits, to be shown once and kept by nobody but its owner.</summary>
    public static string Generate() => Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    internal static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    static bool IsKey(string key) => key.Length is > 0 and <= KeyRing.LongestKey && key.All(character => character is > ' ' and <= '~');
}

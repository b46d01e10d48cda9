namespace OpenAutoGlm.Models.Hub;

/// <summary>Where models come from, where they are kept, and how patient a pull is.</summary>
public sealed record HubOptions
{
    /// <summary>The hub; another one of the same kind is a mirror.</summary>
    public Uri Endpoint { get; init; } = new("https://huggingface.co");

    /// <summary>The address that tells the commit of a revision; null where the hub has none, and revisions name snapshots themselves.</summary>
    public string? RevisionPattern { get; init; } = "{endpoint}/api/models/{repo}/revision/{revision}";

    /// <summary>The address of the list of files with sizes and checksums, in the form of Hugging Face or of ModelScope.</summary>
    public string ListingPattern { get; init; } = "{endpoint}/api/models/{repo}/tree/{revision}?recursive=true";

    /// <summary>The address of a file.</summary>
    public string FilePattern { get; init; } = "{endpoint}/{repo}/resolve/{revision}/{path}";

    /// <summary>The token that is sent to the endpoint, and to no other host; null for none.</summary>
    public string? Token { get; init; }

    /// <summary>The folder of the cache.</summary>
    public string CacheFolder { get; init; } = DefaultCacheFolder();

    /// <summary>Whether the network must not be used.</summary>
    public bool IsOffline { get; init; }

    /// <summary>Files fetched at a time.</summary>
    public int ParallelFiles { get; init; } = 4;

    /// <summary>Attempts in a row that bring nothing before a pull gives up.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>The wait before the second attempt; it doubles from there, with jitter.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest wait between attempts, also where a hub asks for more by Retry-After.</summary>
    public TimeSpan LongestRetryDelay { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a connection may bring nothing before it is given up.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The clock of waits and timeouts.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The seed of the jitter.</summary>
    public int Seed { get; init; } = Environment.ProcessId;

    /// <summary>The defaults with HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and AUTOGLM_CACHE applied.</summary>
    /// <exception cref="HubException">HF_ENDPOINT is not an address.</exception>
    public static HubOptions FromEnvironment() => FromEnvironment(Environment.GetEnvironmentVariable);

    internal static HubOptions FromEnvironment(Func<string, string?> variable)
    {
        HubOptions options = new() { CacheFolder = DefaultCacheFolder(variable) };
        if (NonEmpty(variable("HF_ENDPOINT")) is { } endpoint)
        {
            bool isAddress = Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? address) && address.Scheme is "https" or "http";
            options = options with
            {
                Endpoint = isAddress ? address! : throw new HubException(HubError.Refused, $"HF_ENDPOINT is '{endpoint}': expected an address such as https://huggingface.co."),
            };
        }

        return options with
        {
            Token = NonEmpty(variable("HF_TOKEN")),
            IsOffline = variable("HF_HUB_OFFLINE")?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE",
        };
    }

    /// <summary>AUTOGLM_CACHE, else open-autoglm in the XDG cache folder.</summary>
    static string DefaultCacheFolder() => DefaultCacheFolder(Environment.GetEnvironmentVariable);

    static string DefaultCacheFolder(Func<string, string?> variable)
    {
        if (NonEmpty(variable("AUTOGLM_CACHE")) is { } folder) return Path.GetFullPath(folder);
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify);
        string cache = NonEmpty(variable("XDG_CACHE_HOME")) is { } xdg && Path.IsPathRooted(xdg) ? xdg : Path.Combine(home, ".cache");
        return Path.Combine(cache, "open-autoglm");
    }

    static string? NonEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();

    /// <summary>The endpoint and the cache; the token stays out of every text.</summary>
    public override string ToString() => $"{Endpoint} → {CacheFolder}{(Token is null ? "" : ", with a token")}";
}

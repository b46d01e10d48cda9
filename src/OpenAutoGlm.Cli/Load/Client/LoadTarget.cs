namespace OpenAutoGlm.Cli.Load.Client;

/// <summary>A server to be asked.</summary>
/// <param name="Url">Where its API begins, with /v1 and without a slash at the end.</param>
/// <param name="ApiKey">Sent as a bearer token; null for none.</param>
sealed record LoadTarget(Uri Url, string? ApiKey)
{
    public const string Default = "http://127.0.0.1:8000";

    /// <summary>How reports call it.</summary>
    public string Name { get; init; } = Url.IsDefaultPort ? Url.Host : $"{Url.Host}:{Url.Port}";

    /// <summary>http://host:8000, with or without /v1.</summary>
    /// <exception cref="CommandFailedException">It is no address.</exception>
    public static LoadTarget Of(string flag, string url, string? apiKey)
    {
        string text = url.TrimEnd('/');
        bool good = Uri.TryCreate(text, UriKind.Absolute, out Uri? address)
            && address.Scheme is "http" or "https" && address.Query.Length == 0 && address.Fragment.Length == 0 && address.UserInfo.Length == 0;
        return good
            ? new LoadTarget(address!.AbsolutePath == "/" ? new Uri($"{text}/v1") : address, apiKey)
            : throw CommandFailedException.Usage($"{flag} takes an address such as {Default}, and '{url}' is none.");
    }

    public Uri Path(string path) => new($"{Url}/{path}");
}

using System.CommandLine;
using OpenAutoGlm.Models.Hub;

namespace OpenAutoGlm.Cli;

/// <summary>The flags of every command that may fetch a model.</summary>
sealed class HubFlags
{
    readonly Option<string?> _endpoint = Flags.Text("--endpoint", "address", "The hub or a mirror of it. Default: $HF_ENDPOINT, else https://huggingface.co.");
    readonly Option<string?> _cache = Flags.Cache();
    readonly Option<bool> _offline = Flags.Switch("--offline", "Never use the network: take what is in the cache.");

    /// <summary>All of them, in the order of the help page.</summary>
    public Option[] All => [_endpoint, _cache, _offline];

    /// <summary>The environment's options with the flags' on top.</summary>
    public HubOptions Read(ParseResult arguments)
    {
        HubOptions options = HubOptions.FromEnvironment();
        string endpoint = arguments.GetValue(_endpoint) ?? options.Endpoint.ToString();
        return options with
        {
            Endpoint = Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https"
                ? address!
                : throw CommandFailedException.Usage($"--endpoint takes an address such as https://huggingface.co, and '{endpoint}' is none."),
            CacheFolder = arguments.GetValue(_cache) is { } folder ? Path.GetFullPath(folder) : options.CacheFolder,
            IsOffline = options.IsOffline || arguments.GetValue(_offline),
        };
    }
}

using System.Globalization;
using OpenAutoGlm.Cli.Load.Shape;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Engine.Scheduling;
using OpenAutoGlm.Engine.Simulation.Replay;

namespace OpenAutoGlm.Cli.Replay;

/// <summary>A policy as people type it: a name and what differs from the default, such as small:sequences=8,tokens=256,cache=off.</summary>
/// <param name="Name">What reports call it.</param>
/// <param name="Options">The engine's options.</param>
/// <param name="KvTokens">Token places of key and value memory.</param>
/// <param name="ContextLength">Longest sequence; null for what the memory holds.</param>
sealed record PolicyText(string Name, EngineOptions Options, long KvTokens, int? ContextLength)
{
    /// <summary>What --policy takes.</summary>
    public const string Form = "[name:]key=value,… with the keys sequences, tokens, block, kv, context, queue, cache (on or off), ttft and tpot (times), and window (a time)";

    const long DefaultKvTokens = 128 * 1024;

    /// <summary>What runs where nobody names a policy: the engine's own defaults.</summary>
    public static PolicyText Default { get; } = new("default", new EngineOptions(), DefaultKvTokens, null);

    /// <summary>Reads a policy; null where a key or a value is none.</summary>
    public static PolicyText? Parse(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string settings = text[(colon + 1)..];
        PolicyText policy = Default with { Name = colon > 0 ? text[..colon] : text };
        if (colon < 0 && !text.Contains('='))
        {
            return text.Length > 0 ? policy : null;
        }

        foreach (string setting in settings.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (setting.Split('=') is not [var key, var value] || Set(policy, key, value) is not { } changed)
            {
                return null;
            }

            policy = changed;
        }

        return policy;
    }

    /// <summary>The policy for a trace, whose longest request the context holds where the memory does.</summary>
    public ReplayPolicy For(Engine.Traces.Trace trace)
    {
        long longest = trace.Requests.Max(request => (long)request.PromptTokens + request.OutputTokens);
        return new ReplayPolicy(Name, Options, KvTokens, ContextLength ?? (int)Math.Min(Math.Min(longest, KvTokens), int.MaxValue));
    }

    static PolicyText? Set(PolicyText policy, string key, string value)
    {
        EngineOptions options = policy.Options;
        return key switch
        {
            "sequences" when Whole(value) is { } number => policy with { Options = options with { MaxSequences = (int)number } },
            "tokens" when Whole(value) is { } number => policy with { Options = options with { MaxTokensPerStep = (int)number } },
            "block" when Whole(value) is { } number => policy with { Options = options with { BlockTokens = (int)number } },
            "queue" when Whole(value) is { } number => policy with { Options = options with { QueueLimit = (int)number } },
            "kv" when Whole(value) is { } number => policy with { KvTokens = number },
            "context" when Whole(value) is { } number => policy with { ContextLength = (int)number },
            "cache" when value is "on" or "off" => policy with { Options = options with { PrefixCache = new PrefixCacheOptions { Enabled = value == "on" } } },
            "ttft" when Durations.TryParse(value, out TimeSpan time) => policy with { Options = options with { Latency = options.Latency with { TimeToFirstToken = time } } },
            "tpot" when Durations.TryParse(value, out TimeSpan time) => policy with { Options = options with { Latency = options.Latency with { TimePerToken = time } } },
            "window" when Durations.TryParse(value, out TimeSpan time) => policy with { Options = options with { BatchWindow = time } },
            _ => null,
        };
    }

    /// <summary>4096, 4k or 1m; k and m are 1024 and its square, as contexts are counted.</summary>
    static long? Whole(string text)
    {
        long unit = text.Length == 0 ? 1 : text[^1] switch { 'k' => 1024, 'm' => 1024 * 1024, _ => 1 };
        return long.TryParse(unit > 1 ? text[..^1] : text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value * unit is >= 0 and <= int.MaxValue and var whole ? whole : null;
    }
}

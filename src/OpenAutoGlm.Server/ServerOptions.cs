using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using OpenAutoGlm.Server.Access;

namespace OpenAutoGlm.Server;

/// <summary>Where an <see cref="AutoGlmServer"/> listens and how much it takes on. Every limit is checked when the server is made.</summary>
public sealed record ServerOptions
{
    /// <summary>An IP address to listen on, "localhost", or "*" for every address of the machine.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The port, 0 to 65,535; 0 takes a free one, which <see cref="AutoGlmServer.Urls"/> tells.</summary>
    public int Port { get; init; } = 8000;

    /// <summary>Largest request body in bytes; a larger one is refused with 413. 1 KiB to 1 GiB.</summary>
    public long MaxBodyBytes { get; init; } = 8 << 20;

    /// <summary>Connections at a time; further ones are closed at once. 1 to 1,000,000.</summary>
    public int MaxConnections { get; init; } = 4096;

    /// <summary>
    /// Requests for text at a time, from the first byte of the body to the last of the answer; the next is refused with
    /// 429. Bounds the memory for bodies, where the engine's queue limit bounds sequences. 1 to 1,000,000.
    /// </summary>
    public int MaxRequests { get; init; } = 512;

    /// <summary>How long the head of a request may take. 1 ms to 1 hour.</summary>
    public TimeSpan HeaderTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an idle connection is kept. 1 ms to 1 day.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(130);

    /// <summary>
    /// Bytes per second, after five seconds of patience, below which a body that is sent or an answer that is read
    /// counts as abandoned and the connection is closed; 0 for endless patience. 0 to 1,000,000,000.
    /// </summary>
    public double MinDataRate { get; init; } = 240;

    /// <summary>The patience of <see cref="MinDataRate"/>.</summary>
    internal TimeSpan DataRatePatience { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often a silent stream says that it is alive, by an SSE comment; null for never. 10 ms to 1 hour.</summary>
    public TimeSpan? KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long running requests may go on after <see cref="AutoGlmServer.StopAsync"/>; then they are cancelled. 0 to 1 day.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long those that were cancelled may take to say so before their connections are cut.</summary>
    internal TimeSpan Farewell { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>What a client that was refused for lack of room is told to wait. 1 second to 1 hour, in whole seconds.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest time that an answer may take, queue included; then it is cancelled and refused with 504. Null for no limit. 1 ms to 1 day.</summary>
    public TimeSpan? RequestTimeout { get; init; }

    /// <summary>The keys that open the server; null for a server that asks nobody for one.</summary>
    public KeyRing? Keys { get; init; }

    /// <summary>Paths that need no key although there are keys. Each is one path exactly. Default: those that tell probes whether the server lives, and nothing else.</summary>
    public ImmutableArray<string> OpenRoutes { get; init; } = ["/health", "/ready"];

    /// <summary>Origins whose pages may call the API from a browser, such as https://chat.example.org; "*" for all. Default: none.</summary>
    public ImmutableArray<string> CorsOrigins { get; init; } = [];

    /// <summary>The certificate to speak TLS with, private key included; null for plain HTTP. With TLS, HTTP/2 is spoken too. It stays the caller's.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>Whether the page at / is there. The routes under /admin, which it shows, are there without it too.</summary>
    public bool Dashboard { get; init; } = true;

    /// <summary>What the dashboard tells of the machine; null for what the runtime knows.</summary>
    public MachineFacts? Machine { get; init; }

    /// <summary>Measures the machine when an operator asks for it; null where that is not possible. It may keep all cores busy for some seconds.</summary>
    public Func<MachineLimits>? MeasureMachine { get; init; }

    /// <summary>Where the log goes; null for nowhere. No prompt and no answer is ever logged.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>The clock for timestamps and timings.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Checks every limit and tells the address; null for all addresses.</summary>
    /// <exception cref="ArgumentException">A value is out of its range; the message names both.</exception>
    internal IPAddress? Validate()
    {
        Check(nameof(Port), Port, 0, 65_535);
        Check(nameof(MaxBodyBytes), MaxBodyBytes, 1 << 10, 1 << 30);
        Check(nameof(MaxConnections), MaxConnections, 1, 1_000_000);
        Check(nameof(MaxRequests), MaxRequests, 1, 1_000_000);
        Check(nameof(MinDataRate), MinDataRate, 0, 1_000_000_000);
        Check(nameof(HeaderTimeout), HeaderTimeout, TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1));
        Check(nameof(IdleTimeout), IdleTimeout, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1));
        Check(nameof(KeepAliveInterval), KeepAliveInterval ?? TimeSpan.FromHours(1), TimeSpan.FromMilliseconds(10), TimeSpan.FromHours(1));
        Check(nameof(DrainTimeout), DrainTimeout, TimeSpan.Zero, TimeSpan.FromDays(1));
        Check(nameof(RetryAfter), RetryAfter, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
        Check(nameof(RequestTimeout), RequestTimeout ?? TimeSpan.FromDays(1), TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1));
        CheckNames();
        return Host switch
        {
            "*" => null,
            "localhost" => IPAddress.Loopback,
            _ => IPAddress.TryParse(Host, out IPAddress? address)
                ? address
                : throw new ArgumentException($"{nameof(Host)} is \"{Host}\"; it must be an IP address, \"localhost\", or \"*\" for all addresses.", nameof(Host)),
        };
    }

    void CheckNames()
    {
        if (OpenRoutes.FirstOrDefault(route => !route.StartsWith('/')) is { } route)
        {
            throw new ArgumentException($"{nameof(OpenRoutes)} has \"{route}\"; a path begins with a slash.", nameof(OpenRoutes));
        }

        if (CorsOrigins.FirstOrDefault(origin => origin != "*" && !IsOrigin(origin)) is { } wrong)
        {
            throw new ArgumentException($"{nameof(CorsOrigins)} has \"{wrong}\"; an origin is a scheme, a host and perhaps a port, such as https://chat.example.org, or * for all.", nameof(CorsOrigins));
        }

        if (Certificate is { HasPrivateKey: false })
        {
            throw new ArgumentException($"{nameof(Certificate)} has no private key.", nameof(Certificate));
        }
    }

    static bool IsOrigin(string text) => Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https" && uri.GetLeftPart(UriPartial.Authority) == text;

    static void Check<T>(string name, T value, T least, T most)
        where T : IComparable<T>
    {
        // Written so that NaN, which compares below everything, is caught too.
        if (!(value.CompareTo(least) >= 0 && value.CompareTo(most) <= 0))
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be {least} to {most}.");
        }
    }
}

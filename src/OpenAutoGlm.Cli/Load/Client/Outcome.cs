namespace OpenAutoGlm.Cli.Load.Client;

/// <summary>How a request ended. Each ends in exactly one of these.</summary>
enum Outcome
{
    /// <summary>The whole answer came.</summary>
    Finished,

    /// <summary>The server had no room: 429 or 503.</summary>
    Refused,

    /// <summary>Another status than 200, redirects included.</summary>
    HttpError,

    /// <summary>Nobody listens, no name, no TLS.</summary>
    Unreachable,

    /// <summary>The answer did not end in time.</summary>
    TimedOut,

    /// <summary>The connection ended before the answer did, or the stream told of an error.</summary>
    Broken,

    /// <summary>What came is no answer of this API.</summary>
    Malformed,

    /// <summary>Never sent: as many requests as the client takes were under way.</summary>
    Unsent,

    /// <summary>Ctrl-C came before the end.</summary>
    Interrupted,
}

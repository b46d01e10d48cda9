using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;

namespace OpenAutoGlm.Server.Metrics;

/// <summary>
/// Counts requests by route, method and status, and errors by code. Only what the server itself chose becomes a
/// label: patterns of routes, its own codes and model ids, and the methods that HTTP defines.
/// </summary>
sealed class RequestMetrics
{
    // They are read by way of their own ToArray: what sorts them otherwise asks for their count first and for the entries after, of which there may be more by then.
    readonly ConcurrentDictionary<(string Route, string Method, int Status), long> _requests = new();
    readonly ConcurrentDictionary<string, Duration> _durations = new();
    readonly ConcurrentDictionary<(string Model, string Code), long> _errors = new();

    public IEnumerable<KeyValuePair<(string Route, string Method, int Status), long>> Requests => _requests.ToArray().OrderBy(entry => entry.Key);

    public IEnumerable<KeyValuePair<string, Duration>> Durations => _durations.ToArray().OrderBy(entry => entry.Key, StringComparer.Ordinal);

    public IEnumerable<KeyValuePair<(string Model, string Code), long>> Errors => _errors.ToArray().OrderBy(entry => entry.Key);

    public long ErrorCount => _errors.Values.Sum();

    /// <param name="route">The route's pattern; "-" where there is none.</param>
    /// <param name="method">The method as it came.</param>
    /// <param name="status">The status that was sent.</param>
    /// <param name="outcome">"ok", or the code of the error, also where it came in a stream with status 200.</param>
    /// <param name="model">The model's id; "-" where there is none.</param>
    /// <param name="took">From the request's head to the answer's last byte.</param>
    public void Count(string route, string method, int status, string outcome, string model, TimeSpan took)
    {
        _requests.AddOrUpdate((route, Known(method), status), 1, (_, count) => count + 1);
        _durations.GetOrAdd(route, _ => new Duration()).Add(took);
        if (outcome != "ok")
        {
            _errors.AddOrUpdate((model, outcome), 1, (_, count) => count + 1);
        }
    }

    static string Known(string method) => HttpMethods.GetCanonicalizedValue(method) switch
    {
        "GET" or "HEAD" or "POST" or "PUT" or "DELETE" or "PATCH" or "OPTIONS" => HttpMethods.GetCanonicalizedValue(method),
        _ => "other",
    };

    /// <summary>How many, and how long all together.</summary>
    public sealed class Duration
    {
        long _ticks;
        long _count;

        public long Count => Volatile.Read(ref _count);

        public double Seconds => TimeSpan.FromTicks(Volatile.Read(ref _ticks)).TotalSeconds;

        public void Add(TimeSpan took)
        {
            Interlocked.Add(ref _ticks, took.Ticks);
            Interlocked.Increment(ref _count);
        }
    }
}

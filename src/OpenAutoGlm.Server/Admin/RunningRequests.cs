using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace OpenAutoGlm.Server.Admin;

/// <summary>
/// The requests that are being worked on, and the means to end one. It stands around every dialect: a request that is
/// cancelled looks to its route as if the client had gone, and the error that is written then says what happened.
/// </summary>
sealed class RunningRequests(TimeProvider time)
{
    readonly ConcurrentDictionary<long, RunningRequest> _running = new();
    long _lastId;

    /// <summary>Watches a request that may take long: whatever is posted to a route of the API.</summary>
    public async Task WatchAsync(HttpContext context, RequestDelegate next)
    {
        if (!HttpMethods.IsPost(context.Request.Method)
            || context.GetEndpoint() is not RouteEndpoint { RoutePattern.RawText: { } route }
            || route.StartsWith("/admin/", StringComparison.OrdinalIgnoreCase))
        {
            await next(context);
            return;
        }

        using RunningRequest request = new(Interlocked.Increment(ref _lastId), route, context, time);
        _running.TryAdd(request.Id, request);
        context.Features.Set(request);
        context.RequestAborted = request.Token;
        try
        {
            await next(context);
        }
        finally
        {
            _running.TryRemove(request.Id, out _);
            context.RequestAborted = request.ClientGone;
        }
    }

    /// <summary>All of them, the oldest first.</summary>
    public RunningRequestBody[] List() => [.. _running.Values.OrderBy(request => request.Id).Select(request => request.Describe())];

    /// <summary>Ends one; false where it has ended already or never was.</summary>
    public bool TryCancel(long id) => _running.TryGetValue(id, out RunningRequest? request) && request.Cancel();
}

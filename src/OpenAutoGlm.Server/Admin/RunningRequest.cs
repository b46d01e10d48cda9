using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Server.Operations;

namespace OpenAutoGlm.Server.Admin;

/// <summary>A request that is being worked on, as an operator may see it: numbers and names of ours, nothing of what was asked.</summary>
sealed class RunningRequest(long id, string route, HttpContext context, TimeProvider time) : IDisposable
{
    readonly CancellationTokenSource _cancellation = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
    readonly RequestRecord _record = RequestRecord.Of(context);
    readonly string _requestId = context.TraceIdentifier; // The context may be gone when somebody asks.
    readonly long _started = time.GetTimestamp();
    volatile bool _isCancelled;

    public long Id => id;

    /// <summary>The token for whatever works for the request: fires when the client goes or an operator cancels.</summary>
    public CancellationToken Token => _cancellation.Token;

    /// <summary>Fires when the client goes.</summary>
    public CancellationToken ClientGone { get; } = context.RequestAborted;

    /// <summary>Whether an operator ended it.</summary>
    public bool IsCancelled => _isCancelled;

    /// <summary>The request of a context; null where it is not one of those that are watched.</summary>
    public static RunningRequest? Of(HttpContext context) => context.Features.Get<RunningRequest>();

    /// <summary>Ends it; false where it has ended already.</summary>
    public bool Cancel()
    {
        try
        {
            _isCancelled = true;
            _cancellation.Cancel();
            return true;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    public RunningRequestBody Describe()
    {
        int written = Math.Max(_record.Written?.Invoke() ?? 0, _record.WrittenTokens);
        string state = _isCancelled ? "cancelling" : written > 0 ? "writing" : _record.Model == "-" ? "reading" : "waiting";
        return new RunningRequestBody(id, _requestId, _record.Model, route, _record.Caller?.Key.Name, time.GetElapsedTime(_started).TotalSeconds, _record.PromptTokens, written, state);
    }

    public void Dispose() => _cancellation.Dispose();
}

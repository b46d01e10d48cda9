using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Operations;

/// <summary>Who may come in: counts the requests for text, refuses those beyond the limit, and closes the door for good.</summary>
sealed class Admission(int limit) : IDisposable
{
    readonly CancellationTokenSource _cutOff = new();
    int _running;
    volatile bool _closed;

    /// <summary>Whether nobody may come in any more.</summary>
    public bool Closed => _closed;

    /// <summary>Fires when those inside must leave too.</summary>
    public CancellationToken CutOff => _cutOff.Token;

    /// <summary>How many requests may be inside.</summary>
    public int Limit => limit;

    /// <summary>Requests inside.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>Lets a request in until the result is disposed.</summary>
    /// <exception cref="ApiException">There is no room (429), or the door is closed (503).</exception>
    public IDisposable Enter()
    {
        if (_closed)
        {
            throw new ApiException(ApiError.ShuttingDown());
        }

        if (Interlocked.Increment(ref _running) > limit)
        {
            Interlocked.Decrement(ref _running);
            throw new ApiException(ApiError.TooManyRequests($"The server is working on {limit} requests, its limit."));
        }

        return new Stay(this);
    }

    /// <summary>Lets nobody in any more.</summary>
    public void Close() => _closed = true;

    /// <summary>Sends away those inside.</summary>
    public void SendAway() => _cutOff.Cancel();

    public void Dispose() => _cutOff.Dispose();

    sealed class Stay(Admission admission) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref admission._running);
    }
}

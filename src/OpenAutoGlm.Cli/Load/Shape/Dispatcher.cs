namespace OpenAutoGlm.Cli.Load.Shape;

/// <summary>Starts one arrival and ends when it has ended; never throws for what a server does.</summary>
/// <param name="index">Which, from 0.</param>
/// <param name="due">When it was due, in seconds since the beginning.</param>
/// <param name="stop">Fires when all is to end.</param>
delegate Task Start(int index, double due, CancellationToken stop);

/// <summary>How much is sent at most.</summary>
/// <param name="Count">Arrivals; null for as many as the time holds.</param>
/// <param name="Time">How long arrivals are started; null for until the count is reached.</param>
/// <param name="MaxInFlight">Arrivals under way at a time; further ones are not started but told of.</param>
sealed record LoadLimits(int? Count, TimeSpan? Time, int MaxInFlight);

/// <summary>Starts arrivals when they are due and waits for all of them.</summary>
sealed class Dispatcher(TimeProvider time, LoadLimits limits)
{
    readonly long _started = time.GetTimestamp();
    readonly bool _sleeps = time == TimeProvider.System; // with another clock nobody knows how to sleep by it

    /// <summary>Time stamp of the beginning.</summary>
    public long Started => _started;

    double Now => time.GetElapsedTime(_started).TotalSeconds;

    /// <summary>
    /// Starts each at its instant, whether or not the earlier ones have ended: a slow server sees the same load as a fast
    /// one, and what queues up counts as its latency.
    /// </summary>
    /// <param name="instants">In seconds since the beginning, in order.</param>
    /// <param name="start">Starts one.</param>
    /// <param name="unsent">Is told of one that is not started, since too many are under way.</param>
    /// <param name="stop">Ends it early.</param>
    public async Task OpenAsync(IEnumerable<double> instants, Start start, Action<int, double> unsent, CancellationToken stop)
    {
        // One for the loop itself, so that the count cannot reach zero before the last start.
        int underWay = 1;
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            // A thread of its own sleeps until the instant: timers fire by a clock that goes in steps of up to four
            // milliseconds, and the pool's threads are busy with answers. Both would be measured as the server's.
            await (_sleeps ? Task.Factory.StartNew(() => SendAsync().GetAwaiter().GetResult(), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default) : SendAsync());
        }
        finally
        {
            Leave();
        }

        await ended.Task;

        async Task SendAsync()
        {
            int index = 0;
            foreach (double due in instants)
            {
                if (index >= limits.Count || due > limits.Time?.TotalSeconds || !await WaitAsync(due, stop))
                {
                    break;
                }

                if (Volatile.Read(ref underWay) > limits.MaxInFlight)
                {
                    unsent(index, due);
                }
                else
                {
                    Interlocked.Increment(ref underWay);
                    _ = RunAsync(index, due);
                }

                index++;
            }
        }

        async Task RunAsync(int index, double due)
        {
            try
            {
                await Task.Run(() => start(index, due, stop), CancellationToken.None);
            }
            catch (Exception error)
            {
                ended.TrySetException(error);
            }
            finally
            {
                Leave();
            }
        }

        void Leave()
        {
            if (Interlocked.Decrement(ref underWay) == 0)
            {
                ended.TrySetResult();
            }
        }
    }

    /// <summary>Keeps so many under way: each is due when the one before it ended.</summary>
    public async Task ClosedAsync(int concurrency, Start start, CancellationToken stop)
    {
        int next = -1;
        int lanes = Math.Min(concurrency, limits.Count ?? concurrency);
        await Task.WhenAll(Enumerable.Range(0, lanes).Select(_ => Task.Run(LaneAsync, CancellationToken.None)));

        async Task LaneAsync()
        {
            while (!stop.IsCancellationRequested && !(Now >= limits.Time?.TotalSeconds) && Interlocked.Increment(ref next) is int index && !(index >= limits.Count))
            {
                await start(index, Now, stop);
            }
        }
    }

    /// <returns>Whether the instant came before the end.</returns>
    async Task<bool> WaitAsync(double due, CancellationToken stop)
    {
        try
        {
            while (due - Now is > 0 and var left)
            {
                double leftMs = Math.Min(Math.Ceiling(left * 1000), int.MaxValue - 1);
                if (_sleeps)
                {
                    stop.WaitHandle.WaitOne((int)leftMs);
                    stop.ThrowIfCancellationRequested();
                }
                else
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(leftMs), time, stop);
                }
            }

            return !stop.IsCancellationRequested;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}

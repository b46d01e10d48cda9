using OpenAutoGlm.Cli.Load.Shape;

namespace OpenAutoGlm.Cli.Load;

/// <summary>Schedules in virtual time: a clock that jumps to whatever is waited for.</summary>
public class DispatcherTests
{
    static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Requests_are_sent_at_their_instants_though_no_answer_ever_comes()
    {
        JumpingClock clock = new();
        double[] instants = [0, 1.5, 1.5, 60, 3600];
        List<double> sent = [];
        TaskCompletionSource never = new();
        Dispatcher dispatcher = new(clock, new LoadLimits(null, null, 100));
        Task run = dispatcher.OpenAsync(instants, async (index, due, stop) =>
        {
            lock (sent)
            {
                sent.Add(due);
            }

            await never.Task;
        }, (_, _) => Assert.Fail("nothing is unsent"), Test);

        await Server.TestServer.UntilAsync(() => Count() == 5);
        Assert.Equal(instants, sent.Order());
        Assert.Equal(3600, clock.Seconds);
        Assert.False(run.IsCompleted);
        never.SetResult();
        await run;

        int Count()
        {
            lock (sent)
            {
                return sent.Count;
            }
        }
    }

    [Fact]
    public async Task More_than_the_client_takes_is_told_of_and_not_sent()
    {
        TaskCompletionSource free = new();
        List<int> unsent = [];
        int started = 0;
        Dispatcher dispatcher = new(new JumpingClock(), new LoadLimits(null, null, 2));
        Task run = dispatcher.OpenAsync([1, 2, 3, 4], async (_, _, _) =>
        {
            Interlocked.Increment(ref started);
            await free.Task;
        }, (index, due) => unsent.Add(index), Test);
        await Server.TestServer.UntilAsync(() => unsent.Count == 2);
        Assert.Equal([2, 3], unsent);
        free.SetResult();
        await run;
        Assert.Equal(2, started);
    }

    [Fact]
    public async Task Count_and_time_end_the_sending()
    {
        Assert.Equal(3, await SentAsync(new LoadLimits(3, null, 10)));
        Assert.Equal(5, await SentAsync(new LoadLimits(null, TimeSpan.FromSeconds(5), 10)));
        Assert.Equal(2, await SentAsync(new LoadLimits(2, TimeSpan.FromSeconds(5), 10)));

        static async Task<int> SentAsync(LoadLimits limits)
        {
            int sent = 0;
            await new Dispatcher(new JumpingClock(), limits).OpenAsync(Enumerable.Range(1, 100).Select(second => (double)second), (_, _, _) =>
            {
                Interlocked.Increment(ref sent);
                return Task.CompletedTask;
            }, (_, _) => Assert.Fail("nothing is unsent"), Test);
            return sent;
        }
    }

    [Fact]
    public async Task So_many_at_a_time_are_never_more()
    {
        int running = 0;
        int most = 0;
        int done = 0;
        await new Dispatcher(TimeProvider.System, new LoadLimits(50, null, 1)).ClosedAsync(4, async (_, _, _) =>
        {
            int now = Interlocked.Increment(ref running);
            InterlockedMax(ref most, now);
            await Task.Delay(1, Test);
            Interlocked.Decrement(ref running);
            Interlocked.Increment(ref done);
        }, Test);
        Assert.Equal(50, done);
        Assert.Equal(4, most);

        static void InterlockedMax(ref int most, int value)
        {
            int seen;
            while ((seen = most) < value && Interlocked.CompareExchange(ref most, value, seen) != seen)
            {
                // Somebody else was quicker.
            }
        }
    }

    [Fact]
    public async Task A_stop_ends_the_wait_for_the_next_instant()
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(Test);
        int sent = 0;
        Task run = new Dispatcher(TimeProvider.System, new LoadLimits(null, null, 10)).OpenAsync([0, 3600], (_, _, _) =>
        {
            Interlocked.Increment(ref sent);
            return Task.CompletedTask;
        }, (_, _) => { }, stop.Token);
        await Server.TestServer.UntilAsync(() => sent == 1);
        await stop.CancelAsync();
        await run;
        Assert.Equal(1, sent);
    }

    [Fact]
    public async Task Real_instants_are_met_and_never_too_early()
    {
        TimeProvider time = TimeProvider.System;
        List<double> late = [];
        Dispatcher dispatcher = new(time, new LoadLimits(null, null, 100));
        await dispatcher.OpenAsync(Enumerable.Range(1, 20).Select(i => i * 0.02), (_, due, _) =>
        {
            lock (late)
            {
                late.Add(time.GetElapsedTime(dispatcher.Started).TotalSeconds - due);
            }

            return Task.CompletedTask;
        }, (_, _) => { }, Test);

        // Never early; how late depends on who else uses the machine, so only the best half counts.
        Assert.All(late, seconds => Assert.True(seconds >= 0));
        Assert.InRange(late.Order().ElementAt(late.Count / 2), 0, 0.05);
    }

    /// <summary>A clock that stands still but for waits, which it ends at once by being there.</summary>
    sealed class JumpingClock : TimeProvider
    {
        readonly Lock _lock = new();
        long _ticks;

        public double Seconds => TimeSpan.FromTicks(GetTimestamp()).TotalSeconds;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp()
        {
            lock (_lock)
            {
                return _ticks;
            }
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            lock (_lock)
            {
                _ticks += dueTime.Ticks;
            }

            ThreadPool.QueueUserWorkItem(_ => callback(state));
            return new Timer();
        }

        sealed class Timer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}

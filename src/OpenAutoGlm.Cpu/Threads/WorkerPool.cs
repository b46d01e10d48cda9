using System.Diagnostics;
using System.Runtime.ExceptionServices;
using OpenAutoGlm.Cpu.Tuning;

namespace OpenAutoGlm.Cpu.Threads;

/// <summary>
/// Fork and join for work of microseconds. The threads of the pool and the caller take chunks of a job from one
/// counter, so that a slow core does less instead of holding up the rest. Between jobs a worker spins for some tens of
/// microseconds, then parks; an idle pool costs nothing. Running a job allocates nothing. One job runs at a time: a
/// second one, from another thread or from inside a job, is refused.
/// </summary>
sealed class WorkerPool : IDisposable, ITunable
{
    const int SpinMicroseconds = 50;
    static readonly long PatienceTicks = Stopwatch.Frequency / 100_000; // 10 µs

    readonly Worker[] _workers;
    long _spinTicks = Stopwatch.Frequency * SpinMicroseconds / 1_000_000;
    IParallelJob? _job;
    int _chunks;
    int _next;

    // A worker announces itself in _inside and only then looks at _open; the caller closes _open and only then looks at
    // _inside. So either the worker sees that it comes too late or the caller waits for it, and nobody waits for a
    // worker that has not woken up yet.
    int _inside;
    int _open;
    int _epoch;
    int _busy;
    bool _stop;
    Exception? _failure;

    /// <summary>Starts <paramref name="threads"/> − 1 threads; the caller of <see cref="Run"/> is the last one.</summary>
    internal WorkerPool(int threads, bool pin = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        int[] cores = pin ? Affinity.Cores() : [];
        _workers = new Worker[threads - 1];
        for (int i = 0; i < _workers.Length; i++)
        {
            // With more threads than cores, binding would only keep the system from spreading them.
            int core = cores.Length >= threads ? cores[i + 1] : -1;
            _workers[i] = new Worker(this, i + 1, core);
        }
    }

    /// <summary>Threads that compute, the caller included.</summary>
    internal int Threads { get; }

    public string TuningKey => "microseconds before a worker parks";

    public ReadOnlySpan<int> Choices => [20, 50, 150, 500];

    /// <summary>Microseconds that a worker spins before it parks.</summary>
    public int Choice
    {
        get => (int)(Volatile.Read(ref _spinTicks) * 1_000_000 / Stopwatch.Frequency);
        set => Volatile.Write(ref _spinTicks, Stopwatch.Frequency * value / 1_000_000);
    }

    /// <summary>Does every chunk of the job and returns when all are done.</summary>
    /// <exception cref="InvalidOperationException">The pool is running a job already.</exception>
    /// <remarks>The first exception of a chunk is thrown on; chunks that nobody has begun by then are left out.</remarks>
    internal void Run(IParallelJob job, int chunks)
    {
        ObjectDisposedException.ThrowIf(_stop, this);
        if (Interlocked.Exchange(ref _busy, 1) != 0)
        {
            throw new InvalidOperationException("The worker pool runs one job at a time: it cannot be used from inside a job or by two threads at once.");
        }

        try
        {
            if (chunks <= 1 || _workers.Length == 0)
            {
                for (int chunk = 0; chunk < chunks; chunk++)
                {
                    job.Execute(chunk, 0);
                }

                return;
            }

            Fork(job, chunks);
            Work(0);
            Join();
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    void Fork(IParallelJob job, int chunks)
    {
        _job = job;
        _chunks = chunks;
        Volatile.Write(ref _next, 0);
        Volatile.Write(ref _open, 1);
        Interlocked.Increment(ref _epoch);
        foreach (Worker worker in _workers)
        {
            worker.Wake();
        }
    }

    void Work(int worker)
    {
        IParallelJob job = _job!;
        int chunks = _chunks;
        try
        {
            int chunk;
            while ((chunk = Interlocked.Increment(ref _next) - 1) < chunks)
            {
                job.Execute(chunk, worker);
            }
        }
        catch (Exception error)
        {
            Interlocked.CompareExchange(ref _failure, error, null);
            Volatile.Write(ref _next, chunks);
        }
    }

    void Join()
    {
        Interlocked.Exchange(ref _open, 0);
        long patience = Stopwatch.GetTimestamp() + PatienceTicks;
        while (Volatile.Read(ref _inside) != 0)
        {
            Thread.SpinWait(1);
            if (Stopwatch.GetTimestamp() > patience)
            {
                // The worker may have lost its core to us or to somebody else.
                Thread.Yield();
            }
        }

        _job = null;
        if (_failure is { } failure)
        {
            _failure = null;
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    void Help(int worker)
    {
        Interlocked.Increment(ref _inside);
        if (Volatile.Read(ref _open) != 0)
        {
            Work(worker);
        }

        Interlocked.Decrement(ref _inside);
    }

    /// <summary>Ends the threads. Not while a job runs.</summary>
    public void Dispose()
    {
        if (_stop)
        {
            return;
        }

        Volatile.Write(ref _stop, true);
        Interlocked.Increment(ref _epoch);
        foreach (Worker worker in _workers)
        {
            worker.Wake();
            worker.Join();
        }
    }

    sealed class Worker
    {
        readonly WorkerPool _pool;
        readonly int _index;
        readonly int _core;
        readonly SemaphoreSlim _wake = new(0);
        readonly Thread _thread;
        int _parked;

        internal Worker(WorkerPool pool, int index, int core)
        {
            (_pool, _index, _core) = (pool, index, core);
            _thread = new Thread(Loop) { IsBackground = true, Name = $"cpu worker {index}" };
            _thread.Start();
        }

        internal void Wake()
        {
            if (Volatile.Read(ref _parked) != 0 && Interlocked.Exchange(ref _parked, 0) != 0)
            {
                _wake.Release();
            }
        }

        internal void Join()
        {
            _thread.Join();
            _wake.Dispose();
        }

        void Loop()
        {
            if (_core >= 0)
            {
                _ = Affinity.Pin(_core);
            }

            int seen = 0;
            while (true)
            {
                seen = Await(seen);
                if (Volatile.Read(ref _pool._stop))
                {
                    return;
                }

                _pool.Help(_index);
            }
        }

        int Await(int seen)
        {
            long until = Stopwatch.GetTimestamp() + Volatile.Read(ref _pool._spinTicks);
            int epoch;
            while ((epoch = Volatile.Read(ref _pool._epoch)) == seen)
            {
                Thread.SpinWait(1);
                if (Stopwatch.GetTimestamp() > until)
                {
                    Park(seen);
                    until = Stopwatch.GetTimestamp() + Volatile.Read(ref _pool._spinTicks);
                }
            }

            return epoch;
        }

        void Park(int seen)
        {
            Interlocked.Exchange(ref _parked, 1);
            bool changed = Volatile.Read(ref _pool._epoch) != seen;
            if (changed && Interlocked.Exchange(ref _parked, 0) != 0)
            {
                return;
            }

            // Not changed, or changed and the caller has taken the flag already: a release is under way.
            _wake.Wait();
        }
    }
}

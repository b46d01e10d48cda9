using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu;

public class WorkerPoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(7)]
    public void Every_chunk_is_done_once(int threads)
    {
        using WorkerPool pool = new(threads);
        CountingJob job = new(100);
        for (int round = 1; round <= 300; round++)
        {
            int chunks = round % 101;
            Array.Clear(job.Done);
            pool.Run(job, chunks);
            Assert.All(job.Done.Take(chunks), done => Assert.Equal(1, done));
            Assert.All(job.Done.Skip(chunks), done => Assert.Equal(0, done));
            Assert.InRange(job.MostWorker, 0, threads - 1);
        }
    }

    [Fact]
    public void Workers_that_sleep_are_woken()
    {
        using WorkerPool pool = new(2);
        MeetingJob job = new();
        for (int round = 0; round < 5; round++)
        {
            // Longer than a worker spins; then a job that two threads must be in at once.
            using ManualResetEventSlim never = new();
            never.Wait(5, TestContext.Current.CancellationToken);
            job.Reset();
            pool.Run(job, 2);
        }

        Assert.True(job.Met);
    }

    [Fact]
    public void An_exception_reaches_the_caller_and_the_pool_lives_on()
    {
        using WorkerPool pool = new(3);
        for (int round = 0; round < 50; round++)
        {
            InvalidDataException error = Assert.Throws<InvalidDataException>(() => pool.Run(new FailingJob(round % 20), 20));
            Assert.Equal($"chunk {round % 20}", error.Message);
            CountingJob job = new(20);
            pool.Run(job, 20);
            Assert.All(job.Done, done => Assert.Equal(1, done));
        }
    }

    [Fact]
    public void A_job_inside_a_job_is_refused()
    {
        using WorkerPool pool = new(2);
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => pool.Run(new NestingJob(pool), 4));
        Assert.Contains("one job at a time", error.Message, StringComparison.Ordinal);
        using WorkerPool single = new(1);
        Assert.Throws<InvalidOperationException>(() => single.Run(new NestingJob(single), 1));
    }

    [Fact]
    public void Pools_come_and_go()
    {
        for (int round = 0; round < 60; round++)
        {
            WorkerPool pool = new(1 + (round % 4));
            CountingJob job = new(8);
            pool.Run(job, round % 9);
            pool.Dispose();
            pool.Dispose();
            Assert.Throws<ObjectDisposedException>(() => pool.Run(job, 1));
        }
    }

    [Fact]
    public void Running_a_job_allocates_nothing()
    {
        using WorkerPool pool = new(2);
        CountingJob job = new(16);
        pool.Run(job, 16);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < 200; round++)
        {
            pool.Run(job, 16);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    sealed class CountingJob(int chunks) : IParallelJob
    {
        int _mostWorker;

        public int[] Done { get; } = new int[chunks];

        public int MostWorker => _mostWorker;

        public void Execute(int chunk, int worker)
        {
            Interlocked.Increment(ref Done[chunk]);
            if (worker > _mostWorker)
            {
                _mostWorker = worker;
            }
        }
    }

    sealed class MeetingJob : IParallelJob
    {
        CountdownEvent _there = new(2);

        public bool Met { get; private set; } = true;

        public void Reset() => _there = new CountdownEvent(2);

        public void Execute(int chunk, int worker)
        {
            _there.Signal();
            Met &= _there.Wait(TimeSpan.FromSeconds(30));
        }
    }

    sealed class FailingJob(int failing) : IParallelJob
    {
        public void Execute(int chunk, int worker)
        {
            if (chunk == failing)
            {
                throw new InvalidDataException($"chunk {chunk}");
            }
        }
    }

    sealed class NestingJob(WorkerPool pool) : IParallelJob
    {
        public void Execute(int chunk, int worker) => pool.Run(this, 1);
    }
}

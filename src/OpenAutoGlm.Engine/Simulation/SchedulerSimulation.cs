namespace OpenAutoGlm.Engine.Simulation;

/// <summary>
/// Plays random histories of the real scheduler, memory and caches against a simulated model in virtual time, one seed
/// after another, and stops at the first that breaks an invariant: that seed alone replays it.
/// </summary>
public static class SchedulerSimulation
{
    const int TurnsOfHistory = 200;

    /// <summary>Plays histories from a seed on until so many steps have been taken.</summary>
    /// <param name="seed">The first seed; every history takes the next.</param>
    /// <param name="steps">Steps of all histories together.</param>
    /// <param name="threads">How many histories are played at the same time; what each comes to does not depend on it.</param>
    /// <param name="progress">Hears how many steps have been taken, now and then, on any thread.</param>
    /// <param name="cancellation">Breaks off.</param>
    /// <returns>What the histories came to.</returns>
    /// <exception cref="SimulationException">An invariant was broken; the message names the seed.</exception>
    /// <exception cref="OperationCanceledException">It was broken off.</exception>
    public static SimulationTally Run(int seed, long steps, int threads = 1, Action<long>? progress = null, CancellationToken cancellation = default)
    {
        SimulationTally total = new();
        Lock gate = new();
        int next = seed - 1;
        long taken = 0;
        SimulationException? found = null;
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(_ => new Thread(Work) { IsBackground = true, Name = "autoglm simulation" })];
        foreach (Thread worker in workers)
        {
            worker.Start();
        }

        foreach (Thread worker in workers)
        {
            worker.Join();
        }

        cancellation.ThrowIfCancellationRequested();
        return found is null ? total : throw new SimulationException(found.Message, found);

        void Work()
        {
            SimulationTally tally = new();
            try
            {
                while (Volatile.Read(ref taken) < steps && Volatile.Read(ref found) is null && !cancellation.IsCancellationRequested)
                {
                    long before = tally.Steps;
                    RandomHistory.Play(Interlocked.Increment(ref next), TurnsOfHistory, tally);
                    long now = Interlocked.Add(ref taken, tally.Steps - before);
                    if (tally.Histories % 64 == 0)
                    {
                        progress?.Invoke(now);
                    }
                }
            }
            catch (SimulationException error)
            {
                Volatile.Write(ref found, error);
            }

            lock (gate)
            {
                total.Add(tally);
            }
        }
    }
}

using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu.Machine;

/// <summary>
/// Reads memory now and then during other measurements: on a shared machine the bandwidth moves with the neighbours, and
/// a speed can only be compared with what there was at its time. Not while somebody else computes.
/// </summary>
public sealed class BandwidthProbe : IDisposable
{
    readonly WorkerPool _pool;
    readonly SpeedTest _test;

    /// <summary>Threads that read, and memory for them to read: much more than any cache holds.</summary>
    /// <param name="threads">Threads; null for one on every usable core.</param>
    /// <param name="bytes">Bytes of memory.</param>
    public BandwidthProbe(int? threads = null, long bytes = 384L << 20)
    {
        _pool = new WorkerPool(threads ?? Environment.ProcessorCount);
        _test = new SpeedTest(bytes);
    }

    /// <summary>Reads all of it once; bytes per second.</summary>
    public double Read() => _test.ReadOnce(_pool);

    /// <inheritdoc/>
    public void Dispose()
    {
        _pool.Dispose();
        _test.Dispose();
    }
}

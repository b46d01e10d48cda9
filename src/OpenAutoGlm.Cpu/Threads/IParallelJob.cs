namespace OpenAutoGlm.Cpu.Threads;

/// <summary>Work in numbered chunks that any thread may do, in any order, each once.</summary>
interface IParallelJob
{
    /// <summary>Does one chunk.</summary>
    /// <param name="chunk">0 … chunks − 1.</param>
    /// <param name="worker">Which thread does it, 0 … threads − 1, 0 being the caller: the index of its scratch memory.</param>
    void Execute(int chunk, int worker);
}

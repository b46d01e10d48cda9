using OpenAutoGlm.Cpu.Kernels.MatMul;

namespace OpenAutoGlm.Cpu.Kernels.Fused;

/// <summary>How many panels a thread takes at a time where it goes from one weight to another in between.</summary>
static class SharedChunks
{
    /// <summary>
    /// As for a product alone; but a thread that shares with nobody takes long chunks, because each change from one
    /// weight to another breaks the stream of memory that the processor reads ahead.
    /// </summary>
    internal static int Size(int panels, int threads) => threads == 1 ? Math.Max(8, panels / 8) : MatMulKernel.ChunkSize(panels, threads);
}

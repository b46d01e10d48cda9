using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// How activations meet the rows of a weight format: first all activations are made ready, then any thread multiplies
/// any panel of 16 weight rows with any list of them. y = x · wᵀ; the result for a row of x depends on nothing else.
/// </summary>
abstract unsafe class PanelProduct
{
    /// <summary>Weight rows in a panel: one for each lane.</summary>
    internal const int PanelRows = 16;

    /// <summary>What plans print: format and way of multiplying.</summary>
    internal abstract string Name { get; }

    /// <summary>Bytes that <see cref="Load"/> needs for so many rows.</summary>
    internal abstract long SharedBytes(int rows);

    /// <summary>Bytes that each thread needs.</summary>
    internal abstract long WorkerBytes { get; }

    /// <summary>Makes rows of activations ready: [rows, k] float32.</summary>
    internal abstract void Load(float* x, int rows, byte* shared, WorkerPool pool);

    /// <summary>Multiplies one panel with the rows of a list, at most <see cref="MostRows"/>; y: [.., weights.Count].</summary>
    internal abstract void Multiply(WeightRows weights, int panel, RowList rows, float* y, byte* shared, byte* scratch);

    /// <summary>The longest list for <see cref="Multiply"/>.</summary>
    internal const int MostRows = 256;
}

using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// How activations meet the rows of a weight format. Weights are packed once into panels of sixteen rows; activations
/// are made ready row by row; then any thread multiplies any panels with any list of rows. y = x · wᵀ; the result for
/// a row of x depends on nothing else.
/// </summary>
/// <param name="k">Elements of a row.</param>
/// <param name="layout">How weights are packed; null where panels are the rows as they lie.</param>
abstract unsafe class PanelProduct(int k, PanelLayout? layout)
{
    /// <summary>Weight rows in a panel: one for each lane.</summary>
    internal const int PanelRows = 16;

    /// <summary>The longest list for <see cref="Multiply"/>.</summary>
    internal const int MostRows = 512;

    /// <summary>What plans print: format and way of multiplying.</summary>
    internal abstract string Name { get; }

    /// <summary>How rows of activations are made ready.</summary>
    internal abstract Activations Activations { get; }

    /// <summary>Bytes that each thread needs.</summary>
    internal abstract long WorkerBytes { get; }

    /// <summary>Elements of a row.</summary>
    internal int K => k;

    /// <summary>How weights are packed; null where panels are the rows as they lie.</summary>
    internal PanelLayout? Layout => layout;

    /// <summary>Bytes of a panel.</summary>
    internal virtual long PanelBytes => layout!.PanelBytes(k);

    /// <summary>A matrix of so many rows that is packed for this product.</summary>
    internal PackedWeights Packed(nint data, int rows)
    {
        int strip = layout?.StripElements(k) ?? k;
        return new PackedWeights(data, rows, PanelBytes, strip, strip == k ? PanelBytes : layout!.PanelBytes(strip));
    }

    /// <summary>
    /// Multiplies some panels with the rows of a list, at most <see cref="MostRows"/>. y is where the first panel's first
    /// result of row 0 goes; row i of the list goes to y + rows.YOf(i) · yStride, in floats. Nothing is written for rows
    /// that the weight does not have.
    /// </summary>
    internal abstract void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* scratch);
}

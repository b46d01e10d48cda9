namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// How activations meet the rows of a weight format. Weights are packed once into panels of sixteen rows; activations
/// are made ready row by row; then any thread multiplies any panels with any list of rows. y = x · wᵀ; the result for
/// a row of x depends on nothing else.
/// </summary>
abstract unsafe class PanelProduct
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

    /// <summary>Bytes of a packed panel.</summary>
    internal abstract long PanelBytes { get; }

    /// <summary>What names the layout of packed panels: equal names, equal bytes. Null where panels are the rows as they lie.</summary>
    internal abstract string? Packing { get; }

    /// <summary>Packs up to sixteen rows into a panel; the lanes of rows that are not there become zeros.</summary>
    internal abstract void Pack(byte* rows, long rowBytes, int count, byte* panel);

    /// <summary>
    /// Multiplies some panels with the rows of a list, at most <see cref="MostRows"/>. y is where the first panel's first
    /// result of row 0 goes; row i of the list goes to y + rows.YOf(i) · yStride, in floats. Nothing is written for rows
    /// that the weight does not have.
    /// </summary>
    internal abstract void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* scratch);
}

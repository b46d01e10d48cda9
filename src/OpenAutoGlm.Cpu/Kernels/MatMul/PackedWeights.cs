namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>A weight matrix in panels of sixteen rows.</summary>
/// <param name="Data">The first panel.</param>
/// <param name="PanelBytes">Bytes from a panel to the next.</param>
/// <param name="Count">Rows of the matrix, one for every output.</param>
unsafe readonly record struct PackedWeights(nint Data, long PanelBytes, int Count)
{
    internal int Panels => (Count + PanelProduct.PanelRows - 1) / PanelProduct.PanelRows;

    internal byte* Panel(int panel) => (byte*)Data + (panel * PanelBytes);

    /// <summary>Rows of a panel: sixteen, or fewer in the last.</summary>
    internal int RowsOf(int panel) => Math.Min(PanelProduct.PanelRows, Count - (panel * PanelProduct.PanelRows));
}

/// <summary>Which rows of the activations are multiplied, and where their results go.</summary>
/// <param name="X">Indices among the activations that were loaded.</param>
/// <param name="Y">Indices of rows of y.</param>
/// <param name="Count">How many.</param>
unsafe readonly record struct RowList(nint X, nint Y, int Count)
{
    internal int XOf(int i) => ((int*)X)[i];

    internal int YOf(int i) => ((int*)Y)[i];

    internal RowList Slice(int start, int count) => new(X + (start * sizeof(int)), Y + (start * sizeof(int)), count);
}

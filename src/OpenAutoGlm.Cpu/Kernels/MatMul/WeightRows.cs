namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>A weight matrix where it lies: n rows, one for every output.</summary>
unsafe readonly record struct WeightRows(nint Data, long RowBytes, int Count)
{
    /// <summary>A row; past the last one the last, so that a panel is always full and nothing is read behind the matrix.</summary>
    internal byte* this[int row] => (byte*)Data + (Math.Min(row, Count - 1) * RowBytes);
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

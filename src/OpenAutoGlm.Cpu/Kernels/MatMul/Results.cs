namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>Where the results of the rows of a list go: to the rows of y that the list names, or one after the other.</summary>
unsafe readonly record struct Results(RowList Rows, nint First, long Stride, bool InOrder)
{
    /// <summary>Where those of the i-th row of the list begin.</summary>
    internal float* this[int i] => (float*)First + ((InOrder ? i : Rows.YOf(i)) * Stride);
}

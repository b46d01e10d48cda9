using System.Diagnostics;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// A weight matrix in panels of sixteen rows. Eight panels make a group, in which they take turns: a strip of some elements of each, then the next strip of each, and so on. So
/// whoever multiplies strip by strip, and keeps what meets a strip in the first cache, reads one stream from beginning to end. Where a strip is a whole row, panels follow one another.
/// </summary>
/// <param name="Data">The first byte.</param>
/// <param name="Count">Rows of the matrix, one for every output.</param>
/// <param name="PanelBytes">Bytes of a panel.</param>
/// <param name="StripElements">Elements of a strip; the last one may have fewer.</param>
/// <param name="StripBytes">Bytes of a whole strip of a panel.</param>
unsafe readonly record struct PackedWeights(nint Data, int Count, long PanelBytes, int StripElements, long StripBytes)
{
    /// <summary>Panels of a group, but for the last.</summary>
    internal const int GroupPanels = 8;

    internal int Panels => (Count + PanelProduct.PanelRows - 1) / PanelProduct.PanelRows;

    /// <summary>The panel, where a strip is a whole row.</summary>
    internal byte* Panel(int panel)
    {
        Debug.Assert(StripBytes == PanelBytes);
        return (byte*)Data + (panel * PanelBytes);
    }

    /// <summary>Where a panel's elements lie from one on, which begins a block of the format, up to the end of its strip.</summary>
    internal byte* At(int panel, int element)
    {
        int first = panel / GroupPanels * GroupPanels;
        long before = element / StripElements * StripBytes;
        long strip = Math.Min(StripBytes, PanelBytes - before);
        return (byte*)Data + (first * PanelBytes) + (before * Math.Min(GroupPanels, Panels - first)) + ((panel - first) * strip) + (element % StripElements * StripBytes / StripElements);
    }

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

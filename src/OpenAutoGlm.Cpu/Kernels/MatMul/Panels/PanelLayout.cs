using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Panels;

/// <summary>How sixteen rows of a weight lie side by side in memory. Nothing is lost: a row can be read back bit for bit.</summary>
abstract unsafe class PanelLayout
{
    /// <summary>Names the order of the bytes: equal names, equal bytes.</summary>
    internal abstract string Name { get; }

    /// <summary>Bytes of a panel of rows of k elements.</summary>
    internal abstract long PanelBytes(int k);

    /// <summary>Packs up to sixteen rows; the lanes of rows that are not there become zeros.</summary>
    internal abstract void Pack(byte* rows, long rowBytes, int count, int k, byte* panel);

    /// <summary>One row of a panel as float32: the bits that dequantising the row gives.</summary>
    /// <typeparam name="T">The lanes to work with.</typeparam>
    internal abstract void ReadRow<T>(byte* panel, int row, Span<float> values)
        where T : struct, ILanes<T>;
}

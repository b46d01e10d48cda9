using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Panels;

/// <summary>How sixteen rows of a weight lie side by side in memory. Nothing is lost: a row can be read back bit for bit.</summary>
abstract unsafe class PanelLayout
{
    /// <summary>Names the order of the bytes: equal names, equal bytes.</summary>
    internal abstract string Name { get; }

    /// <summary>Bytes of a panel of rows of k elements.</summary>
    internal abstract long PanelBytes(int k);

    /// <summary>Elements of a row of k after which the next panel comes, see <see cref="PackedWeights"/>.</summary>
    internal virtual int StripElements(int k) => k;

    /// <summary>Packs up to sixteen rows of k elements into a panel; the lanes of rows that are not there become zeros.</summary>
    internal abstract void Pack(byte* rows, long rowBytes, int count, int k, in PackedWeights to, int panel);

    /// <summary>One row as float32: the bits that dequantising the row gives.</summary>
    /// <typeparam name="T">The lanes to work with.</typeparam>
    internal abstract void ReadRow<T>(in PackedWeights weights, int row, Span<float> values)
        where T : struct, ILanes<T>;
}

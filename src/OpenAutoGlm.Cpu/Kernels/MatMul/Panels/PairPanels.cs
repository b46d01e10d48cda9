namespace OpenAutoGlm.Cpu.Kernels.MatMul.Panels;

/// <summary>How a BF16 weight lies in memory once it is packed: panels are [k / 2, 16, 2], an odd last element has a zero beside it.</summary>
static unsafe class PairPanels
{
    /// <summary>What names the layout.</summary>
    internal const string Name = "BF16 × 16";

    const int Rows = PanelProduct.PanelRows;

    /// <summary>Bytes of a panel of rows of k elements.</summary>
    internal static long Bytes(int k) => (k + 1) / 2 * (long)PanelFormat.LineBytes;

    /// <summary>Packs up to sixteen rows; the lanes of rows that are not there become zeros.</summary>
    internal static void Pack(byte* rows, long rowBytes, int count, int k, byte* panel)
    {
        for (int pair = 0; pair < (k + 1) / 2; pair++)
        {
            ushort* line = (ushort*)(panel + ((long)pair * PanelFormat.LineBytes));
            for (int row = 0; row < Rows; row++)
            {
                ushort* from = (ushort*)(rows + (row * rowBytes)) + (2 * pair);
                line[2 * row] = row < count ? from[0] : (ushort)0;
                line[(2 * row) + 1] = row < count && (2 * pair) + 1 < k ? from[1] : (ushort)0;
            }
        }
    }
}

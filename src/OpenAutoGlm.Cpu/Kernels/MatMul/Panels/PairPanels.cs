using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Panels;

/// <summary>How a BF16 weight lies in memory once it is packed: panels are [k / 2, 16, 2], an odd last element has a zero beside it.</summary>
sealed unsafe class PairPanels : PanelLayout
{
    internal static readonly PairPanels Layout = new();

    const int Rows = PanelProduct.PanelRows;

    PairPanels()
    {
    }

    internal override string Name => "BF16 × 16";

    internal override long PanelBytes(int k) => (k + 1) / 2 * (long)PanelFormat.LineBytes;

    internal override void Pack(byte* rows, long rowBytes, int count, int k, in PackedWeights to, int panel)
    {
        for (int pair = 0; pair < (k + 1) / 2; pair++)
        {
            ushort* line = (ushort*)(to.Panel(panel) + ((long)pair * PanelFormat.LineBytes));
            for (int row = 0; row < Rows; row++)
            {
                ushort* from = (ushort*)(rows + (row * rowBytes)) + (2 * pair);
                line[2 * row] = row < count ? from[0] : (ushort)0;
                line[(2 * row) + 1] = row < count && (2 * pair) + 1 < k ? from[1] : (ushort)0;
            }
        }
    }

    [MethodImpl(Jit.Loop)]
    internal override void ReadRow<T>(in PackedWeights weights, int row, Span<float> values)
    {
        ushort* from = (ushort*)weights.Panel(row / Rows) + (2 * (row % Rows));
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = BitConverter.UInt32BitsToSingle((uint)from[(i / 2 * (PanelFormat.LineBytes / sizeof(ushort))) + (i % 2)] << 16);
        }
    }
}

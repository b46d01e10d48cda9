using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Panels;

/// <summary>How an F32 or F16 weight lies in memory once it is packed: panels are [k, 16].</summary>
sealed unsafe class FloatPanels : PanelLayout
{
    const int Rows = PanelProduct.PanelRows;

    static readonly FloatPanels Singles = new(TensorFormat.F32);
    static readonly FloatPanels Halves = new(TensorFormat.F16);

    readonly TensorFormat _format;

    FloatPanels(TensorFormat format) => _format = format;

    internal override string Name => $"{_format} × 16";

    internal static FloatPanels Of(TensorFormat format) => format == TensorFormat.F32 ? Singles : Halves;

    internal override long PanelBytes(int k) => Rows * BlockFormat.Of(_format).RowBytes(k);

    internal override void Pack(byte* rows, long rowBytes, int count, int k, in PackedWeights to, int panel)
    {
        if (_format == TensorFormat.F32)
        {
            Pack<uint>(rows, rowBytes, count, k, to.Panel(panel));
        }
        else
        {
            Pack<ushort>(rows, rowBytes, count, k, to.Panel(panel));
        }
    }

    [MethodImpl(Jit.Loop)]
    internal override void ReadRow<T>(in PackedWeights weights, int row, Span<float> values)
    {
        byte* panel = weights.Panel(row / Rows);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = _format == TensorFormat.F32 ? ((float*)panel)[(i * Rows) + (row % Rows)] : (float)((Half*)panel)[(i * Rows) + (row % Rows)];
        }
    }

    static void Pack<TBits>(byte* rows, long rowBytes, int count, int k, byte* panel)
        where TBits : unmanaged
    {
        new Span<TBits>(panel, Rows * k).Clear();
        for (int row = 0; row < count; row++)
        {
            TBits* from = (TBits*)(rows + (row * rowBytes));
            for (int i = 0; i < k; i++)
            {
                ((TBits*)panel)[(i * Rows) + row] = from[i];
            }
        }
    }
}

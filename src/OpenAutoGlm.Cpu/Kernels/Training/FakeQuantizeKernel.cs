using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>Rows rounded to a block format and back, by the format itself. y may be w.</summary>
sealed class FakeQuantizeKernel : RowKernel
{
    const int RoundingCost = 32; // elements of an easy op, for each

    readonly BlockFormat _format;
    readonly byte[][] _blocks; // by worker

    internal FakeQuantizeKernel(string name, WorkerPool pool, TensorFormat format, int n)
        : base(name, pool)
    {
        _format = BlockFormat.Of(format);
        _blocks = [.. Enumerable.Range(0, pool.Threads).Select(_ => new byte[_format.RowBytes(n)])];
    }

    protected override int RowElements => RoundingCost * Outputs[0].RowLength;

    protected override void Row(int row, int worker)
    {
        _format.Quantize(Inputs[0].Row(row), [], _blocks[worker]);
        _format.Dequantize(_blocks[worker], Outputs[0].Row(row));
    }
}

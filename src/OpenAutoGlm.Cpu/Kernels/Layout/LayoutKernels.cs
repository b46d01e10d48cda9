using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Layout;

/// <summary>A reshape: the output is the input's memory.</summary>
sealed class ReshapeKernel : Kernel
{
    public override string Name => "Reshape (nothing to do)";

    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
    }
}

/// <summary>Some columns of every row, copied.</summary>
sealed unsafe class ColumnsKernel(string name, WorkerPool pool, int start) : RowKernel(name, pool)
{
    protected override void Row(int row, int worker) => Inputs[0].Row(row).Slice(start, Outputs[0].RowLength).CopyTo(Outputs[0].Row(row));
}

/// <summary>Rows by index, dequantised.</summary>
sealed unsafe class GatherRowsKernel(string name, WorkerPool pool) : RowKernel(name, pool)
{
    protected override void Row(int row, int worker)
    {
        int id = ((int*)Inputs[1].Data)[row];
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)id, (uint)Inputs[0].RowCount, "ids");
        Inputs[0].ReadRow(id, Outputs[0].Row(row));
    }
}

using OpenAutoGlm.Cpu.Lanes;
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
sealed unsafe class GatherRowsKernel<T>(string name, WorkerPool pool, RowTable<T> table) : RowKernel(name, pool)
    where T : struct, ILanes<T>
{
    protected override void Row(int row, int worker) => table.Read(Inputs[0], ((int*)Inputs[1].Data)[row], Outputs[0].Row(row));
}

using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops.Training;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>The kernels of a projection, its loss and their gradients, one after another for some rows at a time.</summary>
/// <param name="name">What plans print.</param>
/// <param name="op">The op.</param>
/// <param name="project">y = x · wᵀ.</param>
/// <param name="loss">Cross-entropy.</param>
/// <param name="gradient">What it hands back.</param>
/// <param name="rows">dx = dy · w.</param>
/// <param name="weight">dw += dyᵀ · x.</param>
sealed unsafe class ProjectedCrossEntropyKernel(string name, ProjectedCrossEntropy op, Kernel project, Kernel loss, Kernel gradient, Kernel rows, Kernel weight) : Kernel
{
    NativeMemoryOwner? _memory;

    public override string Name => $"{name} ({project.Name})";

    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        (int m, int vocab) = (inputs[0].RowCount, inputs[1].RowCount);
        long logitBytes = (long)op.Rows * vocab * sizeof(float);
        _memory ??= new NativeMemoryOwner(logitBytes + (op.Rows * sizeof(float)));
        for (int start = 0; start < m; start += op.Rows)
        {
            int count = Math.Min(op.Rows, m - start);
            TensorView x = Part(inputs[0], start, count);
            TensorView targets = Part(inputs[2], start, count);
            TensorView logits = new(TensorFormat.F32, _memory.Pointer, [count, vocab]);
            TensorView logSums = new(TensorFormat.F32, _memory.Pointer + logitBytes, [count]);
            project.Run([x, inputs[1]], [logits]);
            loss.Run([logits, targets], [Part(outputs[0], start, count), logSums]);
            if (op.Gradients == ProjectionGradients.None)
            {
                continue;
            }

            gradient.Run([logits, logSums, targets, Part(inputs[3], start, count)], [logits]);
            rows.Run([logits, inputs[1]], [Part(outputs[1], start, count)]);
            if (op.Gradients == ProjectionGradients.RowsAndWeight)
            {
                weight.Run([inputs[4], logits, x], [outputs[2]]);
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        foreach (Kernel kernel in (Kernel[])[project, loss, gradient, rows, weight])
        {
            kernel.Dispose();
        }

        _memory?.Dispose();
    }

    /// <summary>Some elements of the first extent.</summary>
    static TensorView Part(TensorView view, int start, int count) => view.Rank == 1
        ? new TensorView(view.Format, view.Data + (start * sizeof(float)), [count])
        : new TensorView(view.Format, view.Data + (start * view.RowBytes), [count, view[1]]);
}

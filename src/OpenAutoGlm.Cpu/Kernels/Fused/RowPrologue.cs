using OpenAutoGlm.Cpu.Kernels.Elementwise;
using OpenAutoGlm.Cpu.Kernels.Layout;
using OpenAutoGlm.Cpu.Kernels.Normalisation;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Fused;

/// <summary>
/// What happens to a row before it is multiplied: nothing, a norm, or a norm of a picked row or of a residual sum. The
/// arithmetic is that of the kernels of those ops, row by row.
/// </summary>
/// <param name="op">The prologue, or null.</param>
/// <param name="k">Elements of a row.</param>
/// <param name="keep">Whether the last result is an output too, and not only made in passing.</param>
/// <param name="table">Where rows are picked from, if they are.</param>
sealed unsafe class RowPrologue<T>(Op? op, int k, bool keep, RowTable<T>? table)
    where T : struct, ILanes<T>
{
    TensorView _x;
    TensorView _second;
    float* _postWeight;
    float* _weight;
    float* _sum;
    float* _kept;

    /// <summary>Looks at the inputs and outputs of this run and says how many rows there are.</summary>
    internal int Begin(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        _x = inputs[0];
        switch (op)
        {
            case RmsNorm:
                _weight = (float*)inputs[1].Data;
                _kept = keep ? (float*)outputs[0].Data : null;
                break;
            case GatherNorm:
                _second = inputs[1];
                _weight = (float*)inputs[2].Data;
                _kept = keep ? (float*)outputs[0].Data : null;
                return _second[0];
            case ResidualNorm norm:
                _second = inputs[1];
                _postWeight = norm.Post is null ? null : (float*)inputs[2].Data;
                _weight = norm.Next is null ? null : (float*)inputs[norm.InputCount - 1].Data;
                _sum = (float*)outputs[0].Data;
                _kept = keep && norm.Next is not null ? (float*)outputs[1].Data : null;
                break;
        }

        return _x.RowCount;
    }

    /// <summary>The row as it is multiplied; it may lie in <paramref name="scratch"/>, k floats. Different rows side by side.</summary>
    internal float* Row(int row, float* scratch)
    {
        float* x = (float*)_x.Data + ((long)row * k);
        switch (op)
        {
            case RmsNorm norm:
                return Normed(x, row, scratch, norm.Epsilon);
            case GatherNorm gather:
                return Normed(table!.Row(_x, ((int*)_second.Data)[row], scratch), row, scratch, gather.Norm.Epsilon);
            case ResidualNorm residual:
                float* branch = (float*)_second.Data + ((long)row * k);
                if (residual.Post is { } post)
                {
                    RmsNormRow<T>.Of(branch, _postWeight, scratch, k, post.Epsilon);
                    branch = scratch;
                }

                float* sum = _sum + ((long)row * k);
                BinaryKernel<T, SumOf<T>>.Row(x, branch, sum, k);
                return residual.Next is { } next ? Normed(sum, row, scratch, next.Epsilon) : sum;
            default:
                return x;
        }
    }

    float* Normed(float* x, int row, float* scratch, float epsilon)
    {
        float* y = _kept is null ? scratch : _kept + ((long)row * k);
        RmsNormRow<T>.Of(x, _weight, y, k, epsilon);
        return y;
    }
}

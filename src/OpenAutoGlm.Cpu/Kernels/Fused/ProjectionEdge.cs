using System.Runtime.Intrinsics.X86;
using OpenAutoGlm.Cpu.Kernels.Attention;
using OpenAutoGlm.Cpu.Kernels.Elementwise;
using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Cpu.Kernels.Normalisation;
using OpenAutoGlm.Cpu.Kernels.Rope;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Ops.Fused;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Fused;

/// <summary>
/// One weight of a fused product and what its worker does with the rows of a chunk while they are in its cache: bias,
/// norm of heads, rotation, KV write, sums, each with the arithmetic of its own kernel and in the same order.
/// </summary>
sealed unsafe class ProjectionEdge<T> : IDisposable
    where T : struct, ILanes<T>
{
    const int RowsAhead = 4;

    readonly Projection _projection;
    readonly ProjectionInputs _at;
    readonly RopeAngles? _angles;
    readonly int _output;
    readonly nint[] _sums;
    float* _bias;
    float* _normWeight;
    int* _slots;
    TensorView _y;
    int _rows;

    internal ProjectionEdge(Projection projection, ProjectionInputs at, PanelProduct product, WeightPanels weights, RopeAngles? angles, int output)
    {
        (_projection, _at, Product, Weights, _angles, _output) = (projection, at, product, weights, angles, output);
        _sums = new nint[projection.Sums];
        Matrix = weights.Matrix(0);

        // Whole heads in whole panels: as many panels as the least common multiple of both.
        int panels = projection.HeadDim == 0 ? 2 : 1;
        while (projection.HeadDim > 0 && panels * PanelProduct.PanelRows % projection.HeadDim != 0)
        {
            panels++;
        }

        UnitPanels = panels;
    }

    internal PanelProduct Product { get; }

    internal WeightPanels Weights { get; }

    internal PackedWeights Matrix { get; private set; }

    /// <summary>Panels that must stay together.</summary>
    internal int UnitPanels { get; }

    /// <summary>Whether results go where they belong at once, because at most a bias is added to them.</summary>
    internal bool Direct => _projection is { HeadDim: 0, Sums: 0 };

    /// <summary>The first result of a row, for those that go there at once.</summary>
    internal float* Row(int row) => (float*)_y.Data + ((long)row * Matrix.Count);

    /// <summary>Looks at the inputs and outputs of this run.</summary>
    internal void Begin(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        Weights.Use(inputs[_at.Weight]);
        Matrix = Weights.Matrix(0);
        _bias = _at.Bias < 0 ? null : (float*)inputs[_at.Bias].Data;
        _normWeight = _at.NormWeight < 0 ? null : (float*)inputs[_at.NormWeight].Data;
        _slots = _at.Slots < 0 ? null : (int*)inputs[_at.Slots].Data;
        _angles?.Begin(_at.Factors < 0 ? null : (float*)inputs[_at.Factors].Data);
        for (int i = 0; i < _sums.Length; i++)
        {
            _sums[i] = (nint)inputs[_at.Sums + i].Data;
        }

        _y = _output < outputs.Length ? outputs[_output] : default;
        _rows = _output < outputs.Length ? _y.RowCount : 0;
    }

    /// <summary>Adds the bias to a row of a chunk.</summary>
    internal void AddBias(float* results, int column, int columns)
    {
        if (_bias is not null)
        {
            BinaryKernel<T, SumOf<T>>.Row(results, _bias + column, results, columns);
        }
    }

    /// <summary>Finishes the results of a row from a column on and puts them where they belong.</summary>
    internal void Finish(float* results, int row, int column, int columns)
    {
        AddBias(results, column, columns);
        if (_projection.HeadDim > 0)
        {
            FinishHeads(results, row, column, columns);
            return;
        }

        float* y = Row(row) + column;
        FetchAhead(y, row, columns);
        for (int i = 0; i < _sums.Length; i++)
        {
            float* to = i == _sums.Length - 1 ? y : results;
            float* term = (float*)_sums[i] + ((long)row * Matrix.Count) + column;
            FetchAhead(term, row, columns);
            BinaryKernel<T, SumOf<T>>.Row(results, term, to, columns);
        }

        if (_sums.Length == 0)
        {
            new ReadOnlySpan<float>(results, columns).CopyTo(new Span<float>(y, columns));
        }
    }

    /// <summary>Asks for the same columns some rows on, if there are so many: rows lie pages apart, so the processor does not see what comes next.</summary>
    void FetchAhead(float* from, int row, int columns)
    {
        if (!Sse.IsSupported || row + RowsAhead >= _rows)
        {
            return;
        }

        from += (long)RowsAhead * Matrix.Count;
        for (int i = 0; i < columns; i += ILanes<T>.Count)
        {
            Sse.Prefetch0(from + i);
        }
    }

    void FinishHeads(float* results, int row, int column, int columns)
    {
        int headDim = _projection.HeadDim;
        for (int start = 0; start < columns; start += headDim)
        {
            float* head = results + start;
            if (_projection.Norm is { } norm)
            {
                RmsNormRow<T>.Of(head, _normWeight, head, headDim, norm.Epsilon);
            }

            if (_projection.Rope is { } rope)
            {
                RopeHead<T>.Turn(rope, head, _angles!.Cosines(row), _angles.Sines(row), head, headDim);
            }

            if (_projection.Write is { } write)
            {
                KvRow<T>.Write(write.Part, _y, _slots[row], (column + start) / headDim, head);
            }
        }

        if (_projection.Write is null)
        {
            float* y = Row(row) + column;
            for (int i = 0; i < _sums.Length; i++)
            {
                BinaryKernel<T, SumOf<T>>.Row(results, (float*)_sums[i] + ((long)row * Matrix.Count) + column, results, columns);
            }

            new ReadOnlySpan<float>(results, columns).CopyTo(new Span<float>(y, columns));
        }
    }

    public void Dispose()
    {
        Weights.Dispose();
        _angles?.Dispose();
    }
}

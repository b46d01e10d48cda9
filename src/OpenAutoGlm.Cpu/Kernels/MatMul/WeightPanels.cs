using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// A weight, [n, k] or [experts, n, k], in the panels of a product. A constant is packed once, when the plan is made, or
/// comes packed from the store; any other weight is packed anew for every run.
/// </summary>
sealed unsafe class WeightPanels : IParallelJob, IDisposable
{
    readonly PanelProduct _product;
    readonly WorkerPool _pool;
    readonly bool _constant;
    readonly bool _stacked;
    readonly int _matrices;
    readonly int _rows;
    NativeMemoryOwner? _memory;
    byte* _packed;
    TensorView _from;

    internal WeightPanels(Value weight, PanelProduct product, WorkerPool pool, WeightStore store)
    {
        (_product, _pool, _constant) = (product, pool, weight.Constant is not null);
        Shape shape = weight.Type.Shape;
        _rows = shape[shape.Rank - 2].Size;
        _stacked = shape.Rank == 3;
        _matrices = _stacked ? shape[0].Size : 1;
        if (weight.Constant is { } constant)
        {
            _from = constant.View;
            _packed = product.Layout is { } layout ? store.Get(weight.Name, layout.Name, PackedBytes, [constant], Pack) : null;
        }
    }

    long PackedBytes => _matrices * (long)MatrixPanels * _product.PanelBytes;

    int MatrixPanels => (_rows + PanelProduct.PanelRows - 1) / PanelProduct.PanelRows;

    /// <summary>Makes sure that what is packed is this weight.</summary>
    internal void Use(in TensorView weight)
    {
        if (!_constant)
        {
            Fill(weight);
        }
    }

    /// <summary>The panels of a matrix.</summary>
    internal PackedWeights Matrix(int index)
    {
        byte* data = _packed is null ? From(index).Data : _packed + (index * (long)MatrixPanels * _product.PanelBytes);
        return _product.Packed((nint)data, _rows);
    }

    /// <summary>A row of the only matrix as float32.</summary>
    internal void ReadRow<T>(int row, Span<float> values)
        where T : struct, ILanes<T>
    {
        if (_packed is null)
        {
            _from.ReadRow(row, values);
            return;
        }

        _product.Layout!.ReadRow<T>(Matrix(0), row, values);
    }

    public void Execute(int chunk, int worker)
    {
        (int matrix, int panel) = (chunk / MatrixPanels, chunk % MatrixPanels);
        int first = panel * PanelProduct.PanelRows;
        TensorView from = From(matrix);
        _product.Layout!.Pack(from.Data + (first * from.RowBytes), from.RowBytes, Math.Min(PanelProduct.PanelRows, _rows - first), _product.K, Matrix(matrix), panel);
    }

    public void Dispose() => _memory?.Dispose();

    void Fill(in TensorView weight)
    {
        _from = weight;
        if (_product.Layout is not null)
        {
            _memory ??= new NativeMemoryOwner(PackedBytes);
            Pack(_memory.Pointer);
        }
    }

    void Pack(byte* destination)
    {
        _packed = destination;
        _pool.Run(this, _matrices * MatrixPanels);
    }

    TensorView From(int matrix) => _stacked ? _from.Part(matrix) : _from;
}

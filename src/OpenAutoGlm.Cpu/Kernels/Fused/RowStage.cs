using System.Collections.Immutable;
using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Cpu.Kernels.Rope;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Fused;

/// <summary>
/// The rows of a pass made ready for the products that read them: the prologue, one rounding for all products whose
/// activations are equal, and the angles of the row's token. A few rows are done by the caller, without a fork.
/// </summary>
sealed unsafe class RowStage<T> : IParallelJob
    where T : struct, ILanes<T>
{
    const int FewElements = 16384;

    readonly WorkerPool _pool;
    readonly RowPrologue<T> _prologue;
    readonly ImmutableArray<Activations> _loads;
    readonly long[] _offsets;
    readonly int _k;
    readonly (RopeAngles Angles, int PositionsInput)[] _turns;
    readonly nint[] _positions;
    byte* _memory;
    byte* _scratch;
    long _scratchStride;
    int _first;

    internal RowStage(WorkerPool pool, RowPrologue<T> prologue, int k, IEnumerable<PanelProduct> products, int mostRows, IEnumerable<(RopeAngles Angles, int PositionsInput)> turns)
    {
        (_pool, _prologue, _k) = (pool, prologue, k);
        _loads = [.. products.Select(product => product.Activations).Distinct()];
        _turns = [.. turns.Distinct()];
        _positions = new nint[_turns.Length];
        _offsets = new long[_loads.Length];
        for (int i = 0; i < _loads.Length; i++)
        {
            _offsets[i] = Bytes;
            Bytes += Scratch.Lines(_loads[i].Bytes(mostRows));
        }
    }

    /// <summary>Bytes of the rows that are ready, of all kinds.</summary>
    internal long Bytes { get; }

    /// <summary>Bytes that each thread needs.</summary>
    internal long WorkerBytes => Scratch.Lines(_k * sizeof(float));

    /// <summary>Where the rows for a product begin.</summary>
    internal long OffsetOf(PanelProduct product) => _offsets[_loads.IndexOf(product.Activations)];

    /// <summary>Looks at the inputs and outputs of this run and says how many rows there are.</summary>
    internal int Begin(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        for (int i = 0; i < _turns.Length; i++)
        {
            _positions[i] = (nint)inputs[_turns[i].PositionsInput].Data;
        }

        return _prologue.Begin(inputs, outputs);
    }

    /// <summary>Whether there is anything to do for a row.</summary>
    internal bool IsNeeded => _loads.Length + _turns.Length > 0;

    /// <summary>Makes some rows ready; row <paramref name="first"/> is row 0 of the memory.</summary>
    internal void Run(int first, int rows, byte* memory, byte* scratch, long scratchStride)
    {
        _first = first;
        _memory = memory;
        _scratch = scratch;
        _scratchStride = scratchStride;
        if ((long)rows * _k < FewElements)
        {
            for (int row = 0; row < rows; row++)
            {
                Execute(row, 0);
            }
        }
        else
        {
            _pool.Run(this, rows);
        }
    }

    public void Execute(int chunk, int worker)
    {
        int token = _first + chunk;
        float* x = _prologue.Row(token, (float*)(_scratch + (worker * _scratchStride)));
        for (int i = 0; i < _loads.Length; i++)
        {
            _loads[i].Load(x, chunk, _memory + _offsets[i]);
        }

        for (int i = 0; i < _turns.Length; i++)
        {
            _turns[i].Angles.Prepare(token, ((int*)_positions[i])[token]);
        }
    }
}

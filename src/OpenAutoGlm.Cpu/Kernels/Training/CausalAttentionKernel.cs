using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops.Training;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>
/// Attention in tiles: 48 queries of a head meet 64 keys at a time, and the softmax is kept up to date, so that scores never leave the
/// cache. A chunk is a head and 48 queries. Source: Dao et al. 2022, §3.1.
/// </summary>
sealed unsafe class CausalAttentionKernel<T> : Kernel, IParallelJob
    where T : struct, ILanes<T>
{
    const int Lanes = 16;
    const int LineBytes = 64;
    const int Keys = AttentionTiles<T>.Keys;
    const int Queries = AttentionTiles<T>.Queries;

    readonly CausalAttention _op;
    readonly WorkerPool _pool;
    readonly ProductTiles<T> _tiles;
    readonly Scratch _scratch;
    readonly int _headDim;
    readonly int _paddedDim;
    readonly PadJob _pad;
    readonly long _padBytes;
    readonly long _workerBytes;
    readonly TensorView[] _inputs = new TensorView[4];
    readonly TensorView[] _outputs = new TensorView[2];
    HeadRows _queries;
    HeadRows _keys;
    HeadRows _values;
    byte* _workers;
    int _group;
    int _blocks;

    internal CausalAttentionKernel(string name, CausalAttention op, WorkerPool pool, ProductTiles<T> tiles, Scratch scratch, Shape queries, Shape keys, int mostTokens)
    {
        (Name, _op, _pool, _tiles, _scratch) = ($"{name} {tiles.Name}", op, pool, tiles, scratch);
        _headDim = queries[2].Size;
        _paddedDim = (_headDim + Lanes - 1) / Lanes * Lanes;
        _pad = new PadJob(_paddedDim);
        _padBytes = _paddedDim == _headDim ? 0 : (long)mostTokens * keys[1].Size * _paddedDim * sizeof(float);

        // Packed queries, scores, results, and five numbers for each query.
        _workerBytes = (3L * _headDim * LineBytes) + ((long)Keys * AttentionTiles<T>.RowBytes) + ((long)Queries * _paddedDim * sizeof(float)) + (5L * AttentionTiles<T>.RowBytes);
        scratch.Require(_padBytes + (_workerBytes * pool.Threads));
    }

    public override string Name { get; }

    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        inputs.CopyTo(_inputs);
        outputs.CopyTo(_outputs);
        byte* memory = _scratch.Pointer;
        _workers = memory + _padBytes;
        (_queries, _keys) = (HeadRows.Of(inputs[0]), HeadRows.Of(inputs[1]));
        _values = _padBytes == 0 ? HeadRows.Of(inputs[2]) : _pad.Run(_pool, inputs[2], memory);
        _group = inputs[0][1] / inputs[1][1];
        _blocks = (inputs[0][0] + Queries - 1) / Queries;
        _pool.Run(this, _blocks * inputs[0][1]);
    }

    public void Execute(int chunk, int worker)
    {
        (int head, int start) = (chunk / _blocks, chunk % _blocks * Queries);
        int rows = Math.Min(Queries, _inputs[0][0] - start);
        int kvHead = head / _group;
        byte* packed = _workers + (worker * _workerBytes);
        float* scores = (float*)(packed + (3L * _headDim * LineBytes));
        float* results = scores + (Keys * Queries);
        float* seen = results + (Queries * _paddedDim);
        float* largest = seen + Queries;
        float* sums = largest + Queries;
        float* factors = sums + Queries;
        int panels = (rows + Lanes - 1) / Lanes;
        for (int panel = 0; panel < panels; panel++)
        {
            Packing<T>.Transpose(
                _queries.At(start + (panel * Lanes), head), _queries.TokenBytes, Math.Min(Lanes, rows - (panel * Lanes)), _headDim, (int*)(packed + ((long)panel * _headDim * LineBytes)));
        }

        new Span<float>(results, Queries * _paddedDim).Clear();
        ReadOnlySpan<int> starts = new((int*)_inputs[3].Data + start, rows);
        for (int i = 0; i < Queries; i++)
        {
            seen[i] = i < rows ? _op.FirstSeen(start + i, starts[i]) : float.MaxValue;
            (largest[i], sums[i]) = (AttentionTiles<T>.Masked, 0);
        }

        for (int key = (int)seen[0]; key < start + rows; key += Keys)
        {
            int keys = Math.Min(Keys, start + rows - key);
            TileArguments product = new()
            {
                A = _keys.At(key, kvHead),
                ARow = _keys.TokenBytes,
                ALine = sizeof(float),
                B = packed,
                BLine = LineBytes,
                BPanel = (long)_headDim * LineBytes,
                Lines = _headDim,
                C = (byte*)scores,
                CRow = AttentionTiles<T>.RowBytes,
            };
            _tiles.Run(product, keys, panels);
            for (int panel = 0; panel < panels; panel++)
            {
                int at = panel * Lanes;
                bool masks = key + keys - 1 > start + at || seen[Math.Min(at + Lanes, rows) - 1] > key || at + Lanes > rows;
                AttentionTiles<T>.Softmax(scores + at, keys, _op.Scale, masks, key, start + at, seen + at, largest + at, sums + at, factors + at);
            }

            for (int i = 0; i < rows; i++)
            {
                if (factors[i] != 1)
                {
                    AttentionTiles<T>.Shrink(results + (i * _paddedDim), _paddedDim, factors[i]);
                }
            }

            product = new TileArguments
            {
                A = (byte*)scores,
                ARow = sizeof(float),
                ALine = AttentionTiles<T>.RowBytes,
                B = _values.At(key, kvHead),
                BLine = _values.TokenBytes,
                BPanel = LineBytes,
                Lines = keys,
                C = (byte*)results,
                CRow = (long)_paddedDim * sizeof(float),
                Adds = 1,
            };
            _tiles.Run(product, rows, _paddedDim / Lanes, panelsPerTile: 4);
        }

        HeadRows y = HeadRows.Of(_outputs[0]);
        for (int i = 0; i < rows; i++)
        {
            AttentionTiles<T>.Shrink(results + (i * _paddedDim), _paddedDim, 1 / sums[i]);
            new ReadOnlySpan<float>(results + (i * _paddedDim), _headDim).CopyTo(new Span<float>(y.At(start + i, head), _headDim));
            ((float*)_outputs[1].Data)[((start + i) * _inputs[0][1]) + head] = largest[i] + (float)Math.Log(sums[i]);
        }
    }

    protected override void Dispose(bool disposing) => _scratch.Dispose();
}

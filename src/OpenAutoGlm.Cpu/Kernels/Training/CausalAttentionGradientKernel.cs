using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops.Training;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>
/// The way back through attention, in tiles of 64 keys and 48 queries whose scores are computed once more. A chunk is a KV head and a
/// sequence, so that every sum has one writer and one order. Source: Dao et al. 2022, appendix B.2.
/// </summary>
sealed unsafe class CausalAttentionGradientKernel<T> : Kernel, IParallelJob
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
    readonly long _queryPadBytes;
    readonly long _keyPadBytes;
    readonly int _mostTokens;
    readonly long _workerBytes;
    readonly TensorView[] _inputs = new TensorView[7];
    readonly TensorView[] _outputs = new TensorView[3];
    readonly List<int> _segments = [];
    HeadRows _queries;
    HeadRows _keys;
    HeadRows _values;
    HeadRows _dy;
    HeadRows _paddedQueries;
    HeadRows _paddedKeys;
    HeadRows _paddedDy;
    byte* _workers;

    internal CausalAttentionGradientKernel(
        string name, CausalAttentionGradient op, WorkerPool pool, ProductTiles<T> tiles, Scratch scratch, Shape queries, Shape keys, int mostTokens)
    {
        (Name, _op, _pool, _tiles, _scratch) = ($"{name} {tiles.Name}", new CausalAttention(op.Scale, op.Window), pool, tiles, scratch);
        _headDim = queries[2].Size;
        _paddedDim = (_headDim + Lanes - 1) / Lanes * Lanes;
        _pad = new PadJob(_paddedDim);
        bool pads = _paddedDim != _headDim;
        _queryPadBytes = pads ? (long)mostTokens * queries[1].Size * _paddedDim * sizeof(float) : 0;
        _keyPadBytes = pads ? (long)mostTokens * keys[1].Size * _paddedDim * sizeof(float) : 0;
        _mostTokens = ((mostTokens + Queries - 1) / Queries * Queries) + Queries;

        // Queries and dy packed, dq of a sequence; three numbers a token; two squares; dk and dv of 64 keys.
        _workerBytes = ((2L * _headDim) + _paddedDim + 3) * _mostTokens * sizeof(float);
        _workerBytes += 2L * Keys * (AttentionTiles<T>.RowBytes + (_paddedDim * sizeof(float)));
        _workerBytes = Scratch.Lines(_workerBytes);
        scratch.Require((2 * _queryPadBytes) + _keyPadBytes + (_workerBytes * pool.Threads));
        _segments.Capacity = mostTokens + 1;
    }

    public override string Name { get; }

    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        inputs.CopyTo(_inputs);
        outputs.CopyTo(_outputs);
        byte* memory = _scratch.Pointer;
        _workers = memory + (2 * _queryPadBytes) + _keyPadBytes;
        (_queries, _keys, _values, _dy) = (HeadRows.Of(inputs[0]), HeadRows.Of(inputs[1]), HeadRows.Of(inputs[2]), HeadRows.Of(inputs[6]));
        bool pads = _queryPadBytes > 0;
        _paddedQueries = pads ? _pad.Run(_pool, inputs[0], memory) : _queries;
        _paddedDy = pads ? _pad.Run(_pool, inputs[6], memory + _queryPadBytes) : _dy;
        _paddedKeys = pads ? _pad.Run(_pool, inputs[1], memory + (2 * _queryPadBytes)) : _keys;
        _segments.Clear();
        ReadOnlySpan<int> starts = inputs[3].Ints;
        for (int token = 0; token < starts.Length; token++)
        {
            if (starts[token] == token)
            {
                _segments.Add(token);
            }
        }

        _segments.Add(starts.Length);
        _pool.Run(this, (_segments.Count - 1) * inputs[1][1]);
    }

    public void Execute(int chunk, int worker)
    {
        (int kvHead, int segment) = (chunk / (_segments.Count - 1), chunk % (_segments.Count - 1));
        (int start, int end) = (_segments[segment], _segments[segment + 1]);
        int group = _inputs[0][1] / _inputs[1][1];
        for (int i = 0; i < group; i++)
        {
            Head((kvHead * group) + i, kvHead, start, end, adds: i > 0, new Memory(_workers + (worker * _workerBytes), _headDim, _paddedDim, _mostTokens));
        }
    }

    protected override void Dispose(bool disposing) => _scratch.Dispose();

    void Head(int head, int kvHead, int start, int end, bool adds, in Memory memory)
    {
        Prepare(head, start, end, memory);
        for (int key = start; key < end; key += Keys)
        {
            int keys = Math.Min(Keys, end - key);
            new Span<float>(memory.DKeys, 2 * Keys * _paddedDim).Clear();
            int last = _op.Window > 0 ? Math.Min(end, key + keys - 1 + _op.Window) : end;
            for (int query = start + ((key - start) / Queries * Queries); query < last; query += Queries)
            {
                Square(head, kvHead, start, query, Math.Min(Queries, end - query), key, keys, memory);
            }

            Hand(memory.DKeys, HeadRows.Of(_outputs[1]), key, keys, kvHead, adds);
            Hand(memory.DValues, HeadRows.Of(_outputs[2]), key, keys, kvHead, adds);
        }

        Hand(memory.DQueries, HeadRows.Of(_outputs[0]), start, end - start, head, adds: false);
    }

    void Prepare(int head, int start, int end, in Memory memory)
    {
        int heads = _inputs[0][1];
        HeadRows y = HeadRows.Of(_inputs[4]);
        for (int token = start; token < end; token += Lanes)
        {
            int rows = Math.Min(Lanes, end - token);
            long at = (long)(token - start) * _headDim;
            Packing<T>.Transpose(_queries.At(token, head), _queries.TokenBytes, rows, _headDim, (int*)memory.PackedQueries + at);
            Packing<T>.Transpose(_dy.At(token, head), _dy.TokenBytes, rows, _headDim, (int*)memory.PackedDy + at);
        }

        int whole = (end - start + Queries - 1) / Queries * Queries;
        for (int i = 0; i < whole; i++)
        {
            bool there = start + i < end;
            memory.Seen[i] = there ? _op.FirstSeen(start + i, start) : float.MaxValue;
            memory.LogSums[i] = there ? ((float*)_inputs[5].Data)[((start + i) * heads) + head] : 0;
            memory.Deltas[i] = there ? AttentionTiles<T>.Dot((float*)_dy.At(start + i, head), (float*)y.At(start + i, head), _headDim) : 0;
        }

        new Span<float>(memory.DQueries, whole * _paddedDim).Clear();
    }

    void Square(int head, int kvHead, int start, int query, int rows, int key, int keys, in Memory memory)
    {
        int at = query - start;
        int panels = (rows + Lanes - 1) / Lanes;
        TileArguments product = new()
        {
            A = _keys.At(key, kvHead),
            ARow = _keys.TokenBytes,
            ALine = sizeof(float),
            B = (byte*)(memory.PackedQueries + ((long)at * _headDim)),
            BLine = LineBytes,
            BPanel = (long)_headDim * LineBytes,
            Lines = _headDim,
            C = (byte*)memory.Scores,
            CRow = AttentionTiles<T>.RowBytes,
        };
        _tiles.Run(product, keys, panels);
        product.A = _values.At(key, kvHead);
        product.B = (byte*)(memory.PackedDy + ((long)at * _headDim));
        product.C = (byte*)memory.Products;
        _tiles.Run(product, keys, panels);
        for (int panel = 0; panel < panels; panel++)
        {
            int first = panel * Lanes;
            bool masks = key + keys - 1 > query + first || memory.Seen[at + Math.Min(first + Lanes, rows) - 1] > key || first + Lanes > rows;
            AttentionTiles<T>.Backward(
                memory.Scores + first, memory.Products + first, keys, _op.Scale, masks, key, query + first, memory.Seen + at + first, memory.LogSums + at + first, memory.Deltas + at + first);
        }

        long rowBytes = (long)_paddedDim * sizeof(float);
        TileArguments down = new() { ARow = AttentionTiles<T>.RowBytes, ALine = sizeof(float), BPanel = LineBytes, Lines = rows, CRow = rowBytes, Adds = 1 };
        down.A = (byte*)memory.Scores;
        down.B = _paddedDy.At(query, head);
        down.BLine = _paddedDy.TokenBytes;
        down.C = (byte*)memory.DValues;
        _tiles.Run(down, keys, _paddedDim / Lanes, panelsPerTile: 4);
        down.A = (byte*)memory.Products;
        down.B = _paddedQueries.At(query, head);
        down.BLine = _paddedQueries.TokenBytes;
        down.C = (byte*)memory.DKeys;
        _tiles.Run(down, keys, _paddedDim / Lanes, panelsPerTile: 4);
        TileArguments across = new()
        {
            A = (byte*)memory.Products,
            ARow = sizeof(float),
            ALine = AttentionTiles<T>.RowBytes,
            B = _paddedKeys.At(key, kvHead),
            BLine = _paddedKeys.TokenBytes,
            BPanel = LineBytes,
            Lines = keys,
            C = (byte*)(memory.DQueries + ((long)at * _paddedDim)),
            CRow = rowBytes,
            Adds = 1,
        };
        _tiles.Run(across, rows, _paddedDim / Lanes, panelsPerTile: 4);
    }

    /// <summary>Rows of a head go, or are added, to where they belong.</summary>
    void Hand(float* from, HeadRows to, int token, int count, int head, bool adds)
    {
        for (int i = 0; i < count; i++)
        {
            Span<float> row = new(to.At(token + i, head), _headDim);
            ReadOnlySpan<float> sum = new(from + ((long)i * _paddedDim), _headDim);
            if (!adds)
            {
                sum.CopyTo(row);
                continue;
            }

            for (int d = 0; d < _headDim; d++)
            {
                row[d] += sum[d];
            }
        }
    }

    /// <summary>What a worker needs for one head of one sequence.</summary>
    readonly struct Memory(byte* start, int headDim, int paddedDim, int mostTokens)
    {
        internal float* PackedQueries => (float*)start;

        internal float* PackedDy => PackedQueries + ((long)headDim * mostTokens);

        internal float* DQueries => PackedDy + ((long)headDim * mostTokens);

        internal float* Seen => DQueries + ((long)paddedDim * mostTokens);

        internal float* LogSums => Seen + mostTokens;

        internal float* Deltas => LogSums + mostTokens;

        internal float* Scores => Deltas + mostTokens;

        internal float* Products => Scores + (Keys * Queries);

        internal float* DKeys => Products + (Keys * Queries);

        internal float* DValues => DKeys + (Keys * paddedDim);
    }
}

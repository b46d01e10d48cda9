using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>What a <see cref="PagedAttentionKernel"/> is made for.</summary>
/// <param name="Heads">Query heads.</param>
/// <param name="KvHeads">Key and value heads.</param>
/// <param name="HeadDim">Width of a head.</param>
/// <param name="MostTokens">The largest batch.</param>
/// <param name="MostContext">The longest sequence, in tokens.</param>
readonly record struct AttentionShape(int Heads, int KvHeads, int HeadDim, int MostTokens, int MostContext)
{
    /// <summary>Query heads of a KV head.</summary>
    internal int Group => Heads / KvHeads;
}

/// <summary>
/// Causal attention over paged KV memory. What a token's answer depends on is its query and the keys and values of its
/// sequence alone, walked in one order: the context is cut into partitions of <see cref="PartitionTokens"/> positions,
/// these into spans; within a partition spans follow one rule with an online softmax (<see cref="SpanKernels"/>), and
/// partitions are merged in rising order. A span or partition of which a row sees nothing changes nothing.
/// So the work can be cut in any way. Tokens that follow one another in a sequence make a tile, whose query heads of one
/// KV head share every group of keys and values; a tile of a KV head is one piece of work. While a few tokens are
/// decoded over a long context, each partition is a piece by itself, and another pass merges them.
/// Source of the tiling and the online softmax: Dao et al. 2022; of the partitions: Hong et al. 2023 (Flash-Decoding++).
/// </summary>
sealed unsafe class PagedAttentionKernel : ParallelKernel
{
    /// <summary>Positions in a partition.</summary>
    internal const int PartitionTokens = 8 * SpanKernels.SpanTokens;

    const float Log2E = 1.44269504f;

    /// <summary>Rows of a tile that are enough to make the reading of KV memory cheap.</summary>
    const int TileRows = 64;

    readonly PagedAttention _op;
    readonly AttentionShape _shape;
    readonly SpanKernels _spans;
    readonly KvUnpacking _unpacking;
    readonly Scratch _scratch;
    readonly TileMemory _memory;
    readonly MergeJob _merge;
    readonly int[] _tiles; // the first token of each tile, and the end of the last
    readonly int _tileTokens;
    readonly int _mostParts; // pieces of work that leave a state for the second pass
    int _tileCount;
    int _partitions; // pieces into which the context of a token is cut; 0: not cut

    internal PagedAttentionKernel(
        string name, WorkerPool pool, PagedAttention op, AttentionShape shape, SpanKernels spans, KvUnpacking unpacking, Scratch scratch)
        : base(name, pool)
    {
        (_op, _shape, _spans, _unpacking, _scratch) = (op, shape, spans, unpacking, scratch);
        _tileTokens = Math.Max(1, TileRows / shape.Group);
        _tiles = new int[shape.MostTokens + 1];
        _memory = new TileMemory(_tileTokens * shape.Group, spans.RowsPerStep, shape.HeadDim, unpacking.GroupBytes);
        _merge = new MergeJob(this);

        // Cutting contexts is for when there are fewer pieces than the threads can share evenly.
        int partitions = (shape.MostContext + PartitionTokens - 1) / PartitionTokens;
        _mostParts = pool.Threads > 1 && partitions > 1 ? Math.Min(shape.MostTokens * shape.KvHeads, PiecesWanted) * partitions : 0;
        scratch.Require((_memory.Bytes * pool.Threads) + (_mostParts * StateBytes));
    }

    int PiecesWanted => 4 * Pool.Threads;

    long StateBytes => Scratch.Lines(RowStates.Floats(_shape.Group, _shape.HeadDim) * sizeof(float));

    public override void Run(ReadOnlySpan<Graph.Tensors.TensorView> inputs, ReadOnlySpan<Graph.Tensors.TensorView> outputs)
    {
        base.Run(inputs, outputs);
        if (_partitions > 0)
        {
            Pool.Run(_merge, _tileCount * _shape.KvHeads);
        }
    }

    public override void Execute(int chunk, int worker)
    {
        TileMemory.Pointers memory = _memory.At(_scratch.Pointer + (_memory.Bytes * worker));
        _spans.Open();
        if (_partitions > 0)
        {
            int piece = chunk / _partitions;
            Tile tile = new(this, piece / _shape.KvHeads, piece % _shape.KvHeads, memory);
            tile.Partition(chunk % _partitions, Part(chunk));
        }
        else
        {
            // The last tiles see the most, so they come first and the small ones fill the gaps at the end.
            Tile whole = new(this, _tileCount - 1 - (chunk / _shape.KvHeads), chunk % _shape.KvHeads, memory);
            whole.All();
        }

        _spans.Close();
    }

    protected override int Begin()
    {
        _ = _scratch.Pointer;
        int longest = CutIntoTiles();
        int pieces = _tileCount * _shape.KvHeads;
        int partitions = (longest / PartitionTokens) + 1;
        bool cut = _tileCount == Inputs[0][0] && pieces < PiecesWanted && partitions > 1 && pieces * partitions <= _mostParts;
        _partitions = cut ? partitions : 0;
        return cut ? pieces * partitions : pieces;
    }

    protected override void Dispose(bool disposing) => _scratch.Dispose();

    /// <summary>Where a piece leaves its state for the second pass.</summary>
    RowStates Part(int chunk)
    {
        byte* parts = _scratch.Pointer + (_memory.Bytes * Pool.Threads);
        return RowStates.In((float*)(parts + (chunk * StateBytes)), _shape.Group, _shape.HeadDim);
    }

    /// <summary>Finds the tiles, checks all indices, and says which position is the largest.</summary>
    int CutIntoTiles()
    {
        int tokens = Inputs[0][0];
        int* positions = (int*)Inputs[3].Data;
        int* sequences = (int*)Inputs[4].Data;
        int longest = 0;
        _tileCount = 0;
        for (int token = 0; token < tokens; token++)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)sequences[token], (uint)Inputs[5][0], "sequence");
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)positions[token] / (uint)_op.BlockTokens, (uint)Inputs[5][1], "block");
            longest = Math.Max(longest, positions[token]);
            bool follows = token > 0 && sequences[token] == sequences[token - 1] && positions[token] == positions[token - 1] + 1;
            if (!follows || token - _tiles[_tileCount - 1] == _tileTokens)
            {
                _tiles[_tileCount++] = token;
            }
        }

        _tiles[_tileCount] = tokens;
        return longest;
    }

    /// <summary>The second pass over contexts that were cut: one token and KV head a chunk.</summary>
    sealed class MergeJob(PagedAttentionKernel kernel) : IParallelJob
    {
        public void Execute(int chunk, int worker)
        {
            TileMemory.Pointers memory = kernel._memory.At(kernel._scratch.Pointer + (kernel._memory.Bytes * worker));
            Tile tile = new(kernel, chunk / kernel._shape.KvHeads, chunk % kernel._shape.KvHeads, memory);
            memory.Whole.Clear(tile.Rows);
            for (int partition = tile.FirstPartition; partition <= tile.LastPartition; partition++)
            {
                kernel._spans.Merge(memory.Whole, kernel.Part((chunk * kernel._partitions) + partition), tile.Rows);
            }

            tile.Finish();
        }
    }

    /// <summary>The tokens of a tile with the query heads of one KV head. A row is a token and a head, the heads of a token together.</summary>
    readonly ref struct Tile
    {
        readonly PagedAttentionKernel _kernel;
        readonly TileMemory.Pointers _memory;
        readonly int _kvHead;
        readonly int _token;
        readonly int _position; // of the first token
        readonly int _tokens;
        readonly int* _table;

        internal Tile(PagedAttentionKernel kernel, int tile, int kvHead, TileMemory.Pointers memory)
        {
            (_kernel, _kvHead, _memory) = (kernel, kvHead, memory);
            _token = kernel._tiles[tile];
            _tokens = kernel._tiles[tile + 1] - _token;
            _position = ((int*)kernel.Inputs[3].Data)[_token];
            _table = (int*)kernel.Inputs[5].Data + ((long)((int*)kernel.Inputs[4].Data)[_token] * kernel.Inputs[5][1]);
        }

        internal int Rows => _tokens * _kernel._shape.Group;

        internal int FirstPartition => FirstSeen(0) / PartitionTokens;

        internal int LastPartition => LastPosition / PartitionTokens;

        int LastPosition => _position + _tokens - 1;

        /// <summary>Computes the tile from end to end.</summary>
        internal void All()
        {
            _memory.Whole.Clear(Rows);
            Prepare();
            for (int partition = FirstPartition; partition <= LastPartition; partition++)
            {
                Walk(partition, _memory.Part);
                _kernel._spans.Merge(_memory.Whole, _memory.Part, Rows);
            }

            Finish();
        }

        /// <summary>Computes what one partition comes to, if the tile sees any of it.</summary>
        internal void Partition(int partition, RowStates part)
        {
            if (partition >= FirstPartition && partition <= LastPartition)
            {
                Prepare();
                Walk(partition, part);
            }
        }

        internal void Finish()
        {
            AttentionShape shape = _kernel._shape;
            for (int token = 0; token < _tokens; token++)
            {
                long row = ((_token + (long)token) * shape.Heads) + (_kvHead * (long)shape.Group);
                _kernel._spans.Divide(_memory.Whole.From(token * shape.Group), shape.Group, (float*)_kernel.Outputs[0].Data + (row * shape.HeadDim));
            }
        }

        void Prepare()
        {
            AttentionShape shape = _kernel._shape;
            for (int token = 0; token < _tokens; token++)
            {
                long row = ((_token + (long)token) * shape.Heads) + (_kvHead * (long)shape.Group);
                float* queries = (float*)_kernel.Inputs[0].Data + (row * shape.HeadDim);
                _kernel._spans.PrepareQueries(queries, shape.Group, _kernel._op.Scale * Log2E, _kernel._spans.QueryRow(_memory.Queries, token * shape.Group));
            }
        }

        void Walk(int partition, RowStates part)
        {
            part.Clear(Rows);
            int end = Math.Min((partition + 1) * PartitionTokens, LastPosition + 1);
            int first = Math.Max(partition * PartitionTokens, FirstSeen(0) / SpanKernels.SpanTokens * SpanKernels.SpanTokens);
            Locate(first);
            for (int start = first; start < end; start += SpanKernels.SpanTokens)
            {
                int groups = Math.Min(SpanKernels.SpanGroups, ((end - start - 1) / KvLayout.GroupTokens) + 1);

                // What was next is now, and the one after it is next.
                for (int group = 0; group < groups; group++)
                {
                    _memory.Keys[group] = _memory.Keys[SpanKernels.SpanGroups + group];
                    _memory.Values[group] = _memory.Values[SpanKernels.SpanGroups + group];
                }

                Locate(start + SpanKernels.SpanTokens);
                if (_kernel._unpacking.GroupBytes > 0)
                {
                    Unpack(KvPart.Keys, groups, _memory.Keys, _memory.UnpackedKeys);
                    Unpack(KvPart.Values, groups, _memory.Values, _memory.UnpackedValues);
                }

                Span(start, groups, part);
            }
        }

        /// <summary>
        /// Where the groups of the next span are stored; as they are if there is none. Groups that lie wholly before the
        /// window may belong to somebody else by now: the first that is seen stands in for them, for no score of theirs counts.
        /// </summary>
        void Locate(int start)
        {
            int blockTokens = _kernel._op.BlockTokens;
            int firstGroup = FirstSeen(0) / KvLayout.GroupTokens * KvLayout.GroupTokens;
            (Graph.Tensors.TensorView keys, Graph.Tensors.TensorView values) = (_kernel.Inputs[1], _kernel.Inputs[2]);
            long groupBytes = KvLayout.GroupBytes(keys.Format, _kernel._shape.HeadDim);
            int stored = SpanKernels.SpanGroups;
            for (int position = start; position <= LastPosition && stored < 2 * SpanKernels.SpanGroups; position += KvLayout.GroupTokens, stored++)
            {
                int place = Math.Max(position, firstGroup);
                int block = _table[place / blockTokens];
                ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)block, (uint)keys[0], "block");
                long plane = ((long)block * _kernel._shape.KvHeads) + _kvHead;
                long offset = ((plane * blockTokens / KvLayout.GroupTokens) + (place % blockTokens / KvLayout.GroupTokens)) * groupBytes;
                _memory.Keys[stored] = keys.Data + offset;
                _memory.Values[stored] = values.Data + offset;
            }
        }

        void Unpack(KvPart part, int groups, byte** addresses, byte* to)
        {
            for (int group = 0; group < groups; group++, to += _kernel._unpacking.GroupBytes)
            {
                _kernel._unpacking.Unpack(part, addresses[group], to, addresses[SpanKernels.SpanGroups + group]);
                addresses[group] = to;
            }
        }

        /// <summary>All rows against one span.</summary>
        void Span(int start, int groups, RowStates part)
        {
            (SpanKernels spans, int rowsPerHead) = (_kernel._spans, _kernel._shape.Group);
            bool fetch = _kernel._unpacking.GroupBytes == 0;
            int rows;
            for ((int row, int steps) = (0, (Rows + spans.RowsPerStep - 1) / spans.RowsPerStep); row < Rows; row += rows, steps--)
            {
                rows = (Rows - row + steps - 1) / steps; // 7 are 4 and 3, not 6 and 1
                int last = _position + ((row + rows - 1) / rowsPerHead);
                if (start > last || FirstSeen(row / rowsPerHead) >= start + (groups * KvLayout.GroupTokens))
                {
                    continue; // None of them sees a token of the span.
                }

                int seen = Math.Min(groups, ((last - start) / KvLayout.GroupTokens) + 1);
                spans.Score(spans.QueryRow(_memory.Queries, row), rows, _memory.Keys, seen, _memory.Scores, fetch);
                Hide(row, rows, start, seen * KvLayout.GroupTokens);
                RowStates states = part.From(row);
                spans.Weigh(_memory.Scores, rows, seen, states, _memory.Corrections, _memory.Weights);
                spans.Accumulate(_memory.Weights, rows, _memory.Values, seen, _memory.Corrections, states, fetch);
                fetch = false; // For the rows that follow all is there.
            }
        }

        /// <summary>Scores of tokens that a row does not see become −∞.</summary>
        void Hide(int row, int rows, int start, int tokens)
        {
            if (_kernel._op.Window == 0 && _position + (row / _kernel._shape.Group) + 1 - start >= tokens)
            {
                return; // The first of the rows sees all, so all do.
            }

            for (int i = 0; i < rows; i++)
            {
                int token = (row + i) / _kernel._shape.Group;
                int from = Math.Clamp(FirstSeen(token) - start, 0, tokens);
                int to = Math.Clamp(_position + token + 1 - start, from, tokens);
                float* scores = _memory.Scores + (i * SpanKernels.SpanTokens);
                new Span<float>(scores, from).Fill(float.NegativeInfinity);
                new Span<float>(scores + to, tokens - to).Fill(float.NegativeInfinity);
            }
        }

        /// <summary>The first position that a token of the tile sees.</summary>
        int FirstSeen(int token) => _kernel._op.Window > 0 ? Math.Max(0, _position + token - _kernel._op.Window + 1) : 0;
    }
}

using System.Collections.Frozen;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// The key and value memory of an engine: as many blocks of as many token places as it was made with, and a stack of
/// those that nobody holds. The last block given back is the next one taken, while it is still in the caches. Not
/// thread-safe: the engine's thread owns it.
/// </summary>
sealed class KvPool : IDisposable
{
    readonly int[] _free;
    readonly int[] _holders; // by block: how many tables hold it
    readonly List<NativeMemoryOwner> _memory = [];
    int _freeCount;

    /// <summary>A pool with memory for the given states of a graph, each [blocks, …]; none for tests without a model.</summary>
    internal KvPool(int blockCount, int blockTokens, IEnumerable<Value> states)
    {
        BlockCount = blockCount;
        BlockTokens = blockTokens;
        _holders = new int[blockCount];
        _free = [.. Enumerable.Range(0, blockCount).Reverse()];
        _freeCount = blockCount;
        States = states.ToFrozenDictionary(state => state, Allocate);
    }

    internal KvPool(int blockCount, int blockTokens, IBlockMemory memory) : this(blockCount, blockTokens, []) => _ = memory;

    internal int BlockCount { get; }

    internal int BlockTokens { get; }

    internal int FreeCount => _freeCount;

    internal int UsedCount => BlockCount - _freeCount;

    /// <summary>Token places in all blocks.</summary>
    internal int SlotCount => BlockCount * BlockTokens;

    /// <summary>The memory of every state.</summary>
    internal FrozenDictionary<Value, Tensor> States { get; }

    /// <summary>Blocks that hold so many tokens.</summary>
    internal int BlocksFor(int tokens) => (int)(((long)tokens + BlockTokens - 1) / BlockTokens);

    /// <summary>Adds blocks to a table until it holds so many tokens; takes all that are missing, or none and says no.</summary>
    internal bool TryGrow(BlockTable table, int tokens)
    {
        int missing = BlocksFor(tokens) - table.Count;
        if (missing > _freeCount)
        {
            return false;
        }

        for (; missing > 0; missing--)
        {
            int block = _free[--_freeCount];
            _holders[block]++;
            table.Add(block);
        }

        return true;
    }

    /// <summary>Takes all blocks back, the last one first, and empties the table.</summary>
    internal void Release(BlockTable table)
    {
        ReadOnlySpan<int> blocks = table.Blocks;
        for (int i = blocks.Length - 1; i >= 0; i--)
        {
            if (--_holders[blocks[i]] == 0)
            {
                _free[_freeCount++] = blocks[i];
            }
        }

        table.Clear();
    }

    /// <summary>Compares the books with the tables that exist: every block is free once, or held as often as noted.</summary>
    /// <exception cref="InvalidOperationException">They do not agree; the message says where.</exception>
    internal void CheckInvariants(IEnumerable<BlockTable> tables)
    {
        int[] held = new int[BlockCount];
        foreach (BlockTable table in tables)
        {
            foreach (int block in table.Blocks)
            {
                held[block]++;
            }
        }

        int[] free = new int[BlockCount];
        foreach (int block in _free.AsSpan(0, _freeCount))
        {
            free[block]++;
        }

        for (int block = 0; block < BlockCount; block++)
        {
            if (held[block] != _holders[block] || free[block] != (held[block] == 0 ? 1 : 0))
            {
                throw new InvalidOperationException(
                    $"Block {block} is in {held[block]} tables, noted {_holders[block]} times and free {free[block]} times.");
            }
        }
    }

    public void Dispose() => _memory.ForEach(memory => memory.Dispose());

    Tensor Allocate(Value state)
    {
        Shape shape = new([BlockCount, .. state.Type.Shape.Dims.AsSpan()[1..]]);
        TensorType type = state.Type with { Shape = shape };
        NativeMemoryOwner memory = new(Tensor.BytesOf(type));
        _memory.Add(memory);
        return Tensor.In(memory, type);
    }
}

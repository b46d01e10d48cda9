using System.Collections.Frozen;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// The books of key and value memory: how many holders each block of token places has, and a stack of those that have
/// none. The last block given back is the next one taken, while it is still in the caches. Owns the memory behind the
/// blocks. Not thread-safe: the engine's thread owns it.
/// </summary>
sealed class KvPool : IDisposable
{
    readonly int[] _free;
    readonly int[] _holders; // by block: tables that hold it, and the cache of prefixes
    int _freeCount;

    internal KvPool(int blockCount, int blockTokens, IBlockMemory memory)
    {
        BlockCount = blockCount;
        BlockTokens = blockTokens;
        Memory = memory;
        _holders = new int[blockCount];
        _free = [.. Enumerable.Range(0, blockCount).Reverse()];
        _freeCount = blockCount;
    }

    /// <summary>A pool with memory for the given states of a graph, each [blocks, …]; none for tests without a model.</summary>
    internal KvPool(int blockCount, int blockTokens, IEnumerable<Value> states)
        : this(blockCount, blockTokens, new StateMemory(blockCount, states))
    {
    }

    internal int BlockCount { get; }

    internal int BlockTokens { get; }

    internal IBlockMemory Memory { get; }

    internal int FreeCount => _freeCount;

    internal int UsedCount => BlockCount - _freeCount;

    /// <summary>The memory of every state; none where the memory is not that of a graph.</summary>
    internal FrozenDictionary<Value, Tensor> States => (Memory as StateMemory)?.States ?? FrozenDictionary<Value, Tensor>.Empty;

    /// <summary>Blocks that hold so many tokens.</summary>
    internal int BlocksFor(int tokens) => (int)(((long)tokens + BlockTokens - 1) / BlockTokens);

    internal int HoldersOf(int block) => _holders[block];

    /// <summary>Takes a block that is free, for one holder.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    internal int Take()
    {
        if (_freeCount == 0)
        {
            throw new InvalidOperationException($"None of the {BlockCount} blocks is free.");
        }

        int block = _free[--_freeCount];
        _holders[block] = 1;
        return block;
    }

    /// <summary>Notes one more holder of a block that has one.</summary>
    internal int Hold(int block) => ++_holders[block];

    /// <summary>Notes that a holder let go; says how many are left, and the block is free without.</summary>
    internal int Drop(int block)
    {
        int left = --_holders[block];
        if (left == 0)
        {
            _free[_freeCount++] = block;
        }

        return left;
    }

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
            table.Add(Take());
        }

        return true;
    }

    /// <summary>Takes all blocks back, the last one first, and empties the table.</summary>
    internal void Release(BlockTable table)
    {
        ReadOnlySpan<int> blocks = table.Blocks;
        for (int i = blocks.Length - 1; i >= table.Forgotten; i--)
        {
            Drop(blocks[i]);
        }

        table.Clear();
    }

    /// <summary>Compares the books with the tables that exist: every block is free once, or held as often as noted.</summary>
    /// <param name="tables">All tables.</param>
    /// <param name="isCached">Whether the cache of prefixes holds a block too; null without a cache.</param>
    /// <exception cref="InvalidOperationException">They do not agree; the message says where.</exception>
    internal void CheckInvariants(IEnumerable<BlockTable> tables, Func<int, bool>? isCached = null)
    {
        int[] held = new int[BlockCount];
        foreach (BlockTable table in tables)
        {
            foreach (int block in table.Blocks[table.Forgotten..])
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
            int holders = held[block] + (isCached?.Invoke(block) == true ? 1 : 0);
            if (holders != _holders[block] || free[block] != (holders == 0 ? 1 : 0))
            {
                throw new InvalidOperationException(
                    $"Block {block} is in {held[block]} tables, has {holders} holders, but {_holders[block]} are noted, and is free {free[block]} times.");
            }
        }
    }

    public void Dispose() => Memory.Dispose();
}

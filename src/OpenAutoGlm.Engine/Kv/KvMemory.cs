namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// Key and value memory as the scheduler sees it: blocks that sequences hold alone, share with one another, or find
/// already filled. Not thread-safe: the engine's thread owns it; only <see cref="Statistics"/> can be read from anywhere.
/// Disposed before the pool, whose blocks it may still have to put down.
/// </summary>
sealed class KvMemory : IDisposable
{
    readonly PrefixCache? _cache;
    readonly BlockStore? _store;
    readonly string? _storeProblem;
    readonly bool _storeSurvives;
    long _disabledLookups;
    long _disabledTokens;

    /// <summary>The memory of a pool.</summary>
    /// <param name="pool">The books and the bytes; stays the caller's.</param>
    /// <param name="options">What to do with what nobody uses at the moment; null keeps nothing.</param>
    /// <param name="window">How many tokens every layer sees at most (<see cref="EngineLimits.Window"/>); 0 where one sees all.</param>
    /// <param name="time">The clock by which the second tier is measured; null for the system's.</param>
    /// <param name="hash">The hash of the cache; null for one with a key of its own.</param>
    /// <param name="openStore">Opens the file of the second tier; null for the real one.</param>
    internal KvMemory(KvPool pool, PrefixCacheOptions? options = null, int window = 0, TimeProvider? time = null, PrefixHash? hash = null, Func<string, StoreFile>? openStore = null)
    {
        Pool = pool;
        if (options is not { Enabled: true })
        {
            return;
        }

        if (options.StorePath is not null)
        {
            _storeSurvives = options.ModelIdentity is not null;
            _store = window == 0
                ? BlockStore.TryOpen(options, pool.Memory, pool.BlockTokens, time ?? TimeProvider.System, out _storeProblem, openStore)
                : null;
            _storeProblem ??= window == 0 ? null : "Models with a sliding window make no use of a second tier.";
        }

        _cache = new PrefixCache(pool, hash ?? PrefixHash.Random(), window, _store);
    }

    internal KvPool Pool { get; }

    internal PrefixCache? Cache => _cache;

    internal int BlockTokens => Pool.BlockTokens;

    internal int BlockCount => Pool.BlockCount;

    /// <summary>Blocks that can be had: those that nobody holds, and those that only the cache of prefixes holds.</summary>
    internal int AvailableCount => Pool.FreeCount + (_cache?.IdleCount ?? 0);

    /// <summary>Blocks that sequences hold.</summary>
    internal int UsedCount => BlockCount - AvailableCount;

    /// <summary>Whether what one sequence computed can be found by another.</summary>
    internal bool Reuses => _cache is not null;

    /// <summary>What computing a token of a prompt anew takes at its start, as last measured; 0 where nobody has. What the second tier is worth depends on it.</summary>
    internal double RecomputeSecondsPerToken
    {
        get => _cache?.RecomputeSecondsPerToken ?? 0;
        set
        {
            if (_cache is not null)
            {
                _cache.RecomputeSecondsPerToken = value;
            }
        }
    }

    /// <summary>What the cache has found and lost; from any thread.</summary>
    internal PrefixCacheStatistics Statistics
    {
        get
        {
            long disabled = Volatile.Read(ref _disabledLookups);
            PrefixCacheStatistics statistics = _cache?.Statistics
                ?? new PrefixCacheStatistics { Lookups = disabled, TokensAsked = Volatile.Read(ref _disabledTokens), MissesDisabled = disabled };
            return statistics with
            {
                Store = _store?.Statistics ?? (_storeProblem is null ? null : new BlockStoreStatistics { Problem = _storeProblem }),
            };
        }
    }

    internal int BlocksFor(int tokens) => Pool.BlocksFor(tokens);

    /// <summary>
    /// Adds blocks to a table until it holds so many tokens; takes all that are missing, or none and says no. What is
    /// only cached gives way.
    /// </summary>
    internal bool TryGrow(BlockTable table, int tokens)
    {
        int missing = BlocksFor(tokens) - table.Count;
        if (missing > AvailableCount)
        {
            return false;
        }

        for (; missing > 0; missing--)
        {
            table.Add(Take());
        }

        Count(table);
        return true;
    }

    /// <summary>
    /// Puts the blocks of the longest known prefix of a sequence into its empty table. It is counted as a lookup when the
    /// table grows, so that who finds no room, gives the blocks back and tries again later is counted once.
    /// </summary>
    /// <param name="table">The sequence's table.</param>
    /// <param name="tokens">Its tokens. The last is never taken from the cache: its logits have to be computed.</param>
    /// <param name="scope">Who may share with whom.</param>
    /// <returns>How many tokens need not be computed: a multiple of <see cref="BlockTokens"/>.</returns>
    /// <exception cref="InvalidOperationException">The table is not empty.</exception>
    internal int Attach(BlockTable table, ReadOnlySpan<int> tokens, CacheScope scope)
    {
        RequireEmpty(table);
        if (_cache is null)
        {
            table.Lookup = new PrefixLookup(tokens.Length, 0, PrefixMiss.None);
            return 0;
        }

        return _cache.Attach(table, tokens, scope);
    }

    /// <summary>How many tokens <see cref="Attach"/> would find now; changes nothing and counts as no lookup.</summary>
    internal int Known(ReadOnlySpan<int> tokens, CacheScope scope) => _cache?.Known(tokens, scope.Tenant) ?? 0;

    /// <summary>
    /// Offers the blocks that a sequence has filled to others. To be called after every step; it costs next to nothing
    /// until another block is full. Where another sequence computed the same block first, the table gets that one's.
    /// </summary>
    /// <param name="table">The sequence's table.</param>
    /// <param name="tokens">Those whose keys and values are there, and can be taken back no more.</param>
    /// <param name="scope">The same as at <see cref="Attach"/>.</param>
    internal void Keep(BlockTable table, ReadOnlySpan<int> tokens, CacheScope scope) => _cache?.Keep(table, tokens, scope);

    /// <summary>Gives a second, empty table the same blocks. What either writes afterwards needs <see cref="TryOwn"/> first.</summary>
    /// <exception cref="InvalidOperationException">The second table is not empty.</exception>
    internal void Share(BlockTable from, BlockTable to)
    {
        RequireEmpty(to);
        for (int i = 0; i < from.Count; i++)
        {
            if (i >= from.Forgotten)
            {
                Hold(from.Blocks[i]);
            }

            to.Add(from.Blocks[i]);
        }

        to.Forgotten = from.Forgotten;
        to.IsUnfollowed = from.IsUnfollowed || !from.LastIsAlive;
        to.Follow(from.Kept, to.IsUnfollowed ? null : from.Last);
    }

    /// <summary>
    /// Makes sure that nobody else sees what is written from a position on: blocks from there that others hold too are
    /// exchanged for blocks of the table's own, the first with a copy of what lies before the position. False, and
    /// nothing is changed, where there are no blocks for that.
    /// </summary>
    internal bool TryOwn(BlockTable table, int position)
    {
        int first = position / BlockTokens;
        int shared = 0;
        bool isAlone = true;
        for (int i = Math.Max(first, table.Forgotten); i < table.Count; i++)
        {
            int block = table.Blocks[i];
            isAlone &= Pool.HoldersOf(block) == 1;
            shared += Pool.HoldersOf(block) > (Knows(block) ? 2 : 1) ? 1 : 0;
        }

        if (isAlone)
        {
            return true;
        }

        if (shared > AvailableCount)
        {
            return false;
        }

        // From the end, so that what follows an idle block is idle at every moment.
        CutKept(table, first);
        for (int i = table.Count - 1; i >= Math.Max(first, table.Forgotten); i--)
        {
            int block = table.Blocks[i];
            if (Pool.HoldersOf(block) == 1)
            {
                continue;
            }

            bool isOnlyCached = Knows(block) && Pool.HoldersOf(block) == 2;
            if (isOnlyCached && AvailableCount <= shared)
            {
                // Without room for a copy the cache has to do without the block.
                _cache!.Forget(block);
                continue;
            }

            shared -= isOnlyCached ? 0 : 1;
            int own = Take();
            if (i * BlockTokens < position)
            {
                Pool.Memory.Copy(block, own);
            }

            table.Set(i, own);
            Drop(block);
        }

        return true;
    }

    /// <summary>Takes back the blocks that are not needed for so many tokens.</summary>
    internal void Trim(BlockTable table, int tokens)
    {
        int count = Math.Min(table.Count, BlocksFor(tokens));
        for (int i = table.Count - 1; i >= Math.Max(count, table.Forgotten); i--)
        {
            Drop(table.Blocks[i]);
        }

        CutKept(table, tokens / BlockTokens);
        table.Cut(count);
    }

    /// <summary>Takes back the blocks that lie wholly before a position, which a sliding window has passed. Their places in the table stay, empty.</summary>
    /// <exception cref="InvalidOperationException">The memory was made for a model without a window.</exception>
    internal void Forget(BlockTable table, int before)
    {
        if (_cache is { Window: 0 })
        {
            throw new InvalidOperationException("A model that sees all tokens needs all their blocks.");
        }

        int end = Math.Min(table.Count, Math.Max(before, 0) / BlockTokens);
        for (int i = table.Forgotten; i < end; i++)
        {
            Drop(table.Blocks[i]);
            table.Set(i, 0);
        }

        table.Forgotten = Math.Max(table.Forgotten, end);
    }

    /// <summary>Takes all blocks back and empties the table. What was kept stays findable until its memory is needed.</summary>
    internal void Release(BlockTable table)
    {
        // The last block first: so the end of a sequence gives way before its beginning.
        for (int i = table.Count - 1; i >= table.Forgotten; i--)
        {
            Drop(table.Blocks[i]);
        }

        table.Clear();
    }

    /// <summary>Closes the second tier; where it survives, what is kept in memory and nobody holds goes there first.</summary>
    public void Dispose()
    {
        while (_storeSurvives && _store is { IsOn: true } && _cache!.TryEvict())
        {
        }

        _store?.Dispose();
    }

    /// <summary>Compares the books with the tables that exist.</summary>
    /// <exception cref="InvalidOperationException">They do not agree; the message says where.</exception>
    internal void CheckInvariants(IEnumerable<BlockTable> tables)
    {
        BlockTable[] all = [.. tables];
        Pool.CheckInvariants(all, _cache is null ? null : _cache.Knows);
        _cache?.CheckInvariants(all);
    }

    static void RequireEmpty(BlockTable table)
    {
        if (table.Count > 0)
        {
            throw new InvalidOperationException($"The table holds {table.Count} blocks already.");
        }
    }

    void Count(BlockTable table)
    {
        if (table.Lookup.Tokens == 0)
        {
            return;
        }

        if (_cache is null)
        {
            _disabledLookups++;
            _disabledTokens += table.Lookup.Tokens;
        }
        else
        {
            _cache.Count(table.Lookup);
        }

        table.Lookup = default;
    }

    bool Knows(int block) => _cache?.Knows(block) == true;

    int Take()
    {
        if (Pool.FreeCount == 0)
        {
            _cache?.TryEvict();
        }

        return Pool.Take();
    }

    void Hold(int block)
    {
        if (_cache is null)
        {
            Pool.Hold(block);
        }
        else
        {
            _cache.Hold(block);
        }
    }

    void Drop(int block)
    {
        if (_cache is null)
        {
            Pool.Drop(block);
        }
        else
        {
            _cache.Drop(block);
        }
    }

    /// <summary>Lets the cache follow a table up to a block and no further.</summary>
    static void CutKept(BlockTable table, int blocks)
    {
        if (table.Kept <= blocks)
        {
            return;
        }

        if (!table.LastIsAlive)
        {
            table.IsUnfollowed = true;
            return;
        }

        PrefixNode? last = table.Last;
        for (int i = table.Kept; i > blocks; i--)
        {
            last = last!.Parent;
        }

        table.Follow(blocks, blocks == 0 ? null : last);
    }
}

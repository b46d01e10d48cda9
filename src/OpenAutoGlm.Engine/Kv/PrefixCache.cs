namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// What sequences have computed, findable by the tokens: a tree of full blocks, a root for every tenant. A child is
/// found by a keyed hash of its parent's hash and its own tokens, and is one only if parent and tokens are the same, so
/// a collision can neither leak nor corrupt. The cache is one holder of each of its blocks; blocks that it alone holds
/// are idle and give way when memory is needed.
/// </summary>
/// <remarks>
/// Who holds a node's block holds those of all its ancestors, so what follows an idle node is idle, and leaves give way
/// before their parents, the least recently used first, in constant time. Under a sliding window of
/// <c>window</c> tokens sequences give blocks up while they hold later ones; there every idle block can go, and a node
/// whose block went stays, empty, while others follow it.
/// </remarks>
sealed partial class PrefixCache
{
    // Steady decoding allocates nothing: the nodes of its blocks are there already, unless the memory is huge.
    const int MostMadeAhead = 1 << 14;

    readonly KvPool _pool;
    readonly PrefixHash _hash;
    readonly PrefixNode?[] _nodes; // by block
    readonly PrefixNode?[] _byHash; // heads of lists, by the hash's lowest bits
    readonly ulong[] _evicted; // hashes that were here, by their lowest bits
    readonly PrefixNode _nobodysRoot;
    readonly Dictionary<string, PrefixNode> _roots = [];
    readonly PrefixNodeList _idle = new();
    readonly PrefixNodeList _idleLong = new();
    readonly int _window;
    readonly BlockStore? _store;
    PrefixNode? _spare;
    long _lastSerial;
    int _idleCount;
    int _keptCount;
    long _lookups;
    long _tokensAsked;
    long _tokensHit;
    long _tokensPromoted;
    long _neverSeen;
    long _missingEvicted;
    long _tooShort;
    long _evictions;

    /// <summary>A cache over the blocks of a pool.</summary>
    /// <param name="pool">The books.</param>
    /// <param name="hash">The hash to find blocks by.</param>
    /// <param name="window">How many tokens every layer sees at most; 0 where one sees all.</param>
    /// <param name="store">Where what gives way goes; null where it is lost.</param>
    internal PrefixCache(KvPool pool, PrefixHash hash, int window, BlockStore? store = null)
    {
        (_pool, _hash, _window, _store) = (pool, hash, window, store);
        _nodes = new PrefixNode?[pool.BlockCount];
        _byHash = new PrefixNode?[System.Numerics.BitOperations.RoundUpToPowerOf2((uint)pool.BlockCount)];
        _evicted = new ulong[4 * _byHash.Length];
        for (int i = 0; i < Math.Min(pool.BlockCount, MostMadeAhead); i++)
        {
            Return(new PrefixNode(BlockTokens));
        }

        _nobodysRoot = Rent();
        _nobodysRoot.Hash = hash.OfTenant(null);
    }

    /// <summary>Blocks that only the cache holds, all of which can go.</summary>
    internal int IdleCount => _idleCount;

    internal int Window => _window;

    /// <summary>What computing a token anew takes; 0 where nobody has measured it.</summary>
    internal double RecomputeSecondsPerToken { get; set; }

    /// <summary>How far into a sequence computing a token takes twice as long as at its start.</summary>
    internal double RecomputeDoublesAfterTokens { get; set; } = 16_384;

    /// <summary>Tenants of which something is known, those without a name not counted.</summary>
    internal int TenantCount => _roots.Count;

    int BlockTokens => _pool.BlockTokens;

    /// <summary>Fills an empty table with what is known of a sequence; says how many tokens that is.</summary>
    internal int Attach(BlockTable table, ReadOnlySpan<int> tokens, CacheScope scope)
    {
        Match match = Find(tokens, scope.Tenant);
        table.Cut(0);
        for (int i = 0; i < match.Depth; i++)
        {
            table.Add(0);
        }

        PrefixNode? node = match.Node;
        for (int i = match.Depth - 1; i >= match.First; i--, node = node.Parent)
        {
            Hold(node!.Block);
            table.Set(i, node.Block);
            node.IsLong |= scope.Retention == CacheRetention.Long;
        }

        table.Forgotten = match.First;
        table.Follow(match.Depth, match.Depth > 0 ? match.Node : null);
        if (_store is { IsOn: true } && _window == 0 && match.Miss is PrefixMiss.NeverSeen or PrefixMiss.Evicted)
        {
            match = Promote(table, tokens, scope, match);
        }

        table.Lookup = new PrefixLookup(tokens.Length, match.Depth * BlockTokens, match.Miss);
        return match.Depth * BlockTokens;
    }

    /// <summary>How many tokens <see cref="Attach"/> would find now. Changes nothing.</summary>
    internal int Known(ReadOnlySpan<int> tokens, string? tenant) => Find(tokens, tenant).Depth * BlockTokens;

    /// <summary>Counts a lookup that somebody made use of.</summary>
    internal void Count(PrefixLookup lookup)
    {
        _lookups++;
        _tokensAsked += lookup.Tokens;
        _tokensHit += lookup.Found;
        switch (lookup.Miss)
        {
            case PrefixMiss.NeverSeen:
                _neverSeen++;
                break;
            case PrefixMiss.Evicted:
                _missingEvicted++;
                break;
            case PrefixMiss.TooShort:
                _tooShort++;
                break;
        }
    }

    /// <summary>
    /// Takes up the blocks of a table that are full and not yet known. Where somebody else was first, the table gets
    /// that one's block and gives its own back: both hold the same bits.
    /// </summary>
    internal void Keep(BlockTable table, ReadOnlySpan<int> tokens, CacheScope scope)
    {
        int full = tokens.Length / BlockTokens;
        if (table.Kept >= full || scope.Retention == CacheRetention.None || table.IsUnfollowed)
        {
            return;
        }

        if (table.Kept < table.Forgotten || !table.LastIsAlive)
        {
            // A window passed before the block could be taken up: what follows would hang in the air.
            table.IsUnfollowed = true;
            return;
        }

        PrefixNode parent = table.Last ?? RootOf(scope.Tenant, create: true)!;
        for (int i = table.Kept; i < full; i++)
        {
            ReadOnlySpan<int> own = tokens.Slice(i * BlockTokens, BlockTokens);
            ulong hash = _hash.Of(parent.Hash, own);
            int block = table.Blocks[i];
            PrefixNode? node = FindChild(hash, parent, own);
            if (node is null)
            {
                node = AddChild(parent, hash, own);
                Fill(node, block);
            }
            else if (node.Block < 0)
            {
                Fill(node, block);
            }
            else if (node.Block != block)
            {
                RequireUnknown(block);
                Hold(node.Block);
                table.Set(i, node.Block);
                Drop(block);
            }

            node.IsLong |= scope.Retention == CacheRetention.Long;
            parent = node;
            table.Follow(i + 1, node);
        }
    }

    /// <summary>Notes that a table took a block that has a holder.</summary>
    internal void Hold(int block)
    {
        if (_pool.Hold(block) == 2 && _nodes[block] is { } node)
        {
            _idleCount--;
            node.List?.Remove(node);
        }
    }

    /// <summary>Notes that a table let a block go.</summary>
    internal void Drop(int block)
    {
        if (_pool.Drop(block) == 1 && _nodes[block] is { } node)
        {
            _idleCount++;
            if (CanGo(node))
            {
                ListOf(node).AddNewest(node);
            }
        }
    }

    internal bool Knows(int block) => _nodes[block] is not null;

    /// <summary>Gives up the least recently used idle block. False where there is none.</summary>
    internal bool TryEvict()
    {
        if ((_idle.Oldest ?? _idleLong.Oldest) is not { } node)
        {
            return false;
        }

        _evictions++;
        PutDown(node);
        _evicted[node.Hash & (ulong)(_evicted.Length - 1)] = node.Hash;
        node.List!.Remove(node);
        _idleCount--;
        Empty(node);
        return true;
    }

    /// <summary>Forgets a block that one table holds and nothing known follows, so that the table has it alone.</summary>
    internal void Forget(int block) => Empty(_nodes[block]!);

    internal PrefixCacheStatistics Statistics => new()
    {
        Lookups = Volatile.Read(ref _lookups),
        TokensAsked = Volatile.Read(ref _tokensAsked),
        TokensHit = Volatile.Read(ref _tokensHit),
        TokensPromoted = Volatile.Read(ref _tokensPromoted),
        MissesNeverSeen = Volatile.Read(ref _neverSeen),
        MissesEvicted = Volatile.Read(ref _missingEvicted),
        MissesTooShort = Volatile.Read(ref _tooShort),
        Evictions = Volatile.Read(ref _evictions),
        KeptBlocks = Volatile.Read(ref _keptCount),
        IdleBlocks = Volatile.Read(ref _idleCount),
    };

    /// <summary>The longest prefix whose blocks are there as far as the next token sees them.</summary>
    Match Find(ReadOnlySpan<int> tokens, string? tenant)
    {
        // The last token is computed in any case: its logits are wanted.
        int most = (tokens.Length - 1) / BlockTokens;
        if (most <= 0)
        {
            return new Match(null, 0, 0, PrefixMiss.TooShort);
        }

        PrefixNode? node = RootOf(tenant, create: false);
        ulong hash = node?.Hash ?? _hash.OfTenant(tenant);
        Match best = new(null, 0, 0, PrefixMiss.None);
        int present = 0; // blocks in a row that are there, up to this node's
        for (int depth = 1; depth <= most; depth++)
        {
            ReadOnlySpan<int> own = tokens.Slice((depth - 1) * BlockTokens, BlockTokens);
            hash = _hash.Of(hash, own);
            node = node is null ? null : FindChild(hash, node, own);
            if (node is null)
            {
                bool was = _evicted[hash & (ulong)(_evicted.Length - 1)] == hash;
                return best with { Miss = was ? PrefixMiss.Evicted : PrefixMiss.NeverSeen };
            }

            present = node.Block < 0 ? 0 : present + 1;
            int first = _window == 0 ? 0 : Math.Max(0, (depth * BlockTokens) - _window + 1) / BlockTokens;
            if (present >= depth - first)
            {
                best = new Match(node, depth, first, PrefixMiss.None);
            }
        }

        return best.Depth == most ? best : best with { Miss = PrefixMiss.Evicted };
    }

    /// <summary>What a lookup found: the last node, how many blocks that is, the first of them that is needed, and why there are no more.</summary>
    readonly record struct Match(PrefixNode? Node, int Depth, int First, PrefixMiss Miss);
}

namespace OpenAutoGlm.Engine.Kv;

// What goes to the second tier, and what comes back from there.
sealed partial class PrefixCache
{
    /// <summary>Appends to a table what the store knows of a sequence behind what memory knows.</summary>
    Match Promote(BlockTable table, ReadOnlySpan<int> tokens, CacheScope scope, Match match)
    {
        int most = (tokens.Length - 1) / BlockTokens;
        PrefixNode? parent = match.Node;
        UInt128 before = parent is null ? RootOf(scope.Tenant, create: false) is { } root ? DigestOf(root) : _store!.DigestOfTenant(scope.Tenant) : DigestOf(parent);
        int depth = match.Depth;
        for (; depth < most; depth++)
        {
            ReadOnlySpan<int> own = tokens.Slice(depth * BlockTokens, BlockTokens);
            UInt128 digest = BlockStore.DigestOf(before, own);
            PrefixNode? node = parent is null ? null : FindChild(_hash.Of(parent.Hash, own), parent, own);
            if (node is { Block: >= 0 })
            {
                Hold(node.Block);
            }
            else if (!TryPromote(ref parent, ref node, own, digest, depth + 1, scope))
            {
                break;
            }

            table.Add(node!.Block);
            table.Follow(depth + 1, node);
            (parent, before) = (node, digest);
        }

        return new Match(parent, depth, 0, depth == most ? PrefixMiss.None : match.Miss);
    }

    bool TryPromote(ref PrefixNode? parent, ref PrefixNode? node, ReadOnlySpan<int> own, UInt128 digest, int depth, CacheScope scope)
    {
        if (!_store!.Contains(digest) || !IsWorthReading(depth) || (_pool.FreeCount == 0 && !TryEvict()))
        {
            return false;
        }

        int block = _pool.Take();
        if (!_store.TryRead(digest, own, block))
        {
            _pool.Drop(block);
            return false;
        }

        // Only now: to make room, a root without anything else, or an empty node, may have gone.
        parent ??= RootOf(scope.Tenant, create: true)!;
        ulong hash = _hash.Of(parent.Hash, own);
        node = FindChild(hash, parent, own) ?? AddChild(parent, hash, own);
        node.Digest = digest;
        node.IsLong |= scope.Retention == CacheRetention.Long;
        Fill(node, block);
        _tokensPromoted += BlockTokens;
        return true;
    }

    /// <summary>Puts a block that gives way into the store, if it is faster to read it from there than to compute it again.</summary>
    void PutDown(PrefixNode node)
    {
        if (_store is not { IsOn: true } || _window > 0)
        {
            return;
        }

        UInt128 digest = DigestOf(node);
        if (_store.Contains(digest))
        {
            _store.Touch(digest);
        }
        else if (node.IsWanted || IsWorthWriting(node.Depth))
        {
            _store.Write(digest, DigestOf(node.Parent!), node.Depth, node.Tokens, node.Block);
        }
        else
        {
            return;
        }

        // Without what comes before it is never asked for.
        node.Parent!.IsWanted = true;
    }

    bool IsWorthReading(int depth) => RecomputeSecondsPerToken <= 0 || _store!.ReadSeconds < RecomputeSeconds(depth);

    // What is written may never be read, so writing counts too.
    bool IsWorthWriting(int depth) => RecomputeSecondsPerToken <= 0 || _store!.ReadSeconds + _store.WriteSeconds < RecomputeSeconds(depth);

    double RecomputeSeconds(int depth) => RecomputeSecondsPerToken * BlockTokens * (1 + (depth * (double)BlockTokens / RecomputeDoublesAfterTokens));

    UInt128 DigestOf(PrefixNode node)
    {
        if (node.Digest is { } known)
        {
            return known;
        }

        // From the start down, not by recursion: a sequence can have very many blocks.
        int missing = 0;
        for (PrefixNode? ancestor = node; ancestor is { Digest: null }; ancestor = ancestor.Parent)
        {
            missing++;
        }

        PrefixNode[] path = new PrefixNode[missing];
        for (PrefixNode? ancestor = node; missing > 0; ancestor = ancestor!.Parent)
        {
            path[--missing] = ancestor!;
        }

        foreach (PrefixNode ancestor in path)
        {
            ancestor.Digest = ancestor.Parent is null ? _store!.DigestOfTenant(ancestor.Tenant) : BlockStore.DigestOf(ancestor.Parent.Digest!.Value, ancestor.Tokens);
        }

        return node.Digest!.Value;
    }
}

namespace OpenAutoGlm.Engine.Kv;

// How nodes are found, added, emptied and used again.
sealed partial class PrefixCache
{
    PrefixNode? RootOf(string? tenant, bool create)
    {
        if (tenant is null)
        {
            return _nobodysRoot;
        }

        if (!_roots.TryGetValue(tenant, out PrefixNode? root) && create)
        {
            root = Rent();
            (root.Tenant, root.Hash) = (tenant, _hash.OfTenant(tenant));
            _roots.Add(tenant, root);
        }

        return root;
    }

    ref PrefixNode? Bucket(ulong hash) => ref _byHash[hash & (ulong)(_byHash.Length - 1)];

    PrefixNode? FindChild(ulong hash, PrefixNode parent, ReadOnlySpan<int> tokens)
    {
        PrefixNode? node = Bucket(hash);
        while (node is not null && (node.Hash != hash || node.Parent != parent || !tokens.SequenceEqual(node.Tokens)))
        {
            node = node.Next;
        }

        return node;
    }

    PrefixNode AddChild(PrefixNode parent, ulong hash, ReadOnlySpan<int> tokens)
    {
        PrefixNode node = Rent();
        (node.Parent, node.Depth, node.Hash) = (parent, parent.Depth + 1, hash);
        tokens.CopyTo(node.Tokens);
        ref PrefixNode? bucket = ref Bucket(hash);
        (node.Next, bucket) = (bucket, node);
        parent.Children++;
        return node;
    }

    /// <summary>Makes the cache a holder of a block that a table holds.</summary>
    void Fill(PrefixNode node, int block)
    {
        RequireUnknown(block);
        node.Block = block;
        _nodes[block] = node;
        _pool.Hold(block);
        _keptCount++;
    }

    void RequireUnknown(int block)
    {
        if (_nodes[block] is { } node)
        {
            throw new InvalidOperationException($"Block {block} was written to while it was the cached block {node.Depth} of a prefix: it had to be owned first.");
        }
    }

    /// <summary>Takes a node's block away, and the node itself where nothing follows it.</summary>
    void Empty(PrefixNode node)
    {
        _nodes[node.Block] = null;
        _keptCount--;
        _pool.Drop(node.Block);
        node.Block = -1;
        DropIfEmpty(node);
    }

    /// <summary>Removes a node that has neither block nor children, and then its parent if that has neither any more.</summary>
    void DropIfEmpty(PrefixNode node)
    {
        while (node.Children == 0 && node.Block < 0 && node != _nobodysRoot)
        {
            if (node.Parent is not { } parent)
            {
                _roots.Remove(node.Tenant!);
                Return(node);
                return;
            }

            Unlink(node);
            Return(node);
            parent.Children--;
            node = parent;
        }

        // What follows an idle parent was idle too and has just gone, so the parent is the next to go, or was used since.
        if (node.Block >= 0 && node.List is null && CanGo(node) && _pool.HoldersOf(node.Block) == 1)
        {
            ListOf(node).AddOldest(node);
        }
    }

    void Unlink(PrefixNode node)
    {
        ref PrefixNode? bucket = ref Bucket(node.Hash);
        if (bucket == node)
        {
            bucket = node.Next;
            return;
        }

        PrefixNode before = bucket!;
        while (before.Next != node)
        {
            before = before.Next!;
        }

        before.Next = node.Next;
    }

    bool CanGo(PrefixNode node) => node.Children == 0 || _window > 0;

    PrefixNodeList ListOf(PrefixNode node) => node.IsLong ? _idleLong : _idle;

    PrefixNode Rent()
    {
        PrefixNode node = _spare ?? new PrefixNode(BlockTokens);
        _spare = node.Next;
        (node.Next, node.Serial) = (null, ++_lastSerial);
        return node;
    }

    void Return(PrefixNode node)
    {
        (node.Parent, node.Tenant, node.Depth, node.Serial) = (null, null, 0, 0);
        (node.IsLong, node.IsWanted, node.Digest) = (false, false, null);
        (node.Next, _spare) = (_spare, node);
    }
}

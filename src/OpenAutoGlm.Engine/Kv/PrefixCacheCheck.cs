namespace OpenAutoGlm.Engine.Kv;

sealed partial class PrefixCache
{
    /// <summary>Compares tree, index, lists and counts with one another, with the pool and with the tables that exist.</summary>
    /// <exception cref="InvalidOperationException">Something does not agree; the message says what.</exception>
    internal void CheckInvariants(IReadOnlyCollection<BlockTable> tables)
    {
        HashSet<PrefixNode> nodes = CheckIndex();
        CheckTree(nodes);
        CheckIdle(nodes);
        foreach (BlockTable table in tables)
        {
            CheckTable(table);
        }
    }

    HashSet<PrefixNode> CheckIndex()
    {
        HashSet<PrefixNode> nodes = [];
        for (int bucket = 0; bucket < _byHash.Length; bucket++)
        {
            for (PrefixNode? node = _byHash[bucket]; node is not null; node = node.Next)
            {
                Require(nodes.Add(node), $"node {node.Serial} is in the index twice");
                Require((int)(node.Hash & (ulong)(_byHash.Length - 1)) == bucket, $"node {node.Serial} is under another hash");
                Require(node.Parent is not null && node.Hash == _hash.Of(node.Parent.Hash, node.Tokens), $"node {node.Serial} has another hash");
                Require(node.Block < 0 || _nodes[node.Block] == node, $"block {node.Block} is not noted as that of node {node.Serial}");
            }
        }

        Require(_nodes.Count(node => node is not null) == _keptCount, $"{_keptCount} blocks are noted as kept");
        Require(_nodes.All(node => node is null || nodes.Contains(node)), "a block belongs to a node that is not in the index");
        return nodes;
    }

    void CheckTree(HashSet<PrefixNode> nodes)
    {
        Dictionary<PrefixNode, int> children = [];
        foreach (PrefixNode node in nodes)
        {
            PrefixNode parent = node.Parent!;
            children[parent] = children.GetValueOrDefault(parent) + 1;
            bool isRoot = parent == _nobodysRoot || (parent.Tenant is { } tenant && _roots.GetValueOrDefault(tenant) == parent);
            Require(isRoot || nodes.Contains(parent), $"the parent of node {node.Serial} is gone");
            Require(node.Depth == parent.Depth + 1, $"node {node.Serial} is {node.Depth} deep under {parent.Depth}");
            Require(node.Serial > 0 && node.Depth > 0, $"node {node.Serial} at depth {node.Depth} is a spare one");
        }

        foreach (PrefixNode node in nodes.Concat(_roots.Values).Append(_nobodysRoot))
        {
            int count = children.GetValueOrDefault(node);
            Require(node.Children == count, $"node {node.Serial} has {count} children, not {node.Children}");
            Require(count > 0 || node.Block >= 0 || node == _nobodysRoot, $"node {node.Serial} is good for nothing");
        }
    }

    void CheckIdle(HashSet<PrefixNode> nodes)
    {
        int idle = 0;
        int listed = 0;
        foreach (PrefixNode node in nodes)
        {
            bool isIdle = node.Block >= 0 && _pool.HoldersOf(node.Block) == 1;
            idle += isIdle ? 1 : 0;
            PrefixNodeList? list = isIdle && CanGo(node) ? ListOf(node) : null;
            listed += list is null ? 0 : 1;
            Require(node.List == list, $"node {node.Serial} stands in the wrong list");
            Require(_window > 0 || isIdle || node.Block < 0 || node.Parent!.Block < 0 || _pool.HoldersOf(node.Parent.Block) > 1, $"node {node.Serial} is held, but its parent is not");
        }

        Require(idle == _idleCount, $"{idle} blocks are idle, but {_idleCount} are noted");
        foreach (PrefixNodeList list in (PrefixNodeList[])[_idle, _idleLong])
        {
            PrefixNode? older = null;
            for (PrefixNode? node = list.Oldest; node is not null; (older, node) = (node, node.Newer))
            {
                Require(node.List == list && node.Older == older, $"node {node.Serial} is linked wrongly");
                listed--;
            }

            Require(list.Newest == older, "a list ends elsewhere");
        }

        Require(listed == 0, "a list has other nodes than it should");
    }

    void CheckTable(BlockTable table)
    {
        for (int i = 0; i < table.Count; i++)
        {
            int block = table.Blocks[i];
            Require(i >= table.Forgotten || block == 0, $"place {i} is forgotten, but says {block}");
            if (i < table.Forgotten || _nodes[block] is not { } node)
            {
                Require(i < table.Forgotten || i >= table.Kept || table.IsUnfollowed, $"block {block} of a table is said to be kept, but is not");
                continue;
            }

            Require(node.Depth == i + 1, $"block {block} is cached as the {node.Depth}th, but a table has it as the {i + 1}th");
            Require(i <= table.Forgotten || table.Blocks[i - 1] == node.Parent!.Block, $"a table holds block {block}, but not what comes before it");
        }

        PrefixNode? last = table.IsUnfollowed || !table.LastIsAlive ? null : table.Last;
        Require(last is null || last.Depth == table.Kept, $"a table follows node {last?.Serial} after {table.Kept} blocks");
        Require(last is null || table.Kept <= table.Forgotten || last.Block == table.Blocks[table.Kept - 1], $"a table follows node {last?.Serial} without holding it");
    }

    static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new InvalidOperationException($"Prefix cache: {otherwise}.");
        }
    }
}

namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// One block of tokens in a <see cref="PrefixCache"/>, or the root of a tenant, which has no tokens. Nodes are used
/// again when they have gone; <see cref="Serial"/> tells one life from the next.
/// </summary>
sealed class PrefixNode(int tokens)
{
    /// <summary>The tokens of this block alone.</summary>
    internal int[] Tokens { get; } = new int[tokens];

    internal long Serial { get; set; }

    /// <summary>Of this block and all before it, and of the tenant.</summary>
    internal ulong Hash { get; set; }

    /// <summary>What comes before; null for a root.</summary>
    internal PrefixNode? Parent { get; set; }

    /// <summary>Blocks from the start to here, this one included; 0 for a root.</summary>
    internal int Depth { get; set; }

    /// <summary>Where the keys and values are; −1 where they were given up while what follows was kept (sliding windows only), and for roots.</summary>
    internal int Block { get; set; } = -1;

    internal int Children { get; set; }

    internal bool IsLong { get; set; }

    /// <summary>What a <see cref="BlockStore"/> calls this block and all before it; null until somebody asks.</summary>
    internal UInt128? Digest { get; set; }

    /// <summary>Whether the store has something that is of no use without this block.</summary>
    internal bool IsWanted { get; set; }

    /// <summary>Whose root it is.</summary>
    internal string? Tenant { get; set; }

    /// <summary>The next node under the same hash; of nodes that wait to be used again, the next one that waits.</summary>
    internal PrefixNode? Next { get; set; }

    /// <summary>The list of idle nodes in which it stands, and its neighbours there.</summary>
    internal PrefixNodeList? List { get; set; }

    internal PrefixNode? Older { get; set; }

    internal PrefixNode? Newer { get; set; }
}

/// <summary>Nodes in the order in which they were last used, linked through themselves.</summary>
sealed class PrefixNodeList
{
    internal PrefixNode? Oldest { get; private set; }

    internal PrefixNode? Newest { get; private set; }

    internal void AddNewest(PrefixNode node)
    {
        (node.List, node.Older, node.Newer) = (this, Newest, null);
        if (Newest is null)
        {
            Oldest = node;
        }
        else
        {
            Newest.Newer = node;
        }

        Newest = node;
    }

    internal void AddOldest(PrefixNode node)
    {
        (node.List, node.Older, node.Newer) = (this, null, Oldest);
        if (Oldest is null)
        {
            Newest = node;
        }
        else
        {
            Oldest.Older = node;
        }

        Oldest = node;
    }

    internal void Remove(PrefixNode node)
    {
        if (node.Older is null)
        {
            Oldest = node.Newer;
        }
        else
        {
            node.Older.Newer = node.Newer;
        }

        if (node.Newer is null)
        {
            Newest = node.Older;
        }
        else
        {
            node.Newer.Older = node.Older;
        }

        (node.List, node.Older, node.Newer) = (null, null, null);
    }
}

namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// Key and value memory as the scheduler sees it: blocks that sequences hold alone, share with one another, or find
/// already filled. Not thread-safe: the engine's thread owns it.
/// </summary>
sealed class KvMemory(KvPool pool)
{
    internal KvPool Pool => pool;

    internal int BlockTokens => pool.BlockTokens;

    internal int BlockCount => pool.BlockCount;

    /// <summary>Blocks that can be had: those that nobody holds, and those that only the cache of prefixes holds.</summary>
    internal int AvailableCount => pool.FreeCount;

    /// <summary>Blocks that sequences hold.</summary>
    internal int UsedCount => pool.BlockCount - AvailableCount;

    /// <summary>Whether what one sequence computed can be found by another.</summary>
    internal bool Reuses => false;

    internal int BlocksFor(int tokens) => pool.BlocksFor(tokens);

    /// <summary>Adds blocks to a table until it holds so many tokens; takes all that are missing, or none and says no.</summary>
    internal bool TryGrow(BlockTable table, int tokens) => pool.TryGrow(table, tokens);

    /// <summary>
    /// Puts the blocks of the longest known prefix of a sequence into its empty table.
    /// </summary>
    /// <param name="table">The sequence's table.</param>
    /// <param name="tokens">Its tokens. The last is never taken from the cache: its logits have to be computed.</param>
    /// <param name="scope">Who may share with whom.</param>
    /// <returns>How many tokens need not be computed.</returns>
    internal int Attach(BlockTable table, ReadOnlySpan<int> tokens, CacheScope scope)
    {
        _ = table.Count + tokens.Length;
        _ = scope;
        return 0;
    }

    /// <summary>Offers the blocks that a sequence has filled to others. tokens: those whose keys and values are there.</summary>
    internal void Keep(BlockTable table, ReadOnlySpan<int> tokens, CacheScope scope)
    {
        _ = table.Count + tokens.Length;
        _ = scope;
    }

    /// <summary>Gives a second, empty table the same blocks. What either writes afterwards needs <see cref="TryOwn"/> first.</summary>
    internal void Share(BlockTable from, BlockTable to) => throw new NotSupportedException();

    /// <summary>Makes sure that nobody else sees what is written from a position on: copies the block there if it is shared. False where there is no block for the copy.</summary>
    internal bool TryOwn(BlockTable table, int position)
    {
        _ = (table, position);
        return true;
    }

    /// <summary>Takes back the blocks that are not needed for so many tokens.</summary>
    internal void Trim(BlockTable table, int tokens) => throw new NotSupportedException();

    /// <summary>Takes back the blocks that lie wholly before a position, which a sliding window has passed. Their places in the table stay, empty.</summary>
    internal void Forget(BlockTable table, int before) => _ = table.Count + before;

    /// <summary>Takes all blocks back and empties the table. What was kept stays findable until its memory is needed.</summary>
    internal void Release(BlockTable table) => pool.Release(table);

    /// <summary>Compares the books with the tables that exist.</summary>
    /// <exception cref="InvalidOperationException">They do not agree; the message says where.</exception>
    internal void CheckInvariants(IEnumerable<BlockTable> tables) => pool.CheckInvariants(tables);
}

/// <summary>Who may share cached prefixes with whom, and how long they are worth keeping.</summary>
/// <param name="Tenant">Sequences of different tenants never share; null is a tenant too.</param>
/// <param name="Retention">Hint of how long the blocks stay worth keeping.</param>
readonly record struct CacheScope(string? Tenant, CacheRetention Retention = CacheRetention.Default);

/// <summary>How long what a sequence computed stays worth keeping for the next.</summary>
public enum CacheRetention
{
    /// <summary>Until memory is needed, the least recently used first.</summary>
    Default,

    /// <summary>Not at all: nobody will ask for it again.</summary>
    None,

    /// <summary>Longer than others: evicted only when nothing else is left.</summary>
    Long,
}

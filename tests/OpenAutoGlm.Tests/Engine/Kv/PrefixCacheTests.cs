namespace OpenAutoGlm.Engine.Kv;

/// <summary>What a cache of prefixes finds, for whom, and what gives way first.</summary>
public class PrefixCacheTests
{
    const int BlockTokens = 4;

    [Theory]
    [InlineData(1, 0)]
    [InlineData(4, 0)]
    [InlineData(5, 4)]
    [InlineData(8, 4)]
    [InlineData(9, 8)]
    [InlineData(12, 8)]
    [InlineData(30, 12)]
    public void Whole_blocks_are_found_and_the_last_token_never(int asked, int found)
    {
        KvMemory memory = Make(blocks: 8);
        Serve(memory, Tokens(1, 14));
        int[] tokens = [.. Tokens(1, 14), .. Tokens(2, 16)];
        BlockTable table = new();
        Assert.Equal(found, memory.Known(tokens.AsSpan(0, asked), default));
        Assert.Equal(found, memory.Attach(table, tokens.AsSpan(0, asked), default));
        Assert.Equal(found / BlockTokens, table.Count);
        memory.CheckInvariants([table]);
    }

    [Fact]
    public void What_a_running_sequence_has_filled_is_found_at_once()
    {
        KvMemory memory = Make(blocks: 8);
        BlockTable running = new();
        int[] tokens = Tokens(1, 20);
        memory.TryGrow(running, 20);
        memory.Keep(running, tokens.AsSpan(0, 7), default);
        BlockTable second = new();
        Assert.Equal(4, memory.Attach(second, tokens, default));
        memory.Keep(running, tokens.AsSpan(0, 16), default);
        BlockTable third = new();
        Assert.Equal(16, memory.Attach(third, tokens, default));
        Assert.Equal(running.Blocks[..4].ToArray(), third.Blocks.ToArray());
        memory.CheckInvariants([running, second, third]);
    }

    [Fact]
    public void Prefixes_that_part_share_what_comes_before()
    {
        KvMemory memory = Make(blocks: 12);
        Serve(memory, [.. Tokens(1, 8), .. Tokens(2, 8)]);
        Serve(memory, [.. Tokens(1, 8), .. Tokens(3, 8)]);
        Assert.Equal(6, memory.Statistics.KeptBlocks);
        Assert.Equal(16, memory.Known([.. Tokens(1, 8), .. Tokens(2, 8), 0], default));
        Assert.Equal(16, memory.Known([.. Tokens(1, 8), .. Tokens(3, 8), 0], default));
        Assert.Equal(8, memory.Known([.. Tokens(1, 8), .. Tokens(4, 8), 0], default));
        Assert.Equal(0, memory.Known([.. Tokens(2, 8), 0], default));
    }

    [Fact]
    public void Who_computed_the_same_block_later_gets_the_cached_one_and_frees_its_own()
    {
        KvMemory memory = Make(blocks: 8);
        (BlockTable first, BlockTable second) = (new(), new());
        int[] tokens = Tokens(1, 12);
        memory.TryGrow(first, 12);
        memory.TryGrow(second, 12);
        memory.Keep(first, tokens, default);
        Assert.Equal(2, memory.AvailableCount);
        memory.Keep(second, tokens, default);
        Assert.Equal(first.Blocks.ToArray(), second.Blocks.ToArray());
        Assert.Equal((5, 3), (memory.AvailableCount, memory.Statistics.KeptBlocks));
        memory.CheckInvariants([first, second]);
    }

    [Fact]
    public void Tenants_never_share_and_nobody_is_a_tenant_too()
    {
        string?[] tenants = [null, "", "a", "b"];
        KvMemory memory = Make(blocks: 16);
        for (int i = 0; i < tenants.Length; i++)
        {
            Assert.Equal(0, memory.Known(Tokens(1, 9), new CacheScope(tenants[i])));
            Serve(memory, Tokens(1, 8), new CacheScope(tenants[i]));
            Assert.Equal(8, memory.Known(Tokens(1, 9), new CacheScope(tenants[i])));
        }

        Assert.Equal(8, memory.Statistics.KeptBlocks);
        memory.CheckInvariants([]);
    }

    [Fact]
    public void A_tenant_that_is_gone_leaves_nothing_behind()
    {
        KvMemory memory = Make(blocks: 2);
        for (int tenant = 0; tenant < 100; tenant++)
        {
            Serve(memory, Tokens(1, 8), new CacheScope($"{tenant}"));
            memory.CheckInvariants([]);
        }

        Assert.Equal(1, memory.Cache!.TenantCount);
    }

    [Fact]
    public void Hashes_that_all_collide_confuse_nothing()
    {
        KvMemory memory = Make(blocks: 64, hash: new ColludingHash());
        for (int i = 0; i < 8; i++)
        {
            Serve(memory, [.. Tokens(i, 4), .. Tokens(100, 4), .. Tokens(i, 4)], new CacheScope(i % 2 == 0 ? null : "other"));
            memory.CheckInvariants([]);
        }

        for (int i = 0; i < 8; i++)
        {
            int[] tokens = [.. Tokens(i, 4), .. Tokens(100, 4), .. Tokens(i, 4), 0];
            Assert.Equal(12, memory.Known(tokens, new CacheScope(i % 2 == 0 ? null : "other")));
            Assert.Equal(0, memory.Known(tokens, new CacheScope(i % 2 == 0 ? "other" : null)));
        }

        Assert.Equal(4, memory.Known([.. Tokens(0, 4), .. Tokens(2, 4), 0], default));
    }

    [Fact]
    public void The_end_of_the_least_recently_used_sequence_gives_way_first()
    {
        KvMemory memory = Make(blocks: 6);
        Serve(memory, Tokens(1, 12));
        Serve(memory, Tokens(2, 12));
        BlockTable grower = new();
        Assert.Equal(6, memory.AvailableCount);
        Assert.Equal([(12, 12), (8, 12), (4, 12), (0, 12), (0, 8), (0, 4), (0, 0)], Enumerable.Range(0, 7).Select(blocks =>
        {
            Assert.True(memory.TryGrow(grower, blocks * BlockTokens));
            Assert.Equal(6 - blocks, memory.AvailableCount);
            memory.CheckInvariants([grower]);
            return (memory.Known(Tokens(1, 13), default), memory.Known(Tokens(2, 13), default));
        }));
        Assert.False(memory.TryGrow(grower, 7 * BlockTokens));
        Assert.Equal(6, memory.Statistics.Evictions);
    }

    [Fact]
    public void What_was_used_again_stays_longer()
    {
        KvMemory memory = Make(blocks: 6);
        Serve(memory, Tokens(1, 12));
        Serve(memory, Tokens(2, 12));
        Serve(memory, Tokens(1, 13));
        BlockTable grower = new();
        memory.TryGrow(grower, 3 * BlockTokens);
        Assert.Equal((12, 0), (memory.Known(Tokens(1, 13), default), memory.Known(Tokens(2, 13), default)));
    }

    [Fact]
    public void Retention_says_what_is_not_kept_and_what_stays_longest()
    {
        KvMemory memory = Make(blocks: 6);
        Serve(memory, Tokens(1, 8), new CacheScope(null, CacheRetention.Long));
        Serve(memory, Tokens(2, 8), new CacheScope(null, CacheRetention.None));
        Serve(memory, Tokens(3, 8));
        Assert.Equal((8, 0, 8), (Known(1), Known(2), Known(3)));
        BlockTable grower = new();
        memory.TryGrow(grower, 4 * BlockTokens);
        Assert.Equal((8, 0), (Known(1), Known(3)));
        memory.TryGrow(grower, 5 * BlockTokens);
        Assert.Equal(4, Known(1));
        memory.CheckInvariants([grower]);

        int Known(int sequence) => memory.Known(Tokens(sequence, 9), default);
    }

    [Fact]
    public void What_a_sequence_holds_never_gives_way()
    {
        KvMemory memory = Make(blocks: 4);
        Serve(memory, Tokens(1, 12));
        BlockTable holder = new();
        Assert.Equal(8, memory.Attach(holder, Tokens(1, 12), default));
        BlockTable grower = new();
        Assert.Equal(2, memory.AvailableCount);
        Assert.False(memory.TryGrow(grower, 12));
        Assert.True(memory.TryGrow(grower, 8));
        Assert.Equal(8, memory.Known(Tokens(1, 13), default));
        memory.CheckInvariants([holder, grower]);
    }

    [Fact]
    public void Statistics_say_why_nothing_was_found()
    {
        KvMemory memory = Make(blocks: 2);
        Ask(Tokens(1, 4));
        Ask(Tokens(1, 9));
        Serve(memory, Tokens(1, 8), ask: false);
        Ask(Tokens(1, 9));
        Serve(memory, Tokens(2, 8), ask: false);
        Ask(Tokens(1, 9));
        PrefixCacheStatistics statistics = memory.Statistics;
        Assert.Equal((4, 31, 8), (statistics.Lookups, statistics.TokensAsked, statistics.TokensHit));
        Assert.Equal((1, 1, 1, 0), (statistics.MissesTooShort, statistics.MissesNeverSeen, statistics.MissesEvicted, statistics.MissesDisabled));
        Assert.Equal((2, 2, 2), (statistics.Evictions, statistics.KeptBlocks, statistics.IdleBlocks));

        KvMemory off = new(new KvPool(2, BlockTokens, new FakeMemory(2, BlockTokens)), new PrefixCacheOptions { Enabled = false });
        BlockTable table = new();
        Assert.Equal(0, off.Attach(table, Tokens(1, 9), default));
        Assert.True(off.TryGrow(table, 8));
        Assert.Equal((1, 1, 9), (off.Statistics.Lookups, off.Statistics.MissesDisabled, off.Statistics.TokensAsked));

        void Ask(int[] tokens)
        {
            BlockTable table = new();
            int found = memory.Attach(table, tokens, default);
            Assert.True(memory.TryGrow(table, found));
            memory.Release(table);

            // Who finds no room and gives back what was found is not counted.
            memory.Attach(table, tokens, default);
            memory.Release(table);
        }
    }

    [Fact]
    public void A_window_finds_what_the_next_token_sees_and_leaves_the_rest()
    {
        // The next token after 16 sees 8 tokens, itself included: positions 9 … 15, in blocks 2 and 3.
        KvMemory memory = Make(blocks: 8, window: 8);
        BlockTable first = new();
        memory.TryGrow(first, 18);
        for (int computed = 1; computed <= 18; computed++)
        {
            memory.Keep(first, Tokens(1, computed), default);
            memory.Forget(first, computed - 8 + 1);
            memory.CheckInvariants([first]);
        }

        memory.Release(first);
        BlockTable grower = new();
        memory.TryGrow(grower, 6 * BlockTokens);
        memory.CheckInvariants([grower]);
        Assert.Equal(16, memory.Known(Tokens(1, 18), default));
        Assert.Equal(0, memory.Known(Tokens(1, 16), default));
        BlockTable second = new();
        Assert.Equal(16, memory.Attach(second, Tokens(1, 18), default));
        Assert.Equal((4, 2), (second.Count, second.Forgotten));
        memory.CheckInvariants([grower, second]);

        // And it is followed further.
        memory.Release(grower);
        memory.TryGrow(second, 21);
        memory.Keep(second, Tokens(1, 20), default);
        Assert.Equal(20, memory.Known(Tokens(1, 21), default));
        memory.CheckInvariants([second]);
    }

    [Fact]
    public void Following_a_sequence_that_fills_no_block_allocates_nothing()
    {
        KvMemory memory = Make(blocks: 64);
        BlockTable table = new();
        memory.TryGrow(table, 40);
        memory.Keep(table, Tokens(1, 36), default);
        int[] tokens = Tokens(1, 39);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            memory.Keep(table, tokens, default);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Once_the_memory_has_been_full_sequences_come_and_go_without_garbage()
    {
        KvMemory memory = Make(blocks: 32);
        BlockTable table = new();
        int[][] sequences = [.. Enumerable.Range(0, 40).Select(i => Tokens(i, 33))];
        long before = 0;
        for (int i = 0; i < 400; i++)
        {
            before = i == 40 ? GC.GetAllocatedBytesForCurrentThread() : before;
            int[] tokens = sequences[i % sequences.Length];
            memory.Attach(table, tokens, default);
            memory.TryGrow(table, tokens.Length);
            memory.Keep(table, tokens, default);
            memory.Release(table);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    internal static int[] Tokens(int sequence, int count) => [.. Enumerable.Range(0, count).Select(i => (sequence * 1000) + i)];

    static KvMemory Make(int blocks, int window = 0, PrefixHash? hash = null) =>
        new(new KvPool(blocks, BlockTokens, new FakeMemory(blocks, BlockTokens)), new PrefixCacheOptions(), window, hash: hash ?? new PrefixHash(1, 2));

    static void Serve(KvMemory memory, int[] tokens, CacheScope scope = default, bool ask = true)
    {
        BlockTable table = new();
        if (ask)
        {
            memory.Attach(table, tokens, scope);
        }

        Assert.True(memory.TryGrow(table, tokens.Length));
        memory.Keep(table, tokens, scope);
        memory.CheckInvariants([table]);
        memory.Release(table);
    }

    /// <summary>Says the same of everything.</summary>
    internal sealed class ColludingHash() : PrefixHash(0, 0)
    {
        internal override ulong Of(ulong parent, ReadOnlySpan<int> tokens) => 7;
    }
}

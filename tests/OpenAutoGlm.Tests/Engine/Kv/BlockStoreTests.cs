namespace OpenAutoGlm.Engine.Kv;

/// <summary>The second tier: what comes back, what survives, and what is told from good data and given up.</summary>
public sealed class BlockStoreTests : IDisposable
{
    const int BlockTokens = 4;
    static readonly PrefixHash Contents = new(5, 6);

    readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    string File => Path.Combine(_folder, "store");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_gave_way_in_memory_comes_back_from_the_file()
    {
        using Tier tier = new(Options(identity: null), blocks: 4);
        for (int sequence = 0; sequence < 5; sequence++)
        {
            Assert.Equal(0, tier.Serve(Tokens(sequence, 12)));
        }

        for (int sequence = 0; sequence < 5; sequence++)
        {
            Assert.Equal(12, tier.Serve(Tokens(sequence, 13)));
        }

        PrefixCacheStatistics statistics = tier.Memory.Statistics;
        Assert.True(statistics.TokensPromoted >= 4 * 12, $"{statistics}");
        Assert.Equal((5 * 12, null, 0L), (statistics.TokensHit, statistics.Store!.Problem, statistics.Store.Damaged));
        Assert.Equal(statistics.TokensPromoted / BlockTokens, statistics.Store.Promoted);
        Assert.True(statistics.Store.ReadBytesPerSecond > 0 && statistics.Store.WriteBytesPerSecond > 0);
    }

    [Fact]
    public void Tenants_do_not_share_there_either()
    {
        using Tier tier = new(Options(identity: null), blocks: 4);
        tier.Serve(Tokens(1, 12), "a");
        tier.Serve(Tokens(2, 16), "b");
        Assert.Equal(0, tier.Serve(Tokens(1, 13), null));
        Assert.Equal(0, tier.Serve(Tokens(1, 13), ""));
        Assert.Equal(0, tier.Serve(Tokens(1, 13), "b"));
        Assert.Equal(12, tier.Serve(Tokens(1, 13), "a"));
    }

    [Fact]
    public void The_file_stays_within_its_size_and_the_least_recently_used_is_overwritten()
    {
        using Tier tier = new(Options(identity: null) with { StoreBytes = 4096 + (8 * 4096) }, blocks: 4);
        for (int sequence = 0; sequence < 20; sequence++)
        {
            tier.Serve(Tokens(sequence, 12));
        }

        Assert.Equal(12, tier.Serve(Tokens(18, 13)));
        Assert.Equal(0, tier.Serve(Tokens(3, 13)));
        BlockStoreStatistics store = tier.Memory.Statistics.Store!;
        Assert.Equal((8, 8), (store.Slots, store.UsedSlots));
        Assert.True(store.Overwritten > 20);
        Assert.True(new FileInfo(File).Length <= 4096 + (8 * 4096));
    }

    [Theory]
    [InlineData("model", "model", true)]
    [InlineData("model", "other", false)]
    [InlineData("model", null, false)]
    [InlineData(null, "model", false)]
    public void A_file_serves_the_next_engine_of_the_same_model_only(string? before, string? after, bool survives)
    {
        using (Tier tier = new(Options(before), blocks: 6))
        {
            tier.Serve(Tokens(1, 12));
            tier.Serve(Tokens(2, 12), "tenant");
        }

        Assert.Equal(before is not null, System.IO.File.Exists(File));
        using Tier next = new(Options(after), blocks: 6);
        Assert.Equal(survives ? 12 : 0, next.Serve(Tokens(1, 13)));
        Assert.Equal(survives ? 12 : 0, next.Serve(Tokens(2, 13), "tenant"));
        Assert.Null(next.Memory.Statistics.Store!.Problem);
    }

    [Fact]
    public void A_file_of_blocks_of_another_size_is_not_used()
    {
        using (Tier tier = new(Options("model"), blocks: 6))
        {
            tier.Serve(Tokens(1, 12));
        }

        using Tier next = new(Options("model"), blocks: 8, blockTokens: 2);
        Assert.Equal(0, next.Serve(Tokens(1, 13)));
    }

    [Fact]
    public void A_damaged_file_never_gives_wrong_data_and_never_fails()
    {
        using (Tier tier = new(Options("model"), blocks: 16))
        {
            for (int sequence = 0; sequence < 4; sequence++)
            {
                tier.Serve(Tokens(sequence, 16));
            }
        }

        byte[] good = System.IO.File.ReadAllBytes(File);
        Random random = new(1);
        (long damaged, int hits, int misses) = (0, 0, 0);
        for (int round = 0; round < 300; round++)
        {
            byte[] bad = [.. good];
            for (int flips = random.Next(1, 30); flips > 0; flips--)
            {
                bad[random.Next(bad.Length)] ^= (byte)(1 << random.Next(8));

                // The file is mostly the gaps between small slots: aim at what is used, too.
                bad[(random.Next(bad.Length / 4096) * 4096) + random.Next(160)] ^= (byte)(1 << random.Next(8));
            }

            System.IO.File.WriteAllBytes(File, round % 5 == 0 ? bad[..random.Next(bad.Length)] : bad);
            using Tier tier = new(Options("model"), blocks: 16);
            for (int sequence = 0; sequence < 4; sequence++)
            {
                // Serve itself compares what is found with what it must be.
                _ = tier.Serve(Tokens(sequence, 17)) > 0 ? hits++ : misses++;
            }

            damaged += tier.Memory.Statistics.Store!.Damaged;
        }

        Assert.True(damaged > 10 && hits > 50 && misses > 50, $"{damaged} {hits} {misses}");
    }

    [Fact]
    public void A_process_that_dies_at_any_byte_leaves_a_file_that_serves_the_next()
    {
        int found = 0;
        for (int dies = 0; dies < 4000; dies += 29)
        {
            System.IO.File.Delete(File);
            DyingFile? file = null;
            using (Tier tier = new(Options("model") with { StoreBytes = 4096 + (6 * 4096) }, blocks: 4, open: path => file = new DyingFile(path) { BytesLeft = 4096 + dies }))
            {
                for (int sequence = 0; sequence < 6; sequence++)
                {
                    tier.Serve(Tokens(sequence % 4, 12));
                }
            }

            Assert.NotNull(file);
            using Tier next = new(Options("model") with { StoreBytes = 4096 + (6 * 4096) }, blocks: 4);
            Assert.Null(next.Memory.Statistics.Store!.Problem);
            for (int sequence = 0; sequence < 4; sequence++)
            {
                found += next.Serve(Tokens(sequence, 13));
            }
        }

        Assert.True(found > 300);
    }

    [Fact]
    public void A_full_disk_switches_the_file_off_and_nothing_else()
    {
        DyingFile? file = null;
        using Tier tier = new(Options("model"), blocks: 4, open: path => file = new DyingFile(path));
        tier.Serve(Tokens(1, 12));
        tier.Serve(Tokens(2, 12));
        Assert.Equal(12, tier.Serve(Tokens(1, 13)));
        file!.IsFull = true;
        for (int sequence = 3; sequence < 9; sequence++)
        {
            Assert.Equal(0, tier.Serve(Tokens(sequence, 12)));
        }

        Assert.Contains("No room", tier.Memory.Statistics.Store!.Problem, StringComparison.Ordinal);
        Assert.Equal(0, tier.Serve(Tokens(2, 13)));
        Assert.Equal(12, tier.Serve(Tokens(2, 13)));
    }

    [Fact]
    public void A_second_engine_is_told_that_the_file_is_taken_and_runs_without()
    {
        using Tier first = new(Options("model"), blocks: 4);
        using Tier second = new(Options("model"), blocks: 4);
        Assert.Contains("one process alone", second.Memory.Statistics.Store!.Problem, StringComparison.Ordinal);
        second.Serve(Tokens(1, 12));
        Assert.Equal(12, second.Serve(Tokens(1, 13)));
        first.Serve(Tokens(1, 12));
        Assert.Null(first.Memory.Statistics.Store!.Problem);
    }

    [Fact]
    public void A_file_of_somebody_elses_is_left_alone()
    {
        System.IO.File.WriteAllText(File, "The only copy of my novel, which is longer than sixteen bytes.");
        using (Tier tier = new(Options(identity: null), blocks: 4))
        {
            Assert.Contains("left alone", tier.Memory.Statistics.Store!.Problem, StringComparison.Ordinal);
        }

        Assert.StartsWith("The only copy", System.IO.File.ReadAllText(File), StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_that_cannot_be_and_a_size_that_holds_nothing_are_told()
    {
        using Tier nowhere = new(Options("model") with { StorePath = Path.Combine(_folder, "none", "store") }, blocks: 4);
        Assert.Contains("none", nowhere.Memory.Statistics.Store!.Problem, StringComparison.Ordinal);
        using Tier small = new(Options("model") with { StoreBytes = 5000 }, blocks: 4);
        Assert.Contains("StoreBytes", small.Memory.Statistics.Store!.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_its_owner_may_read_the_file()
    {
        using Tier tier = new(Options("model"), blocks: 4);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
        }
    }

    [Fact]
    public void A_file_that_may_be_no_longer_as_large_is_cut()
    {
        using (Tier tier = new(Options("model"), blocks: 24))
        {
            for (int sequence = 0; sequence < 5; sequence++)
            {
                tier.Serve(Tokens(sequence, 16));
            }
        }

        PrefixCacheOptions smaller = Options("model") with { StoreBytes = 4096 * 9 };
        using Tier next = new(smaller, blocks: 24);
        Assert.True(new FileInfo(File).Length <= smaller.StoreBytes);
        Assert.Equal((8, 8), (next.Memory.Statistics.Store!.Slots, next.Memory.Statistics.Store!.UsedSlots));
        for (int sequence = 0; sequence < 5; sequence++)
        {
            next.Serve(Tokens(sequence, 17));
        }
    }

    [Fact]
    public void What_is_faster_to_compute_than_to_read_is_not_written()
    {
        using Tier fast = new(Options(identity: null), blocks: 3);
        fast.Memory.RecomputeSecondsPerToken = 1e-12;
        fast.Serve(Tokens(1, 12));
        fast.Serve(Tokens(2, 12));
        Assert.Equal(0, fast.Memory.Statistics.Store!.Written);
        fast.Memory.RecomputeSecondsPerToken = 1;
        fast.Serve(Tokens(1, 12));
        Assert.Equal(3, fast.Memory.Statistics.Store!.Written);
    }

    [Fact]
    public void Random_histories_over_a_small_memory_and_a_file_find_the_right_data()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            Random random = new(seed);
            PrefixCacheOptions options = Options(seed % 2 == 0 ? "model" : null) with { StoreBytes = 4096 + (random.Next(4, 30) * 4096) };
            System.IO.File.Delete(File);
            long promoted = 0;
            for (int life = 0; life < 3; life++)
            {
                using Tier tier = new(options, blocks: random.Next(4, 12));
                for (int turn = 0; turn < 150; turn++)
                {
                    tier.Serve([.. Tokens(random.Next(3), random.Next(9)), .. Tokens(random.Next(3), random.Next(1, 8))], random.Next(3) == 0 ? "a" : null);
                }

                promoted += tier.Memory.Statistics.Store!.Promoted;
                Assert.Equal(0, tier.Memory.Statistics.Store!.Damaged);
            }

            Assert.True(promoted > 20, $"{promoted}");
        }
    }

    PrefixCacheOptions Options(string? identity) => new() { StorePath = File, StoreBytes = 1 << 20, ModelIdentity = identity };

    static int[] Tokens(int sequence, int count) => PrefixCacheTests.Tokens(sequence, count);

    /// <summary>A memory with a cache and a file, which serves one sequence after the other.</summary>
    sealed class Tier : IDisposable
    {
        readonly FakeMemory _bytes;
        readonly int _blockTokens;

        internal Tier(PrefixCacheOptions options, int blocks, int blockTokens = BlockTokens, Func<string, StoreFile>? open = null)
        {
            _blockTokens = blockTokens;
            _bytes = new FakeMemory(blocks, blockTokens);
            Memory = new KvMemory(new KvPool(blocks, blockTokens, _bytes), options, openStore: open);
        }

        internal KvMemory Memory { get; }

        /// <summary>Attaches, checks what is found, computes the rest, keeps it and goes; says how many tokens were found.</summary>
        internal int Serve(int[] tokens, string? tenant = null)
        {
            BlockTable table = new();
            int found = Memory.Attach(table, tokens, new CacheScope(tenant));
            for (int i = 0; i < found; i++)
            {
                Assert.Equal(Content(tokens, i, tenant), _bytes[Slot(table, i)]);
            }

            Memory.CheckInvariants([table]);
            Assert.True(Memory.TryGrow(table, tokens.Length));
            for (int i = found; i < tokens.Length; i++)
            {
                _bytes[Slot(table, i)] = Content(tokens, i, tenant);
            }

            Memory.Keep(table, tokens, new CacheScope(tenant));
            Memory.CheckInvariants([table]);
            Memory.Release(table);
            return found;
        }

        public void Dispose() => Memory.Dispose();

        int Slot(BlockTable table, int position) => (table.Blocks[position / _blockTokens] * _blockTokens) + (position % _blockTokens);

        static long Content(int[] tokens, int last, string? tenant) => (long)(Contents.Of(Contents.OfTenant(tenant), tokens.AsSpan(0, last + 1)) >> 1);
    }

    /// <summary>A file whose process dies after so many bytes, or whose disk is full.</summary>
    sealed class DyingFile(string path) : StoreFile(path)
    {
        internal int BytesLeft { get; set; } = int.MaxValue;

        internal bool IsFull { get; set; }

        internal override void Write(ReadOnlySpan<byte> bytes, long offset)
        {
            if (IsFull)
            {
                throw new IOException("No room on the disk.");
            }

            int written = Math.Min(bytes.Length, BytesLeft);
            BytesLeft -= written;
            base.Write(bytes[..written], offset);
        }
    }
}

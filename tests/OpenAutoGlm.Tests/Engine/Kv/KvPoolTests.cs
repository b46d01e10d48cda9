namespace OpenAutoGlm.Engine.Kv;

public class KvPoolTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(4, 1)]
    [InlineData(5, 2)]
    [InlineData(int.MaxValue, 536_870_912)]
    public void Tokens_take_whole_blocks(int tokens, int blocks) => Assert.Equal(blocks, new KvPool(1, 4, []).BlocksFor(tokens));

    [Fact]
    public void A_table_grows_by_what_is_missing_and_by_nothing_where_too_much_is_missing()
    {
        KvPool pool = new(3, 4, []);
        BlockTable first = new();
        BlockTable second = new();
        Assert.True(pool.TryGrow(first, 5));
        Assert.True(pool.TryGrow(first, 8));
        Assert.Equal(2, first.Count);
        Assert.False(pool.TryGrow(second, 5));
        Assert.Equal(0, second.Count);
        Assert.Equal(1, pool.FreeCount);
        pool.CheckInvariants([first, second]);
        pool.Release(first);
        Assert.Equal(3, pool.FreeCount);
        Assert.True(pool.TryGrow(second, 12));
        Assert.Equal([0, 1, 2], second.Blocks.ToArray().Order());
        pool.CheckInvariants([first, second]);
    }

    [Fact]
    public void The_checker_finds_a_block_that_two_hold_and_one_that_nobody_does()
    {
        KvPool pool = new(3, 4, []);
        BlockTable table = new();
        pool.TryGrow(table, 4);
        BlockTable thief = new();
        thief.Add(table.Blocks[0]);
        Assert.Throws<InvalidOperationException>(() => pool.CheckInvariants([table, thief]));
        Assert.Throws<InvalidOperationException>(() => pool.CheckInvariants([]));
    }

    [Fact]
    public void Available_memory_is_what_the_tightest_of_machine_and_group_leaves()
    {
        string root = Directory.CreateTempSubdirectory().FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(root, "proc"));
            Directory.CreateDirectory(Path.Combine(root, "sys/fs/cgroup"));
            long unlimited = KvBudget.AvailableBytes(root);
            Assert.True(unlimited > 0);
            File.WriteAllText(Path.Combine(root, "proc/meminfo"), "MemTotal:  9000 kB\nMemAvailable:    4000 kB\n");
            Assert.Equal(4000 * 1024, KvBudget.AvailableBytes(root));
            File.WriteAllText(Path.Combine(root, "sys/fs/cgroup/memory.max"), "max\n");
            File.WriteAllText(Path.Combine(root, "sys/fs/cgroup/memory.current"), "1500000\n");
            Assert.Equal(4000 * 1024, KvBudget.AvailableBytes(root));
            File.WriteAllText(Path.Combine(root, "sys/fs/cgroup/memory.max"), "2000000\n");
            Assert.Equal(500_000, KvBudget.AvailableBytes(root));
            File.WriteAllText(Path.Combine(root, "sys/fs/cgroup/memory.stat"), "anon 500000\nfile 1000000\n");
            Assert.Equal(1_500_000, KvBudget.AvailableBytes(root));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }
}

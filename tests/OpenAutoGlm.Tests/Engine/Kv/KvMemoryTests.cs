using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Engine.Kv;

/// <summary>Blocks that tables share, own, give back and forget.</summary>
public class KvMemoryTests
{
    [Fact]
    public void A_shared_table_has_the_same_blocks_until_one_of_the_two_writes()
    {
        (KvMemory memory, FakeMemory bytes) = Make(blocks: 6);
        (BlockTable first, BlockTable second) = (new(), new());
        Assert.True(memory.TryGrow(first, 10));
        Fill(first, bytes, 10);
        memory.Share(first, second);
        Assert.Equal(first.Blocks.ToArray(), second.Blocks.ToArray());
        Assert.Equal((3, 3), (memory.UsedCount, memory.AvailableCount));
        Assert.True(memory.TryOwn(second, 10));
        Assert.Equal(first.Blocks[..2].ToArray(), second.Blocks[..2].ToArray());
        Assert.NotEqual(first.Blocks[2], second.Blocks[2]);
        Assert.Equal([8, 9], Read(second, bytes, 8, 10));
        Assert.Equal(1, bytes.Copies);
        memory.CheckInvariants([first, second]);

        // Now both own their third block, and nothing more happens.
        Assert.True(memory.TryOwn(second, 10) && memory.TryOwn(first, 10));
        Assert.Equal((4, 1), (memory.UsedCount, bytes.Copies));
        memory.Release(first);
        Assert.Equal(3, memory.UsedCount);
        memory.Release(second);
        Assert.Equal(6, memory.AvailableCount);
        memory.CheckInvariants([]);
    }

    [Fact]
    public void Only_what_lies_before_the_position_is_copied()
    {
        (KvMemory memory, FakeMemory bytes) = Make(blocks: 8);
        (BlockTable first, BlockTable second) = (new(), new());
        memory.TryGrow(first, 12);
        memory.Share(first, second);
        Assert.True(memory.TryOwn(second, 4));
        Assert.Equal((0, 5), (bytes.Copies, memory.UsedCount));
        memory.CheckInvariants([first, second]);
    }

    [Fact]
    public void Without_room_for_the_copies_nothing_changes()
    {
        (KvMemory memory, FakeMemory bytes) = Make(blocks: 4);
        (BlockTable first, BlockTable second) = (new(), new());
        memory.TryGrow(first, 12);
        memory.Share(first, second);
        int[] before = second.Blocks.ToArray();
        Assert.False(memory.TryOwn(second, 4));
        Assert.Equal(before, second.Blocks.ToArray());
        Assert.Equal((0, 1), (bytes.Copies, memory.AvailableCount));
        Assert.True(memory.TryOwn(second, 9));
        memory.CheckInvariants([first, second]);
    }

    [Fact]
    public void A_written_prefix_that_is_cached_is_copied_and_stays_known()
    {
        (KvMemory memory, FakeMemory bytes) = Make(blocks: 4, new PrefixCacheOptions());
        BlockTable table = new();
        int[] tokens = [1, 2, 3, 4, 5, 6, 7, 8];
        memory.TryGrow(table, 8);
        Fill(table, bytes, 8);
        memory.Keep(table, tokens, default);
        int cached = table.Blocks[1];
        memory.Trim(table, 6);
        Assert.True(memory.TryOwn(table, 6));
        Assert.NotEqual(cached, table.Blocks[1]);
        Assert.Equal([4, 5], Read(table, bytes, 4, 6));
        Assert.Equal(8, memory.Known([.. tokens, 9], default));
        memory.CheckInvariants([table]);
    }

    [Fact]
    public void Without_room_for_a_copy_the_cache_does_without_the_block()
    {
        (KvMemory memory, FakeMemory bytes) = Make(blocks: 2, new PrefixCacheOptions());
        BlockTable table = new();
        int[] tokens = [1, 2, 3, 4, 5, 6, 7, 8];
        memory.TryGrow(table, 8);
        memory.Keep(table, tokens, default);
        memory.Trim(table, 6);
        Assert.True(memory.TryOwn(table, 6));
        Assert.Equal(0, bytes.Copies);
        Assert.Equal(4, memory.Known([.. tokens, 9], default));
        memory.CheckInvariants([table]);
    }

    [Theory]
    [InlineData(12, 3)]
    [InlineData(9, 3)]
    [InlineData(8, 2)]
    [InlineData(1, 1)]
    [InlineData(0, 0)]
    [InlineData(100, 3)]
    public void Trimming_leaves_the_blocks_of_the_tokens_that_stay(int tokens, int blocks)
    {
        (KvMemory memory, _) = Make(blocks: 4);
        BlockTable table = new();
        memory.TryGrow(table, 12);
        memory.Trim(table, tokens);
        Assert.Equal((blocks, 4 - blocks), (table.Count, memory.AvailableCount));
        memory.CheckInvariants([table]);
    }

    [Fact]
    public void Forgotten_blocks_leave_valid_numbers_in_their_places()
    {
        (KvMemory memory, _) = Make(blocks: 4, new PrefixCacheOptions(), window: 4);
        BlockTable table = new();
        memory.TryGrow(table, 16);
        memory.Forget(table, 3);
        Assert.Equal(0, memory.AvailableCount);
        memory.Forget(table, 9);
        memory.Forget(table, 7);
        Assert.Equal((4, 2, 2), (table.Count, table.Forgotten, memory.AvailableCount));
        Assert.Equal([0, 0], table.Blocks[..2].ToArray());
        memory.CheckInvariants([table]);
        Assert.True(memory.TryGrow(table, 24));
        BlockTable second = new();
        memory.Share(table, second);
        memory.CheckInvariants([table, second]);
        memory.Release(table);
        memory.Release(second);
        Assert.Equal(4, memory.AvailableCount);
    }

    [Fact]
    public void Mistakes_of_the_caller_are_told()
    {
        (KvMemory memory, _) = Make(blocks: 4, new PrefixCacheOptions());
        BlockTable table = new();
        memory.TryGrow(table, 4);
        Assert.Throws<InvalidOperationException>(() => memory.Share(new BlockTable(), table));
        Assert.Throws<InvalidOperationException>(() => memory.Attach(table, [1, 2, 3, 4, 5], default));
        Assert.Throws<InvalidOperationException>(() => memory.Forget(table, 4));
        memory.Keep(table, [1, 2, 3, 4], default);
        memory.Trim(table, 2);
        Assert.Throws<InvalidOperationException>(() => memory.Keep(table, [1, 2, 9, 9], default));
    }

    [Theory]
    [InlineData(TensorFormat.F32)]
    [InlineData(TensorFormat.BF16)]
    [InlineData(TensorFormat.Q8_0)]
    public void A_block_of_a_graphs_states_is_copied_whole_and_nothing_else(TensorFormat format)
    {
        GraphBuilder graph = new("states");
        Value[] states =
        [
            graph.State("keys", KvLayout.StateType(format, 2, 32, 64)),
            graph.State("values", KvLayout.StateType(format, 3, 32, 32)),
        ];
        using StateMemory memory = new(5, states);
        Assert.Equal(32 * (KvLayout.BytesPerToken(format, 2, 64) + KvLayout.BytesPerToken(format, 3, 32)), memory.BlockBytes);
        Assert.Equal(5 * memory.BlockBytes, memory.Bytes);
        byte[][] blocks = new byte[5][];
        for (int block = 0; block < 5; block++)
        {
            blocks[block] = new byte[memory.BlockBytes];
            new Random(block).NextBytes(blocks[block]);
            memory.Write(block, blocks[block]);
        }

        memory.Copy(3, 1);
        byte[] read = new byte[memory.BlockBytes];
        for (int block = 0; block < 5; block++)
        {
            memory.Read(block, read);
            Assert.Equal(blocks[block == 1 ? 3 : block], read);
        }

        Assert.Equal(blocks[4][..64], memory.States[states[0]].Piece(4)[..64].ToArray());
    }

    [Fact]
    public void The_window_of_a_graph_is_the_longest_and_none_where_a_layer_sees_all()
    {
        Assert.Equal(0, WindowOf());
        Assert.Equal(0, WindowOf(0, 0));
        Assert.Equal(0, WindowOf(64, 0));
        Assert.Equal(64, WindowOf(64, 32));

        static int WindowOf(params int[] windows) => EngineLimits.WindowOf(new ModelGraph(
            "windows", [], [.. windows.Select(window => new Node(new PagedAttention(1, 16, window), [], []))], []));
    }

    static (KvMemory Memory, FakeMemory Bytes) Make(int blocks, PrefixCacheOptions? options = null, int window = 0)
    {
        FakeMemory bytes = new(blocks, 4);
        return (new KvMemory(new KvPool(blocks, 4, bytes), options, window), bytes);
    }

    static void Fill(BlockTable table, FakeMemory bytes, int tokens)
    {
        for (int i = 0; i < tokens; i++)
        {
            bytes[(table.Blocks[i / 4] * 4) + (i % 4)] = i;
        }
    }

    static long[] Read(BlockTable table, FakeMemory bytes, int start, int end) =>
        [.. Enumerable.Range(start, end - start).Select(i => bytes[(table.Blocks[i / 4] * 4) + (i % 4)])];
}

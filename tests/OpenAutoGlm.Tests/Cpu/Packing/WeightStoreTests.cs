namespace OpenAutoGlm.Cpu.Packing;

public sealed unsafe class WeightStoreTests
{
    [Fact]
    public void A_weight_is_packed_once_for_all_who_ask_for_the_same()
    {
        using WeightStore weights = new();
        int calls = 0;
        byte* first = weights.Get("w", "rows", 100, [], destination => Fill(destination, 100, ++calls));
        byte* again = weights.Get("w", "rows", 100, [], destination => Fill(destination, 100, ++calls));
        byte* other = weights.Get("w", "panels", 100, [], destination => Fill(destination, 100, ++calls));

        Assert.Equal(2, calls);
        Assert.True(first == again);
        Assert.Equal((1, 2), (first[99], other[0]));
    }

    [Fact]
    public void Memory_is_zero_and_aligned_before_it_is_packed_whatever_its_size()
    {
        using WeightStore weights = new();
        foreach (long bytes in new long[] { 1, 4095, 4096, 4097, 2 << 20, (2 << 20) + 1, 9_000_001, 64 })
        {
            byte* place = weights.Get($"w{bytes}", "rows", bytes, [], destination =>
            {
                Assert.False(new ReadOnlySpan<byte>(destination, (int)bytes).ContainsAnyExcept((byte)0));
                new Span<byte>(destination, (int)bytes).Fill(0xA5);
            });
            Assert.Equal(0, (nint)place % PackedMemory.Alignment);
        }
    }

    [Fact]
    public void A_weight_that_could_not_be_packed_is_packed_anew_when_it_is_asked_for_again()
    {
        using WeightStore weights = new();
        Assert.Throws<InvalidDataException>(() => { weights.Get("w", "rows", 10, [], _ => throw new InvalidDataException()); });
        Assert.Equal(7, *weights.Get("w", "rows", 10, [], destination => Fill(destination, 10, 7)));
    }

    [Fact]
    public void After_the_end_nothing_is_given_out()
    {
        WeightStore weights = new();
        weights.Dispose();
        Assert.Throws<ObjectDisposedException>(() => { weights.Get("w", "rows", 10, [], _ => { }); });
    }

    static void Fill(byte* destination, int bytes, int value) => new Span<byte>(destination, bytes).Fill((byte)value);
}

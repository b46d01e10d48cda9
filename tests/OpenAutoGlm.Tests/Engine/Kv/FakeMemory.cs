using System.Runtime.InteropServices;

namespace OpenAutoGlm.Engine.Kv;

/// <summary>Memory of one number for every token place; −1 where nobody has written.</summary>
sealed class FakeMemory : IBlockMemory
{
    readonly long[] _slots;
    readonly int _blockTokens;

    internal FakeMemory(int blockCount, int blockTokens)
    {
        _blockTokens = blockTokens;
        _slots = new long[blockCount * blockTokens];
        Array.Fill(_slots, -1);
    }

    public long BlockBytes => _blockTokens * sizeof(long);

    internal int Copies { get; private set; }

    internal ref long this[int slot] => ref _slots[slot];

    public void Copy(int from, int to)
    {
        Copies++;
        Block(from).CopyTo(Block(to));
    }

    public void Read(int block, Span<byte> bytes) => Block(block).CopyTo(bytes);

    public void Write(int block, ReadOnlySpan<byte> bytes) => bytes.CopyTo(Block(block));

    public void Dispose()
    {
    }

    Span<byte> Block(int block) => MemoryMarshal.AsBytes(_slots.AsSpan(block * _blockTokens, _blockTokens));
}

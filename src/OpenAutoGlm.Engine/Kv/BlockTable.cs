namespace OpenAutoGlm.Engine.Kv;

/// <summary>The blocks that a sequence holds, in the order of its positions. Filled and emptied by a <see cref="KvPool"/> alone.</summary>
sealed class BlockTable
{
    int[] _blocks = [];

    internal int Count { get; private set; }

    internal ReadOnlySpan<int> Blocks => _blocks.AsSpan(0, Count);

    internal void Add(int block)
    {
        if (Count == _blocks.Length)
        {
            Array.Resize(ref _blocks, Math.Max(8, 2 * Count));
        }

        _blocks[Count++] = block;
    }

    internal void Clear() => Count = 0;
}

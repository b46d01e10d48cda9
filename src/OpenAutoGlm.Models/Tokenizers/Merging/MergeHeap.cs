using System.Buffers;

namespace OpenAutoGlm.Models.Tokenizers.Merging;

/// <summary>A binary heap of candidate merges, lowest rank first, then leftmost; rank and position share one key.</summary>
sealed class MergeHeap(int capacity) : IDisposable
{
    ulong[] _keys = ArrayPool<ulong>.Shared.Rent(Math.Max(capacity, 16));
    int _count;

    /// <summary>Adds a candidate without ordering; <see cref="Order"/> follows.</summary>
    public void Append(int rank, int position)
    {
        if (_count == _keys.Length)
        {
            ulong[] larger = ArrayPool<ulong>.Shared.Rent(_keys.Length * 2);
            _keys.AsSpan(0, _count).CopyTo(larger);
            ArrayPool<ulong>.Shared.Return(_keys);
            _keys = larger;
        }

        _keys[_count++] = ((ulong)(uint)rank << 32) | (uint)position;
    }

    /// <summary>Makes a heap of what was appended, in linear time.</summary>
    public void Order()
    {
        for (int i = (_count / 2) - 1; i >= 0; i--)
        {
            Sink(i);
        }
    }

    /// <summary>Adds a candidate to an ordered heap.</summary>
    public void Push(int rank, int position)
    {
        Append(rank, position);
        int index = _count - 1;
        ulong key = _keys[index];
        while (index > 0 && _keys[(index - 1) / 2] > key)
        {
            _keys[index] = _keys[(index - 1) / 2];
            index = (index - 1) / 2;
        }

        _keys[index] = key;
    }

    /// <summary>Takes the lowest rank, leftmost first.</summary>
    public bool TryPop(out int rank, out int position)
    {
        (rank, position) = (0, 0);
        if (_count == 0)
        {
            return false;
        }

        (rank, position) = ((int)(_keys[0] >> 32), (int)(uint)_keys[0]);
        _keys[0] = _keys[--_count];
        Sink(0);
        return true;
    }

    public void Dispose() => ArrayPool<ulong>.Shared.Return(_keys);

    void Sink(int index)
    {
        ulong key = _keys[index];
        for (int child = (index * 2) + 1; child < _count; child = (index * 2) + 1)
        {
            child += child + 1 < _count && _keys[child + 1] < _keys[child] ? 1 : 0;
            if (_keys[child] >= key)
            {
                break;
            }

            _keys[index] = _keys[child];
            index = child;
        }

        _keys[index] = key;
    }
}

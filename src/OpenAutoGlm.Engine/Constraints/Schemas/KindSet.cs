namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>A set of small numbers. Immutable; equal sets are equal values.</summary>
readonly struct KindSet : IEquatable<KindSet>
{
    readonly ulong _first;
    readonly ulong[]? _more; // without zeros at the end

    KindSet(ulong first, ulong[]? more) => (_first, _more) = (first, more);

    public bool IsEmpty => _first == 0 && _more is null;

    public bool Contains(int kind) => kind < 64
        ? (_first >> kind & 1) != 0
        : _more is not null && kind / 64 - 1 < _more.Length && (_more[kind / 64 - 1] >> (kind % 64) & 1) != 0;

    public bool Overlaps(KindSet other)
    {
        bool overlaps = (_first & other._first) != 0;
        for (int i = 0; i < Math.Min(_more?.Length ?? 0, other._more?.Length ?? 0); i++)
        {
            overlaps |= (_more![i] & other._more![i]) != 0;
        }

        return overlaps;
    }

    public KindSet With(int kind)
    {
        if (kind < 64)
        {
            return new KindSet(_first | 1UL << kind, _more);
        }

        int word = kind / 64 - 1;
        ulong[] more = new ulong[Math.Max(word + 1, _more?.Length ?? 0)];
        _more?.CopyTo(more, 0);
        more[word] |= 1UL << (kind % 64);
        return new KindSet(_first, more);
    }

    public bool Equals(KindSet other) => _first == other._first && _more.AsSpan().SequenceEqual(other._more);

    public override bool Equals(object? obj) => obj is KindSet other && Equals(other);

    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.Add(_first);
        foreach (ulong word in _more ?? [])
        {
            hash.Add(word);
        }

        return hash.ToHashCode();
    }
}

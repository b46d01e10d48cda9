using System.Collections.Immutable;

namespace OpenAutoGlm.Graph.Tensors;

/// <summary>The extents of a tensor, slowest first, at most <see cref="MaxRank"/> of them.</summary>
public readonly struct Shape : IEquatable<Shape>
{
    /// <summary>The largest number of extents.</summary>
    public const int MaxRank = 4;

    readonly ImmutableArray<Dim> _dims;

    /// <summary>A shape of one to four extents.</summary>
    public Shape(params ReadOnlySpan<Dim> dims)
    {
        if (dims.Length is 0 or > MaxRank)
        {
            throw new ArgumentException($"A shape has 1 to {MaxRank} extents, not {dims.Length}.", nameof(dims));
        }

        _dims = [.. dims];
    }

    /// <summary>How many extents.</summary>
    public int Rank => _dims.Length;

    /// <summary>The extents.</summary>
    public ImmutableArray<Dim> Dims => _dims;

    /// <summary>The last extent: the length of a row.</summary>
    public Dim Last => _dims[^1];

    /// <summary>Whether every extent is a number.</summary>
    public bool IsConstant => _dims.All(dim => dim.IsConstant);

    /// <summary>One extent.</summary>
    public Dim this[int index] => _dims[index];

    /// <summary>Elements of a constant shape.</summary>
    public long ElementCount => _dims.Aggregate(1L, (count, dim) => checked(count * dim.Size));

    /// <summary>The same shape with another last extent.</summary>
    public Shape WithLast(Dim last) => new([.. _dims.AsSpan()[..^1], last]);

    /// <inheritdoc/>
    public bool Equals(Shape other) => _dims.AsSpan().SequenceEqual(other._dims.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = new();
        foreach (Dim dim in _dims)
        {
            hash.Add(dim);
        }

        return hash.ToHashCode();
    }

    /// <summary>Whether two shapes have the same extents.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>Whether two shapes differ.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    /// <inheritdoc/>
    public override string ToString() => $"[{string.Join(", ", _dims)}]";
}

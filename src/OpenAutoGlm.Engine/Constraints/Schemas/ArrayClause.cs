using System.Collections.Immutable;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>So many of the items from a place on satisfy a literal.</summary>
/// <param name="Value">The literal.</param>
/// <param name="From">The first item that counts.</param>
/// <param name="Least">Fewest.</param>
/// <param name="Most">Most; −1 where there is no limit.</param>
readonly record struct ItemCount(Literal Value, int From, int Least, int Most);

/// <summary>Arrays that meet every one of some rules; see <see cref="ObjectClause"/>.</summary>
sealed record ArrayClause
{
    public static ArrayClause Any { get; } = new();

    /// <summary>Items from one place to another satisfy the literal; To is −1 for all after From.</summary>
    public ImmutableArray<(int From, int To, Literal Value)> Items { get; init; } = [];

    public ImmutableArray<ItemCount> Counts { get; init; } = [];

    /// <summary>Fewest items.</summary>
    public int Least { get; init; }

    /// <summary>Most items; −1 where there is no limit.</summary>
    public int Most { get; init; } = -1;

    /// <summary>How many of the first items were evaluated; kept only where that matters. int.MaxValue for all.</summary>
    public int Evaluated { get; init; }

    /// <summary>Items that satisfy one of these were evaluated too.</summary>
    public ImmutableArray<Literal> EvaluatedLike { get; init; } = [];

    /// <summary>Arrays of both clauses; null where there are none, as far as can be seen at once.</summary>
    public ArrayClause? And(ArrayClause other)
    {
        ArrayClause both = new()
        {
            Items = Items.IsEmpty ? other.Items : Items.AddRange(other.Items.Where(rule => !Items.Contains(rule))),
            Counts = Counts.IsEmpty ? other.Counts : Counts.AddRange(other.Counts.Where(rule => !Counts.Contains(rule))),
            Least = Math.Max(Least, other.Least),
            Most = Most < 0 ? other.Most : other.Most < 0 ? Most : Math.Min(Most, other.Most),
            Evaluated = Math.Max(Evaluated, other.Evaluated),
            EvaluatedLike = EvaluatedLike.IsEmpty ? other.EvaluatedLike : EvaluatedLike.AddRange(other.EvaluatedLike),
        };
        return both.IsContradiction ? null : both;
    }

    /// <summary>Clauses that together are all other arrays.</summary>
    public IEnumerable<ArrayClause> Negate()
    {
        foreach ((int from, int to, Literal value) in Items)
        {
            if (to < 0)
            {
                yield return new ArrayClause { Counts = [new ItemCount(value.Opposite, from, 1, -1)] };
                continue;
            }

            for (int i = from; i <= to; i++)
            {
                yield return new ArrayClause { Items = [(i, i, value.Opposite)], Least = i + 1 };
            }
        }

        foreach (ItemCount count in Counts)
        {
            if (count.Least > 0)
            {
                yield return new ArrayClause { Counts = [count with { Least = 0, Most = count.Least - 1 }] };
            }

            if (count.Most >= 0)
            {
                yield return new ArrayClause { Counts = [count with { Least = count.Most + 1, Most = -1 }] };
            }
        }

        if (Least > 0)
        {
            yield return new ArrayClause { Most = Least - 1 };
        }

        if (Most >= 0)
        {
            yield return new ArrayClause { Least = Most + 1 };
        }
    }

    public bool IsSame(ArrayClause other) => Least == other.Least && Most == other.Most && Evaluated == other.Evaluated
        && Items.AsSpan().SequenceEqual(other.Items.AsSpan()) && Counts.AsSpan().SequenceEqual(other.Counts.AsSpan()) && EvaluatedLike.AsSpan().SequenceEqual(other.EvaluatedLike.AsSpan());

    bool IsContradiction => (Most >= 0 && Most < Least)
        || Counts.Any(count => count.Most >= 0 && count.Most < count.Least)
        || Counts.Any(count => count.Least > 0 && count.Value.IsFalse)
        || Items.Any(item => item.Value.IsFalse && item.From < Least);
}

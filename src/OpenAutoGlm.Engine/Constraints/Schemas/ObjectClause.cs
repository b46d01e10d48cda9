using System.Collections.Immutable;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>
/// Objects that meet every one of some rules. Unions of clauses are closed under and, or and not, which is all that
/// schemas need.
/// </summary>
sealed record ObjectClause
{
    public static ObjectClause Any { get; } = new();

    /// <summary>The values of all keys that match satisfy the literal.</summary>
    public ImmutableArray<(KeyMatcher Keys, Literal Value)> Members { get; init; } = [];

    /// <summary>Some key that matches has a value that satisfies the literal.</summary>
    public ImmutableArray<(KeyMatcher Keys, Literal Value)> Exists { get; init; } = [];

    /// <summary>Keys that are there.</summary>
    public ImmutableSortedSet<string> Required { get; init; } = ImmutableSortedSet<string>.Empty.WithComparer(StringComparer.Ordinal);

    /// <summary>Fewest keys.</summary>
    public int Least { get; init; }

    /// <summary>Most keys; −1 where there is no limit.</summary>
    public int Most { get; init; } = -1;

    /// <summary>Keys that the schemas behind this clause evaluated; kept only where that matters.</summary>
    public ImmutableArray<KeyMatcher> Evaluated { get; init; } = [];

    /// <summary>Objects of both clauses; null where there are none, as far as can be seen at once.</summary>
    public ObjectClause? And(ObjectClause other)
    {
        ObjectClause both = new()
        {
            Members = Merge(Members, other.Members),
            Exists = Merge(Exists, other.Exists),
            Required = Required.Count == 0 ? other.Required : Required.Union(other.Required),
            Least = Math.Max(Least, other.Least),
            Most = Most < 0 ? other.Most : other.Most < 0 ? Most : Math.Min(Most, other.Most),
            Evaluated = Evaluated.IsEmpty ? other.Evaluated : Evaluated.AddRange(other.Evaluated),
        };
        return both.IsContradiction ? null : both;
    }

    /// <summary>Clauses that together are all other objects.</summary>
    public IEnumerable<ObjectClause> Negate(Literal never)
    {
        foreach ((KeyMatcher keys, Literal value) in Members)
        {
            yield return keys.Name is { } name
                ? new ObjectClause { Required = Any.Required.Add(name), Members = value.IsFalse ? [] : [(keys, value.Opposite)] }
                : new ObjectClause { Exists = [(keys, value.Opposite)] };
        }

        foreach ((KeyMatcher keys, Literal value) in Exists)
        {
            yield return new ObjectClause { Members = [(keys, value.Opposite)] };
        }

        foreach (string name in Required)
        {
            yield return new ObjectClause { Members = [(KeyMatcher.Named(name), never)] };
        }

        if (Least > 0)
        {
            yield return new ObjectClause { Most = Least - 1 };
        }

        if (Most >= 0)
        {
            yield return new ObjectClause { Least = Most + 1 };
        }
    }

    /// <summary>What the value of a key must satisfy.</summary>
    public IEnumerable<Literal> Of(string key) => Members.Where(member => member.Keys.Matches(key)).Select(member => member.Value);

    public bool IsSame(ObjectClause other) => Least == other.Least && Most == other.Most && Required.SetEquals(other.Required)
        && AreSame(Members, other.Members) && AreSame(Exists, other.Exists) && Evaluated.Length == other.Evaluated.Length
        && Evaluated.Zip(other.Evaluated).All(pair => pair.First.IsSame(pair.Second));

    bool IsContradiction => (Most >= 0 && (Most < Least || Most < Required.Count))
        || Exists.Any(exists => exists.Value.IsFalse)
        || (Required.Count > 0 && Members.Any(member => member.Value.IsFalse && Required.Any(member.Keys.Matches)));

    static bool AreSame(ImmutableArray<(KeyMatcher Keys, Literal Value)> left, ImmutableArray<(KeyMatcher Keys, Literal Value)> right) =>
        left.Length == right.Length && left.Zip(right).All(pair => pair.First.Value == pair.Second.Value && pair.First.Keys.IsSame(pair.Second.Keys));

    static ImmutableArray<(KeyMatcher Keys, Literal Value)> Merge(
        ImmutableArray<(KeyMatcher Keys, Literal Value)> left, ImmutableArray<(KeyMatcher Keys, Literal Value)> right) =>
        left.IsEmpty ? right
        : right.IsEmpty ? left
        : left.AddRange(right.Where(rule => !left.Any(known => known.Value == rule.Value && known.Keys.IsSame(rule.Keys))));
}

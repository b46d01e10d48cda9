using OpenAutoGlm.Engine.Constraints.Schemas;

namespace OpenAutoGlm.Engine.Constraints.Frames;

/// <summary>What there is of an object that follows some rules.</summary>
/// <param name="Keys">The kinds of keys.</param>
/// <param name="Rules">The rules.</param>
/// <param name="Seen">Named keys that are there.</param>
/// <param name="Met">The wanted things that some key has.</param>
/// <param name="Count">How many keys, as far as it matters.</param>
/// <param name="Others">Keys without a name that are there, where they matter; each ends in a NUL, rising.</param>
readonly record struct ObjectStateKey(KeySpace Keys, ObjectRules Rules, KindSet Seen, int Met, int Count, string Others);

/// <summary>The same with what follows from it, worked out once. Equal ones of a constraint are the same object.</summary>
sealed class ObjectState(ObjectStateKey key)
{
    readonly (Symbol Value, ObjectStateKey After)[]?[] _choices = new (Symbol, ObjectStateKey)[]?[key.Rules.Values.Length];
    KindSet? _allowed;

    public KeySpace Keys => key.Keys;

    public ObjectRules Rules => key.Rules;

    public string Others => key.Others;

    public bool IsComplete => key.Rules.IsComplete(key.Seen, key.Met, key.Count);

    /// <summary>The kinds of which another key may be.</summary>
    public KindSet Allowed => _allowed ??= FindAllowed();

    /// <summary>What the value of a further key may be, and the object after it.</summary>
    public (Symbol Value, ObjectStateKey After)[] Choices(int kind) => _choices[kind] ??= [.. FindChoices(kind)];

    KindSet FindAllowed()
    {
        KindSet allowed = default;
        for (int kind = 0; kind < key.Rules.Values.Length; kind++)
        {
            allowed = Choices(kind).Length > 0 ? allowed.With(kind) : allowed;
        }

        return allowed;
    }

    IEnumerable<(Symbol Value, ObjectStateKey After)> FindChoices(int kind)
    {
        if (!key.Rules.Values[kind].IsPossible || (key.Keys.HasName(kind) && key.Seen.Contains(kind)))
        {
            yield break;
        }

        ObjectStateKey after = key with
        {
            Seen = key.Keys.HasName(kind) ? key.Seen.With(kind) : key.Seen,
            Count = key.Rules.Most >= 0 ? key.Count + 1 : Math.Min(key.Count + 1, key.Rules.Least),
        };
        foreach (ItemChoice choice in key.Rules.Having[kind])
        {
            if (choice.Value.IsPossible && (choice.Counted & key.Met) == 0 && CanGoOn(after, key.Met | choice.Counted))
            {
                yield return (choice.Value, after with { Met = key.Met | choice.Counted });
            }
        }

        if (CanGoOn(after, key.Met))
        {
            yield return (key.Rules.Values[kind], after);
        }
    }

    static bool CanGoOn(in ObjectStateKey after, int met) => after.Rules.CanComplete(after.Keys, after.Seen, met, after.Count);
}

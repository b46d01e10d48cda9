using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>
/// The values that satisfy all of some literals: what is expected at a place of a document. Made by <see cref="SymbolTable"/>,
/// once for each set of literals.
/// </summary>
sealed class Symbol(int id, Literal[] literals)
{
    public int Id => id;

    public Literal[] Literals => literals;

    public Words Words { get; set; }

    public Dfa Number { get; set; } = Dfa.None;

    public StringLanguage Text { get; set; } = StringLanguage.None;

    /// <summary>The objects; null where there are none.</summary>
    public ObjectShape? Objects { get; set; }

    public IReadOnlyList<ArrayShape> Arrays { get; set; } = [];

    /// <summary>Whether any value satisfies it.</summary>
    public bool IsPossible { get; set; }
}

/// <summary>The objects of a symbol: one way to tell keys apart, and several sets of rules.</summary>
/// <param name="Keys">The keys.</param>
/// <param name="Rules">Each object follows at least one of these.</param>
sealed record ObjectShape(KeySpace Keys, IReadOnlyList<ObjectRules> Rules);

/// <summary>Rules for objects over the kinds of keys of a <see cref="KeySpace"/>.</summary>
sealed class ObjectRules
{
    /// <summary>What the value of each kind of key must be.</summary>
    public required Symbol[] Values { get; init; }

    /// <summary>Kinds that must be there; each is one key.</summary>
    public required int[] Required { get; init; }

    /// <summary>How many things some key must have, each.</summary>
    public required int Wanted { get; init; }

    /// <summary>The values with which a kind of key has some of these things: by kind, with bits for the things.</summary>
    public required ItemChoice[][] Having { get; init; }

    public required int Least { get; init; }

    public required int Most { get; init; }

    /// <summary>Whether keys without a name must be remembered, because how many different ones there are matters.</summary>
    public bool Remembers => Least > 1 || Wanted > 0;

    /// <summary>Whether such an object can be completed.</summary>
    /// <param name="space">The keys.</param>
    /// <param name="seen">Kinds that are there already; only those with a name count.</param>
    /// <param name="met">Which of the wanted things some key has.</param>
    /// <param name="count">How many keys there are.</param>
    public bool CanComplete(KeySpace space, KindSet seen, int met, int count)
    {
        int needed = 0;
        foreach (int kind in Required)
        {
            if (!seen.Contains(kind))
            {
                if (!Values[kind].IsPossible)
                {
                    return false;
                }

                needed++;
            }
        }

        // One further key may serve for several things, and a required one may: so this is the least that it can take.
        int missing = ((1 << Wanted) - 1) & ~met;
        if (missing != 0 && (missing & ~Obtainable(space, seen)) != 0)
        {
            return false;
        }

        needed = Math.Max(needed, missing != 0 ? 1 : 0);
        if (Most >= 0 && count + needed > Most)
        {
            return false;
        }

        return Least <= count || Least - count <= Available(space, seen);
    }

    /// <summary>Whether it may end as it is.</summary>
    public bool IsComplete(KindSet seen, int met, int count) =>
        count >= Least && (Most < 0 || count <= Most) && met == (1 << Wanted) - 1 && Array.TrueForAll(Required, seen.Contains);

    /// <summary>The things that keys to come can have.</summary>
    int Obtainable(KeySpace space, KindSet seen)
    {
        int obtainable = 0;
        for (int kind = 0; kind < Having.Length; kind++)
        {
            if (!(space.HasName(kind) && seen.Contains(kind)))
            {
                foreach (ItemChoice choice in Having[kind])
                {
                    obtainable |= choice.Value.IsPossible ? choice.Counted : 0;
                }
            }
        }

        return obtainable;
    }

    int Available(KeySpace space, KindSet seen)
    {
        int available = 0;
        for (int kind = 0; kind < Values.Length; kind++)
        {
            if (Values[kind].IsPossible && !(space.HasName(kind) && seen.Contains(kind)))
            {
                if (!space.HasName(kind))
                {
                    return int.MaxValue;
                }

                available++;
            }
        }

        return available;
    }
}

/// <summary>Something that so many items from a place on must be.</summary>
/// <param name="From">The first item that counts.</param>
/// <param name="Least">Fewest.</param>
/// <param name="Most">Most; −1 where there is no limit.</param>
readonly record struct ItemQuota(int From, int Least, int Most);

/// <summary>One way for an item, or the value of a key, to be.</summary>
/// <param name="Value">What it is.</param>
/// <param name="Counted">Bits of the quotas, or wanted things, towards which it counts.</param>
readonly record struct ItemChoice(Symbol Value, int Counted);

/// <summary>Rules for arrays.</summary>
sealed class ArrayShape
{
    /// <summary>The ways for the item at each place; the last holds for all further places.</summary>
    public required ItemChoice[][] Places { get; init; }

    public required ItemQuota[] Quotas { get; init; }

    public required int Least { get; init; }

    /// <summary>Most items; −1 where there is no limit.</summary>
    public required int Most { get; init; }

    /// <summary>The ways for an item.</summary>
    public ItemChoice[] At(int index) => Places[Math.Min(index, Places.Length - 1)];

    /// <summary>Most items that there can be, because no value fits the next one; −1 where there is no limit.</summary>
    public int Longest()
    {
        int reached = Array.FindIndex(Places, choices => !Array.Exists(choices, choice => choice.Value.IsPossible));
        return reached < 0 ? Most : Most < 0 ? reached : Math.Min(reached, Most);
    }

    /// <summary>Whether such an array can be completed.</summary>
    public bool CanComplete(int count, ReadOnlySpan<int> counted)
    {
        int longest = Longest();
        if (longest >= 0 && (count > longest || Least > longest))
        {
            return false;
        }

        for (int i = 0; i < Quotas.Length; i++)
        {
            ItemQuota quota = Quotas[i];
            if (quota.Most >= 0 && counted[i] > quota.Most)
            {
                return false;
            }

            if (counted[i] < quota.Least && !CanReach(i, quota.Least - counted[i], count, longest))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether it may end as it is.</summary>
    public bool IsComplete(int count, ReadOnlySpan<int> counted)
    {
        for (int i = 0; i < Quotas.Length; i++)
        {
            if (counted[i] < Quotas[i].Least || (Quotas[i].Most >= 0 && counted[i] > Quotas[i].Most))
            {
                return false;
            }
        }

        return count >= Least && (Most < 0 || count <= Most);
    }

    bool CanReach(int quota, int missing, int count, int longest)
    {
        int last = Places.Length - 1;
        for (int index = count; index < last && missing > 0 && (longest < 0 || index < longest); index++)
        {
            missing -= Serves(quota, index) ? 1 : 0;
        }

        long rest = longest < 0 ? long.MaxValue : longest - (long)Math.Max(count, last);
        return missing <= 0 || (Serves(quota, last) && rest >= missing);
    }

    bool Serves(int quota, int index) => Array.Exists(At(index), choice => (choice.Counted >> quota & 1) != 0 && choice.Value.IsPossible);
}

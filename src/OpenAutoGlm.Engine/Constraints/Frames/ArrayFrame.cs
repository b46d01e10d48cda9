using System.Numerics;
using OpenAutoGlm.Engine.Constraints.Automata;
using OpenAutoGlm.Engine.Constraints.Schemas;

namespace OpenAutoGlm.Engine.Constraints.Frames;

/// <summary>Where within an array.</summary>
enum ArrayPart
{
    /// <summary>After the bracket: an item or the end.</summary>
    Open,

    /// <summary>After a comma: an item.</summary>
    Comma,

    /// <summary>Waiting for an item.</summary>
    Item,

    /// <summary>After an item: a comma or the end.</summary>
    End,
}

/// <summary>An array that follows one set of rules so far.</summary>
/// <param name="Group">The expected symbol it belongs to.</param>
/// <param name="Shape">The rules.</param>
/// <param name="Count">How many items, as far as it matters.</param>
/// <param name="Counted">How many of them for each quota, as far as it matters.</param>
readonly record struct ArrayItem(int Group, ArrayShape Shape, int Count, Signature Counted)
{
    public bool IsComplete => Shape.IsComplete(Count, Counted.Parts);

    public bool CanGrow => After().Any();

    /// <summary>What a further item may be, and the array after it.</summary>
    public IEnumerable<(Symbol Value, ArrayItem After)> After()
    {
        int longest = Shape.Longest();
        if (longest >= 0 && Count >= longest)
        {
            yield break;
        }

        // Without a limit, items beyond all places and the fewest are alike.
        int cap = longest >= 0 ? int.MaxValue : Math.Max(Shape.Places.Length - 1, Shape.Least);
        foreach (ItemChoice choice in Shape.At(Count))
        {
            int[] counted = Counted.Parts.ToArray();
            for (int i = 0; i < counted.Length; i++)
            {
                ItemQuota quota = Shape.Quotas[i];
                counted[i] = (choice.Counted >> i & 1) == 0 ? counted[i] : quota.Most >= 0 ? counted[i] + 1 : Math.Min(counted[i] + 1, quota.Least);
            }

            ArrayItem next = this with { Count = Math.Min(Count + 1, cap), Counted = new Signature(counted) };
            if (choice.Value.IsPossible && Shape.CanComplete(next.Count, counted))
            {
                yield return (choice.Value, next);
            }
        }
    }
}

/// <summary>Within an array.</summary>
sealed class ArrayFrame(JsonMachine machine, ArrayPart part, ArrayItem[] items, int spaces) : Frame
{
    readonly ArrayItem[] _items = items;
    Symbol[]? _symbols;

    internal override Frame Twin
    {
        get
        {
            bool spaced = spaces > 0 && spaces + machine.LongestSpaces <= machine.MaxSpaces;
            ArrayItem[] twins = [.. _items.Select(Nearest)];
            return spaced || !twins.AsSpan().SequenceEqual(_items) ? machine.Of(new ArrayFrame(machine, part, twins, spaced ? 0 : spaces)) : this;
        }
    }

    /// <summary>The frame after an opening bracket; null where no array is expected.</summary>
    public static ArrayFrame? Begin(JsonMachine machine, Symbol[] symbols)
    {
        List<ArrayItem> items = [];
        for (int group = 0; group < symbols.Length; group++)
        {
            foreach (ArrayShape shape in symbols[group].Arrays)
            {
                int[] counted = new int[shape.Quotas.Length];
                if (shape.CanComplete(0, counted))
                {
                    items.Add(new ArrayItem(group, shape, 0, new Signature(counted)));
                }
            }
        }

        return items.Count == 0 ? null : machine.Of(new ArrayFrame(machine, ArrayPart.Open, [.. items], 0));
    }

    public override bool Equals(object? obj) => obj is ArrayFrame other && other.Key == Key && other._items.AsSpan().SequenceEqual(_items);

    public override int GetHashCode() => _items.Aggregate(HashCode.Combine(7, Key), HashCode.Combine);

    (ArrayPart, int) Key => (part, spaces);

    private protected override Edge Compute(byte value)
    {
        if (JsonMachine.IsSpace(value))
        {
            return part != ArrayPart.Item && spaces < machine.MaxSpaces ? Edge.Stay(machine.Of(new ArrayFrame(machine, part, _items, spaces + 1))) : Edge.Dead;
        }

        switch (part)
        {
            case ArrayPart.Open or ArrayPart.End when value == ']':
                BigInteger result = _items.Where(item => item.IsComplete).Aggregate(BigInteger.Zero, (all, item) => all | JsonMachine.Bit(item.Group));
                return result.IsZero ? Edge.Dead : Edge.Pop(result);
            case ArrayPart.Open or ArrayPart.Comma:
                Symbol[] symbols = Symbols();
                Edge begun = symbols.Length == 0 ? Edge.Dead : machine.Of(new ExpectFrame(machine, symbols, 0)).Step(value);
                return begun.Move == Move.Stay ? Edge.Push(machine.Of(new ArrayFrame(machine, ArrayPart.Item, _items, 0)), begun.Next!) : Edge.Dead;
            case ArrayPart.End when value == ',':
                ArrayItem[] next = [.. _items.Where(item => item.CanGrow)];
                return next.Length == 0 ? Edge.Dead : Edge.Stay(machine.Of(new ArrayFrame(machine, ArrayPart.Comma, next, 0)));
            default:
                return Edge.Dead;
        }
    }

    private protected override Frame? ComputeResumed(object result)
    {
        BigInteger found = (BigInteger)result;
        Symbol[] symbols = Symbols();
        List<ArrayItem> next = [];
        foreach (ArrayItem item in _items)
        {
            foreach ((Symbol value, ArrayItem after) in item.After())
            {
                if (!(found & JsonMachine.Bit(Array.IndexOf(symbols, value))).IsZero && !next.Contains(after))
                {
                    next.Add(after);
                }
            }
        }

        return next.Count == 0 ? null : machine.Of(new ArrayFrame(machine, ArrayPart.End, [.. next], 0));
    }

    Symbol[] Symbols() => _symbols ??= [.. _items.SelectMany(item => item.After()).Select(choice => choice.Value).Distinct().OrderBy(symbol => symbol.Id)];

    /// <summary>With no quotas and far from the limit, it does not matter how far.</summary>
    ArrayItem Nearest(ArrayItem item)
    {
        int enough = Math.Max(item.Shape.Places.Length - 1, item.Shape.Least);
        return item.Shape.Quotas.Length == 0 && item.Count > enough && item.Shape.Most - item.Count > machine.LongestToken
            ? item with { Count = enough }
            : item;
    }
}

using System.Collections.Immutable;
using System.Numerics;
using OpenAutoGlm.Engine.Constraints.Schemas;

namespace OpenAutoGlm.Engine.Constraints.Frames;

/// <summary>Where within an object.</summary>
enum ObjectPart
{
    /// <summary>After the bracket: a key or the end.</summary>
    Open,

    /// <summary>After a comma: a key.</summary>
    Comma,

    /// <summary>After a key: a colon.</summary>
    Key,

    /// <summary>Waiting for a value.</summary>
    Value,

    /// <summary>After a value: a comma or the end.</summary>
    End,
}

/// <summary>An object that follows one set of rules so far.</summary>
/// <param name="Group">The expected symbol it belongs to.</param>
/// <param name="State">What is there of it.</param>
/// <param name="At">Within a key the state, from its end to that of its value the kind.</param>
readonly record struct ObjectItem(int Group, ObjectState State, int At);

/// <summary>Within an object, outside of its keys.</summary>
sealed class ObjectFrame(JsonMachine machine, ObjectPart part, ObjectItem[] items, int spaces, string key) : Frame
{
    readonly ObjectItem[] _items = items;
    Symbol[]? _symbols;

    internal override Frame Twin => spaces > 0 && spaces + machine.LongestSpaces <= machine.MaxSpaces ? machine.Of(new ObjectFrame(machine, part, _items, 0, key)) : this;

    /// <summary>The frame after an opening bracket; null where no object is expected.</summary>
    public static ObjectFrame? Begin(JsonMachine machine, Symbol[] symbols)
    {
        List<ObjectItem> items = [];
        for (int group = 0; group < symbols.Length; group++)
        {
            if (symbols[group].Objects is { } shape)
            {
                foreach (ObjectRules rules in shape.Rules)
                {
                    if (rules.CanComplete(shape.Keys, default, 0, 0))
                    {
                        items.Add(new ObjectItem(group, machine.Of(new ObjectStateKey(shape.Keys, rules, default, 0, 0, "")), 0));
                    }
                }
            }
        }

        return items.Count == 0 ? null : machine.Of(new ObjectFrame(machine, ObjectPart.Open, [.. items], 0, ""));
    }

    public override bool Equals(object? obj) =>
        obj is ObjectFrame other && other.Key == Key && other._items.AsSpan().SequenceEqual(_items);

    public override int GetHashCode() => _items.Aggregate(HashCode.Combine(5, Key), HashCode.Combine);

    (ObjectPart, int, string) Key => (part, spaces, key);

    private protected override Edge Compute(byte value)
    {
        if (JsonMachine.IsSpace(value))
        {
            return part != ObjectPart.Value && spaces < machine.MaxSpaces ? Edge.Stay(machine.Of(new ObjectFrame(machine, part, _items, spaces + 1, key))) : Edge.Dead;
        }

        return (part, (char)value) switch
        {
            (ObjectPart.Open or ObjectPart.Comma, '"') => KeyFrame.Begin(machine, _items) is { } next ? Edge.Stay(next) : Edge.Dead,
            (ObjectPart.Open or ObjectPart.End, '}') => End(),
            (ObjectPart.End, ',') => Comma(),
            (ObjectPart.Key, ':') => Edge.Push(machine.Of(new ObjectFrame(machine, ObjectPart.Value, _items, 0, key)), machine.Of(new ExpectFrame(machine, Symbols(), 0))),
            _ => Edge.Dead,
        };
    }

    private protected override Frame? ComputeResumed(object result)
    {
        BigInteger found = (BigInteger)result;
        Symbol[] symbols = Symbols();
        List<ObjectItem> next = [];
        foreach (ObjectItem item in _items)
        {
            ObjectStateKey? after = null;
            foreach ((Symbol value, ObjectStateKey reached) in item.State.Choices(item.At))
            {
                if (!(found & JsonMachine.Bit(Array.IndexOf(symbols, value))).IsZero)
                {
                    // The value may be several of the things wanted at once.
                    after = after is { } earlier ? earlier with { Met = earlier.Met | reached.Met } : reached;
                }
            }

            if (after is { } kept)
            {
                bool remembers = kept.Rules.Remembers && !kept.Keys.HasName(item.At);
                ObjectItem one = new(item.Group, machine.Of(remembers ? kept with { Others = Insert(kept.Others, key) } : kept), 0);
                if (!next.Contains(one))
                {
                    next.Add(one);
                }
            }
        }

        return next.Count == 0 ? null : machine.Of(new ObjectFrame(machine, ObjectPart.End, [.. next], 0, ""));
    }

    /// <summary>What the value of the key may be, each once.</summary>
    Symbol[] Symbols() => _symbols ??= [.. _items.SelectMany(item => item.State.Choices(item.At)).Select(choice => choice.Value).Distinct().OrderBy(symbol => symbol.Id)];

    Edge End()
    {
        BigInteger result = _items.Where(item => item.State.IsComplete).Aggregate(BigInteger.Zero, (all, item) => all | JsonMachine.Bit(item.Group));
        return result.IsZero ? Edge.Dead : Edge.Pop(result);
    }

    Edge Comma()
    {
        ObjectItem[] next = [.. _items.Where(item => !item.State.Allowed.IsEmpty)];
        return next.Length == 0 ? Edge.Dead : Edge.Stay(machine.Of(new ObjectFrame(machine, ObjectPart.Comma, next, 0, "")));
    }

    static string Insert(string others, string key) =>
        string.Concat(others.Split('\0', StringSplitOptions.RemoveEmptyEntries).Append(key + "x").Order(StringComparer.Ordinal).Select(one => one + "\0"));
}

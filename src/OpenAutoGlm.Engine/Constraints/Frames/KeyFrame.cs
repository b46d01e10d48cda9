using System.Text;
using OpenAutoGlm.Engine.Constraints.Automata;
using OpenAutoGlm.Engine.Constraints.Schemas;

namespace OpenAutoGlm.Engine.Constraints.Frames;

/// <summary>Within a key of an object.</summary>
/// <param name="machine">The language.</param>
/// <param name="items">The rules that are still possible.</param>
/// <param name="pending">The beginning of an escape.</param>
/// <param name="text">The key so far in hexadecimal, where keys are remembered; empty elsewhere.</param>
sealed class KeyFrame(JsonMachine machine, ObjectItem[] items, string pending, string text) : TextFrame(pending)
{
    readonly ObjectItem[] _items = items;
    KindSet[]? _allowed;

    internal override int FreeCharacters
    {
        get
        {
            if (Pending.Length > 0)
            {
                return -1;
            }

            for (int i = 0; i < _items.Length; i++)
            {
                if (_items[i].Shape.Keys.KindAt(_items[i].At) >= 0 && machine.IsFree(_items[i].Shape.Keys, _items[i].At, Allowed(i)))
                {
                    return int.MaxValue;
                }
            }

            return -1;
        }
    }

    /// <summary>The frame after an opening quote; null where no key may come.</summary>
    public static KeyFrame? Begin(JsonMachine machine, ObjectItem[] items)
    {
        ObjectItem[] next = [.. items.Where(item => !item.Allowed().IsEmpty).Select(item => item with { At = KeySpace.Start })];
        return next.Length == 0 ? null : machine.Of(new KeyFrame(machine, next, "", ""));
    }

    public override bool Equals(object? obj) =>
        obj is KeyFrame other && other.Pending == Pending && other.Text == text && other._items.AsSpan().SequenceEqual(_items);

    public override int GetHashCode() => _items.Aggregate(HashCode.Combine(6, Pending, text), HashCode.Combine);

    string Text => text;

    private protected override TextFrame? Advance(ReadOnlySpan<byte> bytes)
    {
        List<ObjectItem> next = new(_items.Length);
        bool remembers = false;
        for (int i = 0; i < _items.Length; i++)
        {
            KeySpace keys = _items[i].Shape.Keys;
            int state = keys.Run(_items[i].At, bytes);
            if (state >= 0 && keys.Reachable(state).Overlaps(Allowed(i)))
            {
                next.Add(_items[i] with { At = state });
                remembers |= _items[i].Rules.Remembers;
            }
        }

        return next.Count == 0 ? null : machine.Of(new KeyFrame(machine, [.. next], "", remembers ? text + Convert.ToHexString(bytes) : ""));
    }

    private protected override TextFrame WithPending(string pending) => machine.Of(new KeyFrame(machine, _items, pending, text));

    private protected override bool Allows(int low, int high)
    {
        for (int i = 0; i < _items.Length; i++)
        {
            KeySpace keys = _items[i].Shape.Keys;
            KindSet allowed = Allowed(i);
            if (Utf8Reach.States(low, high, _items[i].At, keys.Step).Any(state => keys.Reachable(state).Overlaps(allowed)))
            {
                return true;
            }
        }

        return false;
    }

    private protected override Edge Close()
    {
        List<ObjectItem> next = [];
        for (int i = 0; i < _items.Length; i++)
        {
            ObjectItem item = _items[i];
            int kind = item.Shape.Keys.KindAt(item.At);
            bool isRepeated = item.Rules.Remembers && kind >= 0 && !item.Shape.Keys.HasName(kind) && item.Others.Contains(text + "x\0", StringComparison.Ordinal)
                && item.Others.Split('\0').Contains(text + "x");
            if (kind >= 0 && !isRepeated && Allowed(i).Contains(kind))
            {
                next.Add(item with { At = kind });
            }
        }

        return next.Count == 0 ? Edge.Dead : Edge.Stay(machine.Of(new ObjectFrame(machine, ObjectPart.Key, [.. next], 0, next.Exists(item => item.Rules.Remembers) ? text : "")));
    }

    KindSet Allowed(int item)
    {
        _allowed ??= [.. _items.Select(each => each.Allowed())];
        return _allowed[item];
    }
}

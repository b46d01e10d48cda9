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

    /// <inheritdoc/>
    internal override bool IsUniform => Pending.Length == 0
        && Array.TrueForAll(_items, item => item.State.Keys.HasNamesOnly && !item.State.Rules.Remembers && item.State.Keys.KindAt(item.At) >= 0);

    /// <inheritdoc/>
    internal override IEnumerable<byte[]> Exceptions =>
        _items.SelectMany(item => item.State.Keys.NamesAfter(item.At)).DistinctBy(Convert.ToHexString);

    /// <inheritdoc/>
    internal override Edge UniformClose
    {
        get
        {
            ObjectItem[] next = [.. _items.Where(item => item.State.Keys.Unnamed >= 0 && item.State.Allowed.Contains(item.State.Keys.Unnamed)).Select(item => item with { At = item.State.Keys.Unnamed })];
            return next.Length == 0 ? Edge.Dead : Edge.Stay(machine.Of(new ObjectFrame(machine, ObjectPart.Key, next, 0, "")));
        }
    }

    /// <summary>The frame after an opening quote; null where no key may come.</summary>
    public static KeyFrame? Begin(JsonMachine machine, ObjectItem[] items)
    {
        ObjectItem[] next = [.. items.Where(item => !item.State.Allowed.IsEmpty).Select(item => item with { At = KeySpace.Start })];
        return next.Length == 0 ? null : machine.Of(new KeyFrame(machine, next, "", ""));
    }

    public override bool Equals(object? obj) =>
        obj is KeyFrame other && other.Pending == Pending && other.Text == text && other._items.AsSpan().SequenceEqual(_items);

    public override int GetHashCode() => _items.Aggregate(HashCode.Combine(6, Pending, text), HashCode.Combine);

    string Text => text;

    private protected override int CountFree()
    {
        for (int i = 0; i < _items.Length; i++)
        {
            if (_items[i].State.Keys.KindAt(_items[i].At) >= 0 && machine.IsFree(_items[i].State.Keys, _items[i].At, _items[i].State.Allowed))
            {
                return int.MaxValue;
            }
        }

        return -1;
    }

    private protected override TextFrame? Advance(ReadOnlySpan<byte> bytes)
    {
        List<ObjectItem> next = new(_items.Length);
        bool remembers = false;
        for (int i = 0; i < _items.Length; i++)
        {
            KeySpace keys = _items[i].State.Keys;
            int state = keys.Run(_items[i].At, bytes);
            if (state >= 0 && keys.Reachable(state).Overlaps(_items[i].State.Allowed))
            {
                next.Add(_items[i] with { At = state });
                remembers |= _items[i].State.Rules.Remembers;
            }
        }

        return next.Count == 0 ? null : machine.Of(new KeyFrame(machine, [.. next], "", remembers ? text + Convert.ToHexString(bytes) : ""));
    }

    private protected override TextFrame WithPending(string pending) => machine.Of(new KeyFrame(machine, _items, pending, text));

    private protected override bool Allows(int low, int high)
    {
        for (int i = 0; i < _items.Length; i++)
        {
            KeySpace keys = _items[i].State.Keys;
            KindSet allowed = _items[i].State.Allowed;
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
            int kind = item.State.Keys.KindAt(item.At);
            bool isRepeated = kind >= 0 && item.State.Rules.Remembers && !item.State.Keys.HasName(kind) && item.State.Others.Split('\0').Contains(text + "x");
            if (kind >= 0 && !isRepeated && _items[i].State.Allowed.Contains(kind))
            {
                next.Add(item with { At = kind });
            }
        }

        return next.Count == 0 ? Edge.Dead : Edge.Stay(machine.Of(new ObjectFrame(machine, ObjectPart.Key, [.. next], 0, next.Exists(item => item.State.Rules.Remembers) ? text : "")));
    }
}

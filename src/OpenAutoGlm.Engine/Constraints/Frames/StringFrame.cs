using System.Numerics;
using OpenAutoGlm.Engine.Constraints.Automata;
using OpenAutoGlm.Engine.Constraints.Schemas;

namespace OpenAutoGlm.Engine.Constraints.Frames;

/// <summary>One of the forms that a string may have.</summary>
/// <param name="Group">The expected symbol it belongs to.</param>
/// <param name="Term">Form and length.</param>
/// <param name="State">Where its form stands.</param>
readonly record struct StringItem(int Group, StringTerm Term, int State)
{
    public Dfa Form => Term.Form ?? Dfa.AnyText;
}

/// <summary>Within a string that is a value.</summary>
/// <param name="machine">The language.</param>
/// <param name="items">The forms that are still possible.</param>
/// <param name="count">Characters so far, as far as they matter.</param>
/// <param name="pending">The beginning of an escape.</param>
sealed class StringFrame(JsonMachine machine, StringItem[] items, int count, string pending) : TextFrame(pending)
{
    readonly StringItem[] _items = items;

    /// <inheritdoc/>
    internal override bool IsUniform => Pending.Length == 0 && Array.TrueForAll(_items, item => item.Term.IsAny && item.State == 0);

    /// <inheritdoc/>
    internal override Edge UniformClose => Close();

    internal override Frame Twin
    {
        get
        {
            // With one length and no form, only how near its limits are counts.
            if (count == 0 || Pending.Length > 0 || !Array.TrueForAll(_items, item => item.Term == _items[0].Term) || _items[0].Term.Form is not null)
            {
                return this;
            }

            (int least, int most, int token) = (_items[0].Term.Least, _items[0].Term.Most, machine.LongestToken);
            int twin = count >= least ? least : least - count > token && least > token ? 0 : count;
            bool farFromMost = most < 0 || (most - count > token && most - twin > token);
            return twin == count || !farFromMost ? this : machine.Of(new StringFrame(machine, _items, twin, Pending));
        }
    }

    public override bool Equals(object? obj) =>
        obj is StringFrame other && other.Count == count && other.Pending == Pending && other._items.AsSpan().SequenceEqual(_items);

    public override int GetHashCode() => _items.Aggregate(HashCode.Combine(4, count, Pending), HashCode.Combine);

    int Count => count;

    private protected override int CountFree()
    {
        int free = -1;
        bool isExact = true;
        foreach (StringItem item in _items)
        {
            bool anyForm = item.Term.Form is null && item.State == 0;
            if (anyForm && item.Term.Most >= 0)
            {
                free = Math.Max(free, item.Term.Most - count);
            }
            else if (anyForm || (!item.Term.HasLength && machine.IsFree(item.Form, item.State)))
            {
                return int.MaxValue;
            }
            else
            {
                isExact = false;
            }
        }

        return isExact ? free : -1;
    }

    private protected override TextFrame? Advance(ReadOnlySpan<byte> bytes)
    {
        int reached = count + StringLanguage.Characters(bytes);
        List<StringItem> next = new(_items.Length);
        bool counts = false;
        int mostLeast = 0;
        bool hasMost = false;
        foreach (StringItem item in _items)
        {
            int state = item.Form.Run(item.State, bytes);
            if (state >= 0 && LengthTable.Of(item.Term).CanComplete(state, reached))
            {
                next.Add(item with { State = state });
                counts |= item.Term.HasLength;
                mostLeast = Math.Max(mostLeast, item.Term.Least);
                hasMost |= item.Term.Most >= 0;
            }
        }

        int kept = !counts ? 0 : hasMost ? reached : Math.Min(reached, mostLeast);
        return next.Count == 0 ? null : machine.Of(new StringFrame(machine, [.. next], kept, ""));
    }

    private protected override TextFrame WithPending(string pending) => machine.Of(new StringFrame(machine, _items, count, pending));

    private protected override bool Allows(int low, int high)
    {
        foreach (StringItem item in _items)
        {
            LengthTable lengths = LengthTable.Of(item.Term);
            if (item.Term.Form is null ? item.State == 0 && lengths.CanComplete(0, count + 1)
                : Utf8Reach.States(low, high, item.State, item.Form.Step).Any(state => lengths.CanComplete(state, count + 1)))
            {
                return true;
            }
        }

        return false;
    }

    private protected override Edge Close()
    {
        BigInteger result = BigInteger.Zero;
        foreach (StringItem item in _items)
        {
            bool ends = item.Form.IsAccepting(item.State) && count >= item.Term.Least && (item.Term.Most < 0 || count <= item.Term.Most);
            result |= ends ? JsonMachine.Bit(item.Group) : 0;
        }

        return result.IsZero ? Edge.Dead : Edge.Pop(result);
    }
}

/// <summary>Where the characters of a range lead in an automaton over UTF-8.</summary>
static class Utf8Reach
{
    /// <summary>The states after one character from low to high.</summary>
    public static IReadOnlySet<int> States(int low, int high, int state, Func<int, byte, int> step)
    {
        HashSet<int> all = [];
        foreach ((byte Low, byte High)[] sequence in Utf8Ranges.Of(low, high))
        {
            HashSet<int> at = [state];
            foreach ((byte first, byte last) in sequence)
            {
                HashSet<int> next = [];
                foreach (int from in at)
                {
                    for (int value = first; value <= last; value++)
                    {
                        if (step(from, (byte)value) is >= 0 and int to)
                        {
                            next.Add(to);
                        }
                    }
                }

                at = next;
            }

            all.UnionWith(at);
        }

        return all;
    }
}

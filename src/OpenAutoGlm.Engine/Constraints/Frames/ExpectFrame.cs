using System.Numerics;
using OpenAutoGlm.Engine.Constraints.Automata;
using OpenAutoGlm.Engine.Constraints.Schemas;

namespace OpenAutoGlm.Engine.Constraints.Frames;

/// <summary>A value is to come. Its result says by bits which of the symbols it is.</summary>
/// <param name="machine">The language.</param>
/// <param name="symbols">What it may be.</param>
/// <param name="spaces">White space before it so far.</param>
sealed class ExpectFrame(JsonMachine machine, Symbol[] symbols, int spaces) : Frame
{
    readonly Symbol[] _symbols = symbols;

    internal override Frame Twin => spaces > 0 && spaces + machine.LongestSpaces <= machine.MaxSpaces ? machine.Of(new ExpectFrame(machine, _symbols, 0)) : this;

    public override bool Equals(object? obj) => obj is ExpectFrame other && other.Spaces == spaces && other._symbols.AsSpan().SequenceEqual(_symbols);

    public override int GetHashCode() => _symbols.Aggregate(HashCode.Combine(1, spaces), (hash, symbol) => HashCode.Combine(hash, symbol.Id));

    int Spaces => spaces;

    private protected override Edge Compute(byte value)
    {
        if (JsonMachine.IsSpace(value))
        {
            return spaces < machine.MaxSpaces ? Edge.Stay(machine.Of(new ExpectFrame(machine, _symbols, spaces + 1))) : Edge.Dead;
        }

        Frame? next = value switch
        {
            (byte)'n' => Word("null", Words.Null),
            (byte)'f' => Word("false", Words.False),
            (byte)'t' => Word("true", Words.True),
            (byte)'"' => Text(),
            (byte)'-' or (>= (byte)'0' and <= (byte)'9') => Number(value),
            (byte)'{' => ObjectFrame.Begin(machine, _symbols),
            (byte)'[' => ArrayFrame.Begin(machine, _symbols),
            _ => null,
        };
        return next is null ? Edge.Dead : Edge.Stay(next);
    }

    WordFrame? Word(string word, Words flag)
    {
        BigInteger result = BigInteger.Zero;
        for (int group = 0; group < _symbols.Length; group++)
        {
            result |= _symbols[group].Words.HasFlag(flag) ? JsonMachine.Bit(group) : 0;
        }

        return result.IsZero ? null : machine.Of(new WordFrame(machine, word, 1, result));
    }

    NumberFrame? Number(byte value)
    {
        List<(int, Dfa, int)> items = [];
        for (int group = 0; group < _symbols.Length; group++)
        {
            Dfa number = _symbols[group].Number;
            if (!number.IsEmpty && number.Step(number.Start, value) is >= 0 and int state)
            {
                items.Add((group, number, state));
            }
        }

        return items.Count == 0 ? null : machine.Of(new NumberFrame(machine, [.. items]));
    }

    StringFrame? Text()
    {
        List<StringItem> items = [];
        for (int group = 0; group < _symbols.Length; group++)
        {
            foreach (StringTerm term in _symbols[group].Text.Terms)
            {
                items.Add(new StringItem(group, term, 0));
            }
        }

        return items.Count == 0 ? null : machine.Of(new StringFrame(machine, [.. items], 0, ""));
    }
}

/// <summary>Within null, false or true.</summary>
sealed class WordFrame(JsonMachine machine, string word, int position, BigInteger result) : Frame
{
    public override bool Equals(object? obj) => obj is WordFrame other && other.Key == Key;

    public override int GetHashCode() => Key.GetHashCode();

    (string, int, BigInteger) Key => (word, position, result);

    private protected override Edge Compute(byte value) =>
        value != word[position] ? Edge.Dead
        : position + 1 == word.Length ? Edge.Pop(result)
        : Edge.Stay(machine.Of(new WordFrame(machine, word, position + 1, result)));
}

/// <summary>Within a number. It ends with the first byte that is none of it.</summary>
sealed class NumberFrame(JsonMachine machine, (int Group, Dfa Numbers, int State)[] items) : Frame
{
    static readonly object Incomplete = new();

    readonly (int Group, Dfa Numbers, int State)[] _items = items;
    object? _completed;

    internal override object? Completed => (_completed ??= FindCompleted()) is BigInteger ? _completed : null;

    public override bool Equals(object? obj) => obj is NumberFrame other && other._items.AsSpan().SequenceEqual(_items);

    public override int GetHashCode() => _items.Aggregate(3, HashCode.Combine);

    private protected override Edge Compute(byte value)
    {
        (int, Dfa, int)[] next = new (int, Dfa, int)[_items.Length];
        int count = 0;
        foreach ((int group, Dfa numbers, int state) in _items)
        {
            if (numbers.Step(state, value) is >= 0 and int reached)
            {
                next[count++] = (group, numbers, reached);
            }
        }

        return count > 0 ? Edge.Stay(machine.Of(new NumberFrame(machine, next[..count])))
            : Completed is { } result ? Edge.Yield(result)
            : Edge.Dead;
    }

    object FindCompleted()
    {
        BigInteger result = BigInteger.Zero;
        foreach ((int group, Dfa numbers, int state) in _items)
        {
            result |= numbers.IsAccepting(state) ? JsonMachine.Bit(group) : 0;
        }

        return result.IsZero ? Incomplete : result;
    }
}

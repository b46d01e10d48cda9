using OpenAutoGlm.Engine.Constraints.Automata;
using OpenAutoGlm.Engine.Constraints.Frames;
using OpenAutoGlm.Engine.Constraints.Schemas;

namespace OpenAutoGlm.Engine.Constraints.Calls;

/// <summary>
/// Texts of a language as they stand, without quotes and escapes, and a mark that ends them. The mark begins with the
/// character &lt;, which it has nowhere else: so what may be its beginning and what is text can be followed side by side.
/// </summary>
sealed class RawTextMachine : Machine
{
    static readonly object Ended = new();

    readonly StringTerm[] _terms;
    readonly byte[] _mark;
    readonly Dictionary<RawFrame, RawFrame> _frames = [];

    public RawTextMachine(StringLanguage language, byte[] mark)
    {
        // A form with a length beside it may lead where neither can be kept; quoted strings look ahead for that.
        (_terms, _mark) = ([.. language.Terms.Select(term => term.Form is null || !term.HasLength ? term : throw new NotSupportedException("it has a pattern or format and a length"))], mark);
        Item[] all = [.. _terms.Select((term, index) => new Item(index, term.Form?.Start ?? 0, 0))];
        Start = new Place(Of(new RawFrame(this, all, [], Dfa.AnyText.Start, 0)), null);
    }

    internal override Place Start { get; }

    internal override void Trim(bool force)
    {
        if (force || _frames.Count > 6_000)
        {
            _frames.Clear();
        }
    }

    RawFrame Of(RawFrame frame)
    {
        if (!_frames.TryGetValue(frame, out RawFrame? known))
        {
            _frames.Add(frame, known = frame);
        }

        return known;
    }

    Item[] Step(Item[] items, byte value)
    {
        bool isCharacter = (value & 0xC0) != 0x80;
        List<Item> next = [];
        foreach ((int index, int state, int count) in items)
        {
            StringTerm term = _terms[index];
            int reached = term.Form is null ? 0 : term.Form.Step(state, value);
            // Lengths that no longer matter are not counted on, so that frames come back.
            int characters = !isCharacter || (term.Most < 0 && count >= term.Least) ? count : count + 1;
            if (reached >= 0 && (term.Most < 0 || characters <= term.Most))
            {
                next.Add(new Item(index, reached, characters));
            }
        }

        return [.. next];
    }

    bool Accepts(Item[] items) =>
        Array.Exists(items, item => item.Count >= _terms[item.Term].Least && (_terms[item.Term].Form is null || _terms[item.Term].Form!.IsAccepting(item.State)));

    readonly record struct Item(int Term, int State, int Count);

    /// <param name="machine">The language.</param>
    /// <param name="text">The ways to read what came as text.</param>
    /// <param name="before">Those before what may be the mark.</param>
    /// <param name="utf8">The state between bytes of a character.</param>
    /// <param name="matched">How much of the mark there is.</param>
    sealed class RawFrame(RawTextMachine machine, Item[] text, Item[] before, int utf8, int matched) : Frame
    {
        readonly Item[] _text = text;
        readonly Item[] _before = before;

        (int, int) Key => (utf8, matched);

        public override bool Equals(object? obj) =>
            obj is RawFrame other && other.Key == Key && other._text.AsSpan().SequenceEqual(_text) && other._before.AsSpan().SequenceEqual(_before);

        public override int GetHashCode() => _before.Aggregate(_text.Aggregate(Key.GetHashCode(), HashCode.Combine), HashCode.Combine);

        private protected override Edge Compute(byte value)
        {
            byte[] mark = machine._mark;
            bool goesOn = value == mark[matched];
            bool begins = !goesOn && value == mark[0];
            int now = goesOn ? matched + 1 : begins ? 1 : 0;
            Item[] before = now > 1 ? _before : now == 1 && machine.Accepts(_text) ? _text : [];
            if (now == mark.Length)
            {
                return before.Length > 0 ? Edge.Pop(Ended) : Edge.Dead;
            }

            int nextUtf8 = Dfa.AnyText.Step(utf8, value);
            Item[] next = nextUtf8 < 0 ? [] : machine.Step(_text, value);
            return next.Length == 0 && before.Length == 0 ? Edge.Dead : Edge.Stay(machine.Of(new RawFrame(machine, next, before, Math.Max(nextUtf8, 0), now)));
        }
    }
}

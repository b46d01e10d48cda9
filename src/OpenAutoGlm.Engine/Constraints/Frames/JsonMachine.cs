using System.Numerics;
using OpenAutoGlm.Engine.Constraints.Automata;
using OpenAutoGlm.Engine.Constraints.Schemas;

namespace OpenAutoGlm.Engine.Constraints.Frames;

/// <summary>
/// JSON documents that a schema allows. A document's brackets say themselves where each value begins and ends, so one
/// reading of it is enough however many alternatives the schema leaves open: they are followed side by side, and a value
/// hands up which of the expected symbols it turned out to be.
/// </summary>
sealed class JsonMachine : Machine
{
    /// <summary>Most white space in one place, in bytes: enough for deep indentation, and an end for a model that loops.</summary>
    public const int UsualSpaces = 256;

    /// <summary>The same in the arguments of a call, which nobody looks at.</summary>
    public const int SpacesInCalls = 32;

    /// <summary>Most white space before the document, where none is of use.</summary>
    public const int MaxSpacesBefore = 16;

    const int MaxFrames = 6_000;

    readonly Dictionary<Frame, Frame> _frames = [];
    readonly Dictionary<ObjectStateKey, ObjectState> _states = [];
    readonly Dictionary<Dfa, bool[]> _free = [];
    readonly Dictionary<(KeySpace, int, KindSet), bool> _freeKeys = [];

    /// <param name="symbols">What the schema means.</param>
    /// <param name="longestToken">Bytes of the vocabulary's longest token.</param>
    /// <param name="longestSpaces">The most white space in one token.</param>
    /// <param name="maxSpaces">The most white space in one place.</param>
    public JsonMachine(SymbolTable symbols, int longestToken, int longestSpaces, int maxSpaces = UsualSpaces)
    {
        (LongestToken, LongestSpaces, MaxSpaces) = (longestToken, longestSpaces, maxSpaces);
        Start = new Place(Of(new ExpectFrame(this, [symbols.Start], MaxSpaces - MaxSpacesBefore)), new FrameStack(Of(new RootFrame()), null));
    }

    internal override Place Start { get; }

    internal int LongestToken { get; }

    internal int LongestSpaces { get; }

    internal int MaxSpaces { get; }

    internal int FrameCount => _frames.Count;

    /// <summary>Whether a byte is white space of JSON.</summary>
    internal static bool IsSpace(byte value) => value is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t';

    /// <summary>The number of one of several expected symbols, as a result.</summary>
    internal static BigInteger Bit(int group) => BigInteger.One << group;

    /// <summary>The frame that equals this one.</summary>
    internal TFrame Of<TFrame>(TFrame frame)
        where TFrame : Frame
    {
        if (_frames.TryGetValue(frame, out Frame? known))
        {
            return (TFrame)known;
        }

        _frames.Add(frame, frame);
        return frame;
    }

    /// <summary>The state that equals this one.</summary>
    internal ObjectState Of(in ObjectStateKey key)
    {
        if (!_states.TryGetValue(key, out ObjectState? known))
        {
            known = new ObjectState(key);
            _states.Add(key, known);
        }

        return known;
    }

    internal override void Trim(bool force)
    {
        if (force || _frames.Count > MaxFrames || _states.Count > MaxFrames)
        {
            _states.Clear();
            // What still runs keeps its frames; what comes anew makes its own.
            _frames.Clear();
            _freeKeys.Clear();
        }
    }

    /// <summary>Whether after a state of a form any plain characters may come, as many as one likes.</summary>
    internal bool IsFree(Dfa form, int state)
    {
        if (ReferenceEquals(form, Dfa.AnyText))
        {
            return state == 0;
        }

        // Most forms show at once that they are not free; the whole answer needs a look at every state.
        for (int value = ' '; value <= '~'; value++)
        {
            if (value is not '"' and not '\\' && form.Step(state, (byte)value) < 0)
            {
                return false;
            }
        }

        if (!_free.TryGetValue(form, out bool[]? free))
        {
            free = Free(form);
            _free.Add(form, free);
        }

        return free[state];
    }

    /// <summary>Whether after the beginning of a key any plain characters may come, and it still becomes one of some kinds.</summary>
    internal bool IsFree(KeySpace space, int state, KindSet kinds)
    {
        if (space.HasNamesOnly)
        {
            // Whatever comes, another character makes it a key that nobody names.
            return space.Unnamed is >= 0 and int other && kinds.Contains(other);
        }

        (KeySpace, int, KindSet) key = (space, state, kinds);
        if (!_freeKeys.TryGetValue(key, out bool free))
        {
            free = AllReach(space, state, kinds);
            _freeKeys.Add(key, free);
        }

        return free;
    }

    static bool AllReach(KeySpace space, int start, KindSet kinds)
    {
        const int MostStates = 2_000;
        HashSet<int> seen = [start];
        Stack<int> open = new([start]);
        while (open.TryPop(out int state))
        {
            if (seen.Count > MostStates || !Enumerable.Range(0, space.Count).Any(kind => kinds.Contains(kind) && space.Reachable(state).Contains(kind)))
            {
                return false;
            }

            for (int value = 0x20; value < 256; value++)
            {
                if (value is not '"' and not '\\' && space.Step(state, (byte)value) is >= 0 and int next && seen.Add(next))
                {
                    open.Push(next);
                }
            }
        }

        return true;
    }

    /// <summary>The states between characters from which no plain text leads into nothing.</summary>
    static bool[] Free(Dfa form)
    {
        // Pairs of a state of the form and one of valid text; bad are those with a valid byte that the form refuses.
        Dictionary<(int Form, int Text), List<(int, int)>> before = new() { [(0, 0)] = [] };
        Queue<(int Form, int Text)> open = new([(0, 0)]);
        Stack<(int Form, int Text)> bad = new();
        while (open.TryDequeue(out (int Form, int Text) at))
        {
            for (int value = 0x20; value < 256; value++)
            {
                int text = value is '"' or '\\' ? -1 : Dfa.AnyText.Step(at.Text, (byte)value);
                int next = form.Step(at.Form, (byte)value);
                if (text >= 0 && next < 0)
                {
                    bad.Push(at);
                    break;
                }
            }

            // Escapes lead on, too; what follows them must be free as well only where it is reached by plain characters.
            for (int value = 0; value < 256; value++)
            {
                int text = Dfa.AnyText.Step(at.Text, (byte)value);
                int next = form.Step(at.Form, (byte)value);
                if (text < 0 || next < 0)
                {
                    continue;
                }

                if (!before.TryGetValue((next, text), out List<(int, int)>? sources))
                {
                    before.Add((next, text), sources = []);
                    open.Enqueue((next, text));
                }

                if (value >= 0x20 && value is not '"' and not '\\' && (sources.Count == 0 || sources[^1] != at))
                {
                    sources.Add(at);
                }
            }
        }

        HashSet<(int, int)> allBad = [];
        while (bad.TryPop(out (int Form, int Text) at))
        {
            if (allBad.Add(at))
            {
                before[at].ForEach(bad.Push);
            }
        }

        bool[] free = new bool[form.StateCount];
        foreach ((int state, int text) in before.Keys)
        {
            free[state] = text == 0 && !allBad.Contains((state, text));
        }

        return free;
    }
}

/// <summary>The bottom: waits for the document.</summary>
sealed class RootFrame : Frame
{
    private protected override Edge Compute(byte value) => Edge.Dead;

    private protected override Frame ComputeResumed(object result) => EndFrame.Instance;
}

/// <summary>The document is complete; nothing may follow.</summary>
sealed class EndFrame : Frame
{
    public static EndFrame Instance { get; } = new();

    internal override bool IsFinal => true;

    private protected override Edge Compute(byte value) => Edge.Dead;
}

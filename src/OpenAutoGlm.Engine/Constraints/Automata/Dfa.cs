namespace OpenAutoGlm.Engine.Constraints.Automata;

/// <summary>
/// A deterministic automaton over bytes in which every state can still reach an accepting one: a step to −1 means that
/// nothing that begins so is in the language. Bytes that no state tells apart share a class. Immutable.
/// </summary>
sealed class Dfa
{
    readonly int[] _next; // [state, class]
    readonly bool[] _accepting;

    internal Dfa(byte[] classes, int classCount, int[] next, bool[] accepting)
    {
        (Classes, ClassCount, _next, _accepting) = (classes, classCount, next, accepting);
    }

    /// <summary>The language without any string.</summary>
    public static Dfa None { get; } = new(new byte[256], 1, [], []);

    /// <summary>All strings of whole UTF-8 characters.</summary>
    public static Dfa AnyText { get; } = AnyTextOf();

    /// <summary>The class of each byte.</summary>
    public byte[] Classes { get; }

    public int ClassCount { get; }

    public int StateCount => _accepting.Length;

    public bool IsEmpty => _accepting.Length == 0;

    /// <summary>The first state, or −1 in the empty language.</summary>
    public int Start => IsEmpty ? -1 : 0;

    public bool IsAccepting(int state) => _accepting[state];

    public int Step(int state, byte value) => _next[state * ClassCount + Classes[value]];

    public int StepClass(int state, int byteClass) => _next[state * ClassCount + byteClass];

    /// <summary>The state after some bytes, or −1.</summary>
    public int Run(int state, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            if (state < 0)
            {
                return -1;
            }

            state = Step(state, value);
        }

        return state;
    }

    public bool Matches(ReadOnlySpan<byte> bytes) => Run(Start, bytes) is >= 0 and int end && _accepting[end];

    /// <summary>The strings of the language, if they are finite and no more than a number; null otherwise.</summary>
    public IReadOnlyList<byte[]>? Enumerate(int most)
    {
        List<byte[]> found = [];
        Stack<(int State, byte[] Prefix)> open = new();
        int longest = StateCount; // A longer string repeats a state, and then there is no end of strings.
        if (!IsEmpty)
        {
            open.Push((0, []));
        }

        while (open.TryPop(out (int State, byte[] Prefix) at))
        {
            if (at.Prefix.Length > longest)
            {
                return null;
            }

            if (_accepting[at.State])
            {
                found.Add(at.Prefix);
            }

            if (found.Count > most || open.Count > 8 * (most + 64))
            {
                return null;
            }

            for (int value = 0; value < 256; value++)
            {
                if (Step(at.State, (byte)value) is >= 0 and int next)
                {
                    open.Push((next, [.. at.Prefix, (byte)value]));
                }
            }
        }

        return found;
    }

    static Dfa AnyTextOf()
    {
        NfaBuilder builder = new();
        int start = builder.AddState();
        builder.AddCodePoints(start, start, CodePointSet.All);
        return builder.Determinise(start, start);
    }
}

namespace OpenAutoGlm.Engine.Constraints.Automata;

/// <summary>
/// A nondeterministic automaton over bytes, built state by state and then made deterministic. Edges may ask for the
/// beginning or the end of the text, as ^ and $ of regular expressions do.
/// </summary>
sealed class NfaBuilder
{
    /// <summary>Most states of one automaton.</summary>
    public const int MaxStates = 200_000;

    /// <summary>Most states looked at while an automaton is made deterministic: a second or so.</summary>
    const long MaxWork = 30_000_000;

    readonly List<List<(byte Low, byte High, int Target)>> _edges = [];
    readonly List<List<(Assertion Asks, int Target)>> _empty = [];
    readonly Dictionary<(int Target, byte Low, byte High), int> _suffixes = [];

    enum Assertion
    {
        Nothing,
        Beginning,
        End,
    }

    public int StateCount => _edges.Count;

    public int AddState()
    {
        if (_edges.Count >= MaxStates)
        {
            throw new ConstraintLimitException($"unrolls to more than {MaxStates} states");
        }

        _edges.Add([]);
        _empty.Add([]);
        return _edges.Count - 1;
    }

    public void AddEdge(int from, byte low, byte high, int to) => _edges[from].Add((low, high, to));

    public void AddEmpty(int from, int to) => _empty[from].Add((Assertion.Nothing, to));

    public void AddBeginning(int from, int to) => _empty[from].Add((Assertion.Beginning, to));

    public void AddEnd(int from, int to) => _empty[from].Add((Assertion.End, to));

    /// <summary>Bytes and targets out of a state.</summary>
    public IReadOnlyList<(byte Low, byte High, int Target)> Edges(int state) => _edges[state];

    /// <summary>Targets that a state reaches without a byte.</summary>
    public IEnumerable<int> EmptyTargets(int state) => _empty[state].Where(edge => edge.Asks == Assertion.Nothing).Select(edge => edge.Target);

    /// <summary>Edges for one character of a set, in UTF-8. States for the last bytes of characters are shared.</summary>
    public void AddCodePoints(int from, int to, CodePointSet set)
    {
        foreach ((int low, int high) in set.Ranges)
        {
            foreach ((byte Low, byte High)[] sequence in Utf8Ranges.Of(low, high))
            {
                int target = to;
                for (int i = sequence.Length - 1; i > 0; i--)
                {
                    (int, byte, byte) key = (target, sequence[i].Low, sequence[i].High);
                    if (!_suffixes.TryGetValue(key, out int state))
                    {
                        state = AddState();
                        AddEdge(state, sequence[i].Low, sequence[i].High, target);
                        _suffixes.Add(key, state);
                    }

                    target = state;
                }

                AddEdge(from, sequence[0].Low, sequence[0].High, target);
            }
        }
    }

    /// <summary>The deterministic automaton.</summary>
    /// <param name="start">First state.</param>
    /// <param name="accept">Accepting state.</param>
    /// <param name="acceptsAnything">Whether any text may follow the accepting state: then what else is possible there does not matter.</param>
    /// <exception cref="ConstraintLimitException">It is too large.</exception>
    public Dfa Determinise(int start, int accept, bool acceptsAnything = false)
    {
        HashSet<int> closure = [];
        long work = 0;
        Signature Close(IEnumerable<int> states, bool atBeginning, bool atEnd)
        {
            closure.Clear();
            Stack<int> open = new(states);
            while (open.TryPop(out int state))
            {
                if (!closure.Add(state))
                {
                    continue;
                }

                foreach ((Assertion asks, int target) in _empty[state])
                {
                    if (asks == Assertion.Nothing || (asks == Assertion.Beginning ? atBeginning : atEnd))
                    {
                        open.Push(target);
                    }
                }
            }

            work += closure.Count;
            if (work > MaxWork)
            {
                throw new ConstraintLimitException("takes too many steps to work out");
            }

            int[] sorted = acceptsAnything && closure.Contains(accept) ? [accept] : [.. closure];
            Array.Sort(sorted);
            return new Signature(sorted);
        }

        return DfaExplorer.Explore(
            (Set: Close([start], atBeginning: true, atEnd: false), IsStart: true),
            Classes(),
            ((Signature Set, bool IsStart) at, byte value, out (Signature Set, bool IsStart) next) =>
            {
                HashSet<int> targets = [];
                foreach (int state in at.Set.Parts)
                {
                    foreach ((byte low, byte high, int target) in _edges[state])
                    {
                        if (value >= low && value <= high)
                        {
                            targets.Add(target);
                        }
                    }
                }

                next = (Close(targets, atBeginning: false, atEnd: false), false);
                return targets.Count > 0;
            },
            at => Close(at.Set.Parts.ToArray(), at.IsStart, atEnd: true).Parts.Contains(accept));
    }

    /// <summary>Classes of bytes that no edge tells apart.</summary>
    public byte[] Classes()
    {
        bool[] begins = new bool[257];
        foreach ((byte low, byte high, int _) in _edges.SelectMany(edges => edges))
        {
            begins[low] = true;
            begins[high + 1] = true;
        }

        byte[] classes = new byte[256];
        for (int value = 1; value < 256; value++)
        {
            classes[value] = (byte)(classes[value - 1] + (begins[value] ? 1 : 0));
        }

        return classes;
    }
}

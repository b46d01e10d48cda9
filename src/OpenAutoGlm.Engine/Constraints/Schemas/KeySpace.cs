using System.Text;
using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>
/// The keys of objects sorted into kinds: each key that a schema names is one, and the others are told apart by the forms
/// that they have. An automaton over UTF-8 says of which kind a key is, and which kinds a beginning can still become.
/// Immutable.
/// </summary>
sealed class KeySpace
{
    const int MaxStates = 60_000;
    const int MaxListed = 64;

    readonly byte[] _classes;
    readonly int _classCount;
    readonly List<int> _next = [];
    readonly List<int> _kinds = []; // of a key that ends in the state, or −1
    readonly List<KindSet> _reachable = [];
    readonly List<(string? Name, bool[] Forms)> _list = [];
    readonly Dfa[] _forms;

    KeySpace(string[] names, Dfa[] forms, CancellationToken cancellation)
    {
        _forms = forms;
        byte[][] keys = [.. names.Select(Encoding.UTF8.GetBytes)];
        _classes = ClassesOf(keys, forms);
        _classCount = _classes.Max() + 1;
        Explore(names, new Trie(keys), cancellation);
        Reach();
        Unnamed = _list.FindIndex(kind => kind.Name is null);
    }

    /// <summary>How many kinds there are.</summary>
    public int Count => _list.Count;

    /// <summary>Whether there are no forms: keys are named, or they are not.</summary>
    public bool HasNamesOnly => _forms.Length == 0;

    /// <summary>The first kind without a name, or −1.</summary>
    public int Unnamed { get; private set; } = -1;

    /// <summary>Whether a kind is one key.</summary>
    public bool HasName(int kind) => _list[kind].Name is not null;

    /// <summary>The key of a kind that is one; null for others.</summary>
    public string? Name(int kind) => _list[kind].Name;

    /// <summary>The state before the first byte of a key.</summary>
    public static int Start => 0;

    public int StateCount => _kinds.Count;

    /// <summary>The state after a byte, or −1.</summary>
    public int Step(int state, byte value) => _next[state * _classCount + _classes[value]];

    public int Run(int state, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length && state >= 0; i++)
        {
            state = Step(state, bytes[i]);
        }

        return state;
    }

    /// <summary>What is left of the names that begin so.</summary>
    public IEnumerable<byte[]> NamesAfter(int state)
    {
        foreach ((string? name, bool[] _) in _list)
        {
            byte[] bytes = name is null ? [] : Encoding.UTF8.GetBytes(name);
            int at = Start;
            for (int i = 0; name is not null && i <= bytes.Length; i++)
            {
                if (at == state)
                {
                    yield return bytes[i..];
                    break;
                }

                at = i < bytes.Length ? Step(at, bytes[i]) : at;
            }
        }
    }

    /// <summary>The kind of a key that ends here, or −1 within a character.</summary>
    public int KindAt(int state) => _kinds[state];

    /// <summary>The kinds of keys that begin so.</summary>
    public KindSet Reachable(int state) => _reachable[state];

    /// <summary>Whether a kind of keys matches.</summary>
    public bool Matches(int kind, KeyMatcher matcher) => matcher.Matches(_list[kind].Name, form => _list[kind].Forms[Array.IndexOf(_forms, form)]);

    /// <summary>The kinds of keys for some names and forms. A form that only few keys have is a list of names.</summary>
    /// <exception cref="ConstraintLimitException">There are too many states.</exception>
    public static KeySpace Of(IReadOnlySet<string> names, IReadOnlySet<Dfa> forms, CancellationToken cancellation)
    {
        KeySpace space = new([.. names], [.. forms], cancellation);
        if (forms.Count == 0)
        {
            return space;
        }

        HashSet<string> more = [.. names];
        for (int kind = 0; kind < space.Count; kind++)
        {
            if (!space.HasName(kind))
            {
                more.UnionWith((space.KeysOf(kind).Enumerate(MaxListed) ?? []).Select(Encoding.UTF8.GetString));
            }
        }

        return more.Count == names.Count ? space : new KeySpace([.. more], [.. forms], cancellation);
    }

    Dfa KeysOf(int kind) => StateCount > 2000 ? Dfa.AnyText : DfaExplorer.Explore(
        0,
        _classes,
        (int state, byte value, out int next) => (next = Step(state, value)) >= 0,
        state => KindAt(state) == kind);

    void Explore(string[] names, Trie trie, CancellationToken cancellation)
    {
        byte[] representatives = new byte[_classCount];
        for (int value = 255; value >= 0; value--)
        {
            representatives[_classes[value]] = (byte)value;
        }

        // A state is where the names, valid text and each form stand.
        Dictionary<Signature, int> ids = [];
        List<int[]> states = [];
        Dictionary<Signature, int> kinds = [];
        int Add(int[] parts)
        {
            Signature key = new(parts);
            if (!ids.TryGetValue(key, out int id))
            {
                id = states.Count;
                ids.Add(key, id);
                states.Add(parts);
                if (id >= MaxStates)
                {
                    throw new ConstraintLimitException($"has more than {MaxStates} beginnings of keys to tell apart");
                }
            }

            return id;
        }

        Add([0, Dfa.AnyText.Start, .. _forms.Select(form => form.Start)]);
        for (int state = 0; state < states.Count; state++)
        {
            cancellation.ThrowIfCancellationRequested();
            int[] parts = states[state];
            for (int byteClass = 0; byteClass < _classCount; byteClass++)
            {
                byte value = representatives[byteClass];
                int text = Dfa.AnyText.Step(parts[1], value);
                int[] next = [parts[0] < 0 ? -1 : trie.Step(parts[0], value), text, .. _forms.Select((form, i) => parts[i + 2] < 0 ? -1 : form.Step(parts[i + 2], value))];
                _next.Add(text < 0 ? -1 : Add(next));
            }

            _kinds.Add(-1);
            if (Dfa.AnyText.IsAccepting(parts[1]))
            {
                int name = parts[0] < 0 ? -1 : trie.Name(parts[0]);
                bool[] has = [.. _forms.Select((form, i) => parts[i + 2] >= 0 && form.IsAccepting(parts[i + 2]))];
                Signature key = new([name, .. has.Select(holds => holds ? 1 : 0)]);
                if (!kinds.TryGetValue(key, out int kind))
                {
                    kind = _list.Count;
                    kinds.Add(key, kind);
                    _list.Add((name < 0 ? null : names[name], has));
                }

                _kinds[state] = kind;
            }
        }
    }

    /// <summary>Follows edges backwards from the keys of each kind.</summary>
    void Reach()
    {
        List<int>[] before = new List<int>[_kinds.Count];
        for (int edge = 0; edge < _next.Count; edge++)
        {
            if (_next[edge] >= 0)
            {
                List<int> sources = before[_next[edge]] ??= [];
                if (sources.Count == 0 || sources[^1] != edge / _classCount)
                {
                    sources.Add(edge / _classCount);
                }
            }
        }

        _reachable.AddRange(Enumerable.Repeat(default(KindSet), _kinds.Count));
        Stack<(int State, int Kind)> open = new();
        for (int state = 0; state < _kinds.Count; state++)
        {
            if (_kinds[state] >= 0)
            {
                open.Push((state, _kinds[state]));
            }
        }

        while (open.TryPop(out (int State, int Kind) at))
        {
            if (_reachable[at.State].Contains(at.Kind))
            {
                continue;
            }

            _reachable[at.State] = _reachable[at.State].With(at.Kind);
            foreach (int source in before[at.State] ?? [])
            {
                open.Push((source, at.Kind));
            }
        }
    }

    static byte[] ClassesOf(byte[][] keys, Dfa[] forms)
    {
        byte[] own = new byte[256];
        byte count = 0;
        foreach (byte value in keys.SelectMany(key => key).Distinct().Take(255))
        {
            own[value] = ++count;
        }

        return forms.Aggregate(DfaExplorer.Refine(own, Dfa.AnyText.Classes), (classes, form) => DfaExplorer.Refine(classes, form.Classes));
    }

    /// <summary>The names by common beginnings.</summary>
    sealed class Trie
    {
        readonly List<Dictionary<byte, int>> _children = [[]];
        readonly List<int> _names = [-1];

        public Trie(byte[][] keys)
        {
            for (int name = 0; name < keys.Length; name++)
            {
                int node = 0;
                foreach (byte value in keys[name])
                {
                    if (!_children[node].TryGetValue(value, out int child))
                    {
                        child = _children.Count;
                        _children[node].Add(value, child);
                        _children.Add([]);
                        _names.Add(-1);
                    }

                    node = child;
                }

                _names[node] = name;
            }
        }

        public int Step(int node, byte value) => _children[node].GetValueOrDefault(value, -1);

        public int Name(int node) => _names[node];
    }
}

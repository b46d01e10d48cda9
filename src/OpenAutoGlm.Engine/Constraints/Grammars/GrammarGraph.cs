using OpenAutoGlm.Engine.Constraints.Automata;
using OpenAutoGlm.Engine.Constraints.Patterns;

namespace OpenAutoGlm.Engine.Constraints.Grammars;

/// <summary>
/// A grammar as one nondeterministic automaton with calls: rules that do not lead back to themselves are written out where
/// they are called, the others are called and come back. Left recursion, which would call without end, is refused.
/// </summary>
sealed class GrammarGraph
{
    /// <summary>Most states of a grammar.</summary>
    public const int MaxStates = 100_000;

    readonly IReadOnlyDictionary<string, (GrammarTerm Body, int Position)> _rules;
    readonly NfaBuilder _builder = new();
    readonly Dictionary<int, List<(int Entry, string Rule, int Return)>> _calls = [];
    readonly Dictionary<string, (int Entry, int Exit)> _built = [];
    readonly Queue<string> _toBuild = [];
    readonly HashSet<string> _recursive = [];
    readonly HashSet<int> _exits = [];
    int _steps;

    GrammarGraph(IReadOnlyDictionary<string, (GrammarTerm Body, int Position)> rules, string root)
    {
        _rules = rules;
        foreach ((string name, (GrammarTerm body, int _)) in rules)
        {
            CheckCalls(body);
            if (Reaches(body, name, []))
            {
                _recursive.Add(name);
            }
        }

        Entry = _builder.AddState();
        Exit = _builder.AddState();
        _builder.AddEmpty(Add(rules[root].Body, Entry), Exit);
        while (_toBuild.TryDequeue(out string? name))
        {
            (int entry, int exit) = _built[name];
            _builder.AddEmpty(Add(rules[name].Body, entry), exit);
        }

        CheckLeftRecursion();
        FindLive();
    }

    public int Entry { get; }

    public int Exit { get; }

    /// <summary>States from which the end of their rule can be reached.</summary>
    public bool[] Live { get; private set; } = [];

    /// <exception cref="ConstraintException">The grammar is wrong, left-recursive, too large, or has no text.</exception>
    public static GrammarGraph Of(string text)
    {
        (IReadOnlyDictionary<string, (GrammarTerm Body, int Position)> rules, string root) = GrammarParser.Parse(text);
        try
        {
            GrammarGraph graph = new(rules, root);
            return graph.Live[graph.Entry] ? graph : throw ConstraintException.Text("Grammar", rules[root].Position, "no text can satisfy it.", "Give every recursive rule an alternative that ends.");
        }
        catch (ConstraintLimitException error)
        {
            throw ConstraintException.Text("Grammar", 0, $"it {error.Message}.", "Lower its repeat counts.");
        }
    }

    public IReadOnlyList<(byte Low, byte High, int Target)> Edges(int state) => _builder.Edges(state);

    public IEnumerable<int> EmptyTargets(int state) => _builder.EmptyTargets(state);

    /// <summary>The rules called in a state: where each begins and ends, and where it comes back to.</summary>
    public IEnumerable<(int Entry, int Exit, int Return)> Calls(int state) =>
        _calls.TryGetValue(state, out List<(int, string Rule, int Return)>? calls) ? calls.Select(call => (_built[call.Rule].Entry, _built[call.Rule].Exit, call.Return)) : [];

    /// <summary>Whether a state is the end of a called rule, or of the grammar.</summary>
    public bool IsExit(int state) => state == Exit || _exits.Contains(state);

    int Add(GrammarTerm term, int from)
    {
        // Rules that write out to nothing make no states, so the steps count too.
        if (_builder.StateCount > MaxStates || ++_steps > 10 * MaxStates)
        {
            throw new ConstraintLimitException($"unrolls to more than {MaxStates} states");
        }

        switch (term)
        {
            case GrammarTerm.Regular regular:
                return PatternCompiler.Add(_builder, regular.Pattern, from);
            case GrammarTerm.Sequence sequence:
                return sequence.Parts.Aggregate(from, (at, part) => Add(part, at));
            case GrammarTerm.Choice choice:
                int end = _builder.AddState();
                foreach (GrammarTerm option in choice.Options)
                {
                    int begin = _builder.AddState();
                    _builder.AddEmpty(from, begin);
                    _builder.AddEmpty(Add(option, begin), end);
                }

                return end;
            case GrammarTerm.Repeat repeat:
                return AddRepeat(repeat, from);
            case GrammarTerm.Call call when !_recursive.Contains(call.Rule):
                return Add(_rules[call.Rule].Body, from);
            case GrammarTerm.Call call:
                return AddCall(call.Rule, from);
            default:
                throw new InvalidOperationException($"There is no term of the kind {term.GetType().Name}.");
        }
    }

    int AddCall(string rule, int from)
    {
        if (!_built.ContainsKey(rule))
        {
            (int Entry, int Exit) ends = (_builder.AddState(), _builder.AddState());
            _built.Add(rule, ends);
            _exits.Add(ends.Exit);
            _toBuild.Enqueue(rule);
        }

        int back = _builder.AddState();
        if (!_calls.TryGetValue(from, out List<(int, string, int)>? calls))
        {
            _calls.Add(from, calls = []);
        }

        calls.Add((from, rule, back));
        return back;
    }

    int AddRepeat(GrammarTerm.Repeat repeat, int from)
    {
        int at = from;
        for (int i = 0; i < repeat.Least; i++)
        {
            at = Add(repeat.Body, at);
        }

        int end = _builder.AddState();
        if (repeat.Most < 0)
        {
            int loop = _builder.AddState();
            _builder.AddEmpty(at, loop);
            _builder.AddEmpty(Add(repeat.Body, loop), loop);
            _builder.AddEmpty(loop, end);
            return end;
        }

        for (int i = repeat.Least; i < repeat.Most; i++)
        {
            _builder.AddEmpty(at, end);
            int begin = _builder.AddState();
            _builder.AddEmpty(at, begin);
            at = Add(repeat.Body, begin);
        }

        _builder.AddEmpty(at, end);
        return end;
    }

    void CheckCalls(GrammarTerm term)
    {
        foreach (GrammarTerm.Call call in CallsIn(term))
        {
            if (!_rules.ContainsKey(call.Rule))
            {
                throw ConstraintException.Text("Grammar", call.Position, $"there is no rule named {call.Rule}.", $"Add {call.Rule} ::= …, or put quotes around it if it is text.");
            }
        }
    }

    bool Reaches(GrammarTerm term, string name, HashSet<string> seen) =>
        CallsIn(term).Any(call => call.Rule == name || (seen.Add(call.Rule) && Reaches(_rules.GetValueOrDefault(call.Rule).Body ?? new GrammarTerm.Sequence([]), name, seen)));

    static IEnumerable<GrammarTerm.Call> CallsIn(GrammarTerm term) => term switch
    {
        GrammarTerm.Call call => [call],
        GrammarTerm.Sequence sequence => sequence.Parts.SelectMany(CallsIn),
        GrammarTerm.Choice choice => choice.Options.SelectMany(CallsIn),
        GrammarTerm.Repeat repeat => CallsIn(repeat.Body),
        _ => [],
    };

    /// <summary>A rule that can call itself before any byte would do so for ever.</summary>
    void CheckLeftRecursion()
    {
        HashSet<int> empty = Nullable();
        foreach ((string name, (int entry, int _)) in _built)
        {
            HashSet<int> seen = [];
            Stack<int> open = new([entry]);
            while (open.TryPop(out int state))
            {
                if (!seen.Add(state))
                {
                    continue;
                }

                foreach (int target in EmptyTargets(state))
                {
                    open.Push(target);
                }

                foreach ((int called, int exit, int back) in Calls(state))
                {
                    if (called == entry)
                    {
                        throw ConstraintException.Text(
                            "Grammar", _rules[name].Position, $"the rule {name} begins with itself (left recursion).", $"Turn {name} ::= {name} x | y into {name} ::= y x*.");
                    }

                    open.Push(called);
                    if (empty.Contains(called))
                    {
                        open.Push(back);
                    }
                }
            }
        }
    }

    /// <summary>The entries of rules that may be empty.</summary>
    HashSet<int> Nullable()
    {
        HashSet<int> empty = [];
        bool found = true;
        while (found)
        {
            found = false;
            foreach ((int entry, int exit) in _built.Values.Where(rule => !empty.Contains(rule.Entry)))
            {
                HashSet<int> seen = [];
                Stack<int> open = new([entry]);
                while (open.TryPop(out int state))
                {
                    if (seen.Add(state))
                    {
                        foreach (int target in EmptyTargets(state).Concat(Calls(state).Where(call => empty.Contains(call.Entry)).Select(call => call.Return)))
                        {
                            open.Push(target);
                        }
                    }
                }

                found |= seen.Contains(exit) && empty.Add(entry);
            }
        }

        return empty;
    }

    /// <summary>Which states can reach the end of their rule: the least fixed point.</summary>
    void FindLive()
    {
        Live = new bool[_builder.StateCount];
        Live[Exit] = true;
        foreach (int exit in _exits)
        {
            Live[exit] = true;
        }

        bool found = true;
        while (found)
        {
            found = false;
            for (int state = Live.Length - 1; state >= 0; state--)
            {
                if (!Live[state] && (Edges(state).Any(edge => Live[edge.Target]) || EmptyTargets(state).Any(target => Live[target])
                    || Calls(state).Any(call => Live[call.Entry] && Live[call.Return])))
                {
                    Live[state] = true;
                    found = true;
                }
            }
        }
    }
}

using System.Runtime.CompilerServices;
using OpenAutoGlm.Engine.Constraints.Grammars;

namespace OpenAutoGlm.Engine.Constraints.Frames;

/// <summary>
/// The texts of a grammar. A frame holds every way to read what came so far: a state of the grammar's automaton each, with
/// the states to come back to. Frames with the same ways are one.
/// </summary>
sealed class GrammarMachine : Machine
{
    const int MaxWays = 4_000;
    const int MaxFrames = 6_000;
    const int MaxReturns = 200_000;

    readonly GrammarGraph _graph;
    readonly Dictionary<WayFrame, WayFrame> _frames = [];
    readonly Dictionary<(int, Return?), Return> _returns = [];

    public GrammarMachine(GrammarGraph graph)
    {
        _graph = graph;
        Start = new Place(Of(Close([(graph.Entry, null)])), null);
    }

    internal override Place Start { get; }

    internal override void Trim(bool force)
    {
        if (force || _frames.Count > MaxFrames || _returns.Count > MaxReturns)
        {
            _frames.Clear();
            _returns.Clear();
        }
    }

    WayFrame Of(HashSet<(int State, Return? Back)> ways)
    {
        WayFrame frame = new(this, [.. ways.OrderBy(way => way.State).ThenBy(way => way.Back?.Depth ?? 0).ThenBy(way => way.Back?.Number ?? 0)]);
        if (!_frames.TryGetValue(frame, out WayFrame? known))
        {
            _frames.Add(frame, frame);
            known = frame;
        }

        return known;
    }

    /// <summary>Follows calls, returns and empty steps. Only ways that wait for a byte, or have ended, are kept.</summary>
    HashSet<(int State, Return? Back)> Close(IEnumerable<(int, Return?)> ways)
    {
        HashSet<(int State, Return? Back)> seen = [];
        HashSet<(int State, Return? Back)> kept = [];
        Stack<(int, Return?)> open = new(ways);
        while (open.TryPop(out (int State, Return? Back) way))
        {
            if (!_graph.Live[way.State] || !seen.Add(way))
            {
                continue;
            }

            if (seen.Count > MaxWays)
            {
                throw ConstraintException.Whole("Grammar", $"a text can be read in more than {MaxWays} ways at once.", "Make it less ambiguous.");
            }

            bool ended = way.Back is null && way.State == _graph.Exit;
            if (ended || _graph.Edges(way.State).Count > 0)
            {
                kept.Add(way);
            }

            foreach (int target in _graph.EmptyTargets(way.State))
            {
                open.Push((target, way.Back));
            }

            if (way.Back is { } back && _graph.IsExit(way.State))
            {
                open.Push((back.State, back.Below));
            }

            foreach ((int entry, int _, int returnTo) in _graph.Calls(way.State).Where(call => _graph.Live[call.Return]))
            {
                // A call at the very end of a rule need not come back to it: it comes back to where that rule would.
                Return? next = IsPureExit(returnTo) && way.Back is not null ? way.Back : ReturnTo(returnTo, way.Back);
                open.Push((entry, next));
            }
        }

        return kept;
    }

    /// <summary>Whether nothing but the end of its rule follows a state.</summary>
    bool IsPureExit(int state)
    {
        for (int steps = 0; steps < 32; steps++)
        {
            if (_graph.IsExit(state))
            {
                return state != _graph.Exit;
            }

            if (_graph.Edges(state).Count > 0 || _graph.Calls(state).Any() || _graph.EmptyTargets(state).ToArray() is not [int only])
            {
                return false;
            }

            state = only;
        }

        return false;
    }

    Return ReturnTo(int state, Return? below)
    {
        if (!_returns.TryGetValue((state, below), out Return? known))
        {
            known = new Return(state, below, (below?.Depth ?? 0) + 1, _returns.Count);
            _returns.Add((state, below), known);
        }

        return known;
    }

    /// <summary>Where a rule comes back to, and what after that. Equal ones are the same object.</summary>
    sealed class Return(int state, Return? below, int depth, int number)
    {
        public int State => state;

        public Return? Below => below;

        public int Depth => depth;

        public int Number => number;
    }

    sealed class WayFrame(GrammarMachine machine, (int State, Return? Back)[] ways) : Frame
    {
        readonly (int State, Return? Back)[] _ways = ways;

        internal override bool IsFinal => Array.Exists(_ways, way => way.Back is null && way.State == machine._graph.Exit);

        public override bool Equals(object? obj) => obj is WayFrame other && other._ways.AsSpan().SequenceEqual(_ways);

        public override int GetHashCode() =>
            _ways.Aggregate(_ways.Length, (hash, way) => HashCode.Combine(hash, way.State, way.Back is null ? 0 : RuntimeHelpers.GetHashCode(way.Back)));

        private protected override Edge Compute(byte value)
        {
            List<(int, Return?)> next = [];
            foreach ((int state, Return? back) in _ways)
            {
                foreach ((byte low, byte high, int target) in machine._graph.Edges(state))
                {
                    if (value >= low && value <= high)
                    {
                        next.Add((target, back));
                    }
                }
            }

            HashSet<(int State, Return? Back)> ways = machine.Close(next);
            return ways.Count == 0 ? Edge.Dead : Edge.Stay(machine.Of(ways));
        }
    }
}

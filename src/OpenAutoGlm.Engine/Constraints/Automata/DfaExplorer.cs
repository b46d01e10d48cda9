namespace OpenAutoGlm.Engine.Constraints.Automata;

/// <summary>
/// Turns a machine that is given by its steps into a <see cref="Dfa"/>: visits what is reachable, drops what cannot reach
/// acceptance, joins states that mean the same.
/// </summary>
static class DfaExplorer
{
    /// <summary>Most states of one automaton.</summary>
    public const int MaxStates = 20_000;

    /// <summary>Over so many states, equal ones are not looked for: the search takes quadratic time on long chains.</summary>
    const int MaxMinimised = 3_000;

    /// <summary>Visits a machine from its first state.</summary>
    /// <param name="start">The first state.</param>
    /// <param name="classes">A class for each byte; steps are the same for all bytes of a class.</param>
    /// <param name="step">The state after a byte; false where there is none.</param>
    /// <param name="accepts">Whether a state accepts.</param>
    /// <exception cref="ConstraintLimitException">There are more than <see cref="MaxStates"/>.</exception>
    public static Dfa Explore<TState>(TState start, byte[] classes, TryStep<TState> step, Func<TState, bool> accepts)
        where TState : notnull
    {
        int classCount = classes.Max() + 1;
        byte[] representatives = Representatives(classes, classCount);
        Dictionary<TState, int> ids = new() { [start] = 0 };
        List<TState> states = [start];
        List<int> next = [];
        for (int state = 0; state < states.Count; state++)
        {
            for (int byteClass = 0; byteClass < classCount; byteClass++)
            {
                if (!step(states[state], representatives[byteClass], out TState? reached))
                {
                    next.Add(-1);
                    continue;
                }

                if (!ids.TryGetValue(reached!, out int id))
                {
                    id = states.Count;
                    ids.Add(reached!, id);
                    states.Add(reached!);
                    if (id >= MaxStates)
                    {
                        throw new ConstraintLimitException($"needs an automaton of more than {MaxStates} states");
                    }
                }

                next.Add(id);
            }
        }

        return Reduce(classes, classCount, [.. next], [.. states.Select(accepts)]);
    }

    /// <summary>The coarsest classes that are finer than both.</summary>
    public static byte[] Refine(byte[] left, byte[] right)
    {
        byte[] classes = new byte[256];
        Dictionary<(byte, byte), byte> ids = [];
        for (int value = 0; value < 256; value++)
        {
            (byte, byte) pair = (left[value], right[value]);
            if (!ids.TryGetValue(pair, out byte id))
            {
                id = (byte)ids.Count;
                ids.Add(pair, id);
            }

            classes[value] = id;
        }

        return classes;
    }

    static byte[] Representatives(byte[] classes, int classCount)
    {
        byte[] representatives = new byte[classCount];
        for (int value = 255; value >= 0; value--)
        {
            representatives[classes[value]] = (byte)value;
        }

        return representatives;
    }

    static Dfa Reduce(byte[] classes, int classCount, int[] next, bool[] accepting)
    {
        bool[] live = Live(classCount, next, accepting);
        if (!live[0])
        {
            return Dfa.None;
        }

        int[] block = accepting.Length <= MaxMinimised ? Blocks(classCount, next, accepting, live) : [.. Enumerable.Range(0, accepting.Length)];
        return Renumber(classes, classCount, next, accepting, live, block);
    }

    static bool[] Live(int classCount, int[] next, bool[] accepting)
    {
        List<int>[] before = new List<int>[accepting.Length];
        for (int edge = 0; edge < next.Length; edge++)
        {
            if (next[edge] >= 0)
            {
                (before[next[edge]] ??= []).Add(edge / classCount);
            }
        }

        bool[] live = [.. accepting];
        Stack<int> open = new(Enumerable.Range(0, accepting.Length).Where(state => accepting[state]));
        while (open.TryPop(out int state))
        {
            foreach (int source in before[state] ?? [])
            {
                if (!live[source])
                {
                    live[source] = true;
                    open.Push(source);
                }
            }
        }

        return live;
    }

    /// <summary>Moore's refinement: states in one block accept alike and step into the same blocks.</summary>
    static int[] Blocks(int classCount, int[] next, bool[] accepting, bool[] live)
    {
        int[] block = [.. accepting.Select(accepts => accepts ? 1 : 0)];
        int count = block.Distinct().Count();
        while (true)
        {
            Dictionary<Signature, int> ids = [];
            int[] refined = new int[block.Length];
            for (int state = 0; state < block.Length; state++)
            {
                if (!live[state])
                {
                    continue;
                }

                int[] parts = new int[classCount + 1];
                parts[classCount] = block[state];
                for (int byteClass = 0; byteClass < classCount; byteClass++)
                {
                    int target = next[state * classCount + byteClass];
                    parts[byteClass] = target >= 0 && live[target] ? block[target] : -1;
                }

                Signature signature = new(parts);
                if (!ids.TryGetValue(signature, out refined[state]))
                {
                    refined[state] = ids.Count;
                    ids.Add(signature, refined[state]);
                }
            }

            block = refined;
            if (ids.Count == count)
            {
                return block;
            }

            count = ids.Count;
        }
    }

    static Dfa Renumber(byte[] classes, int classCount, int[] next, bool[] accepting, bool[] live, int[] block)
    {
        Dictionary<int, int> ids = new() { [block[0]] = 0 };
        List<int> members = [0];
        List<int> edges = [];
        for (int i = 0; i < members.Count; i++)
        {
            for (int byteClass = 0; byteClass < classCount; byteClass++)
            {
                int target = next[members[i] * classCount + byteClass];
                if (target < 0 || !live[target])
                {
                    edges.Add(-1);
                    continue;
                }

                if (!ids.TryGetValue(block[target], out int id))
                {
                    id = members.Count;
                    ids.Add(block[target], id);
                    members.Add(target);
                }

                edges.Add(id);
            }
        }

        return new Dfa(classes, classCount, [.. edges], [.. members.Select(state => accepting[state])]);
    }
}

/// <summary>The state after a byte; false where there is none.</summary>
delegate bool TryStep<TState>(TState state, byte value, out TState? next);

/// <summary>A list of numbers that is equal to another with the same numbers.</summary>
readonly struct Signature(int[] parts) : IEquatable<Signature>
{
    readonly int[] _parts = parts;

    public ReadOnlySpan<int> Parts => _parts;

    public bool Equals(Signature other) => _parts.AsSpan().SequenceEqual(other._parts);

    public override bool Equals(object? obj) => obj is Signature other && Equals(other);

    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (int part in _parts)
        {
            hash.Add(part);
        }

        return hash.ToHashCode();
    }
}

/// <summary>A part of a constraint is too large; whoever knows its place says where. The message completes "It …".</summary>
sealed class ConstraintLimitException(string message) : Exception(message);

using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Passes;

/// <summary>
/// A graph while a pass rewrites it: who makes a value, who reads it, nodes taken out and put in. Nodes that take the
/// place of others make the very values that those made, so that names stay. <see cref="Finish"/> puts the nodes into
/// an order in which they can run, drops what nobody makes or needs any more, and numbers the rest anew.
/// </summary>
sealed class GraphEdit
{
    readonly ModelGraph _source;
    readonly List<Value> _values;
    readonly List<Node?> _nodes; // in the order in which they were met; null where a node was taken out
    readonly Dictionary<Node, int> _places = new(ReferenceEqualityComparer.Instance);
    readonly Dictionary<Node, int> _wishes = new(ReferenceEqualityComparer.Instance); // where in the order a node would like to stand
    readonly List<Node?> _producers = [];
    readonly List<List<Node>> _users = [];
    readonly HashSet<Value> _outputs;
    readonly List<Value> _outputList;
    int _fired;

    internal GraphEdit(ModelGraph source)
    {
        _source = source;
        _values = [.. source.Values];
        _outputs = [.. source.Outputs];
        _outputList = [.. source.Outputs];
        _nodes = new List<Node?>(source.Nodes.Length);
        foreach (Value _ in _values)
        {
            _producers.Add(null);
            _users.Add([]);
        }

        foreach (Node node in source.Nodes)
        {
            Put(node, _nodes.Count);
        }
    }

    /// <summary>The nodes as they are met by one who changes them while going through them; new ones come last.</summary>
    internal IEnumerable<Node> Nodes
    {
        get
        {
            for (int i = 0; i < _nodes.Count; i++)
            {
                if (_nodes[i] is { } node)
                {
                    yield return node;
                }
            }
        }
    }

    internal bool IsThere(Node node) => _places.ContainsKey(node);

    internal bool IsOutput(Value value) => _outputs.Contains(value);

    /// <summary>The node that makes the value; null for inputs, states and weights.</summary>
    internal Node? Producer(Value value) => _producers[value.Index];

    /// <summary>The nodes that read the value, once for each time.</summary>
    internal IEnumerable<Node> Users(Value value) => _users[value.Index].Where(IsThere);

    /// <summary>The only node that reads the value, and only once; null if there are others, or if it is an output of the graph.</summary>
    internal Node? OnlyUser(Value value)
    {
        Node? only = null;
        if (_outputs.Contains(value))
        {
            return null;
        }

        List<Node> users = _users[value.Index];
        bool gone = false;
        foreach (Node user in users)
        {
            if (!IsThere(user))
            {
                gone = true;
            }
            else if (only is null)
            {
                only = user;
            }
            else
            {
                return null;
            }
        }

        if (gone)
        {
            users.RemoveAll(user => !IsThere(user));
        }

        return only;
    }

    /// <summary>The value is made by an op of a kind, and nobody but <paramref name="user"/> reads it.</summary>
    internal bool Private<T>(Value value, Node user, [NotNullWhen(true)] out Node? producer)
        where T : Op
    {
        producer = Producer(value);
        return producer?.Op is T && ReferenceEquals(OnlyUser(value), user);
    }

    /// <summary>Takes nodes out and puts one in, which makes values of theirs. Counts as one find.</summary>
    internal void Replace(ReadOnlySpan<Node> old, Node fresh)
    {
        int wish = 0;
        foreach (Node node in old)
        {
            wish = Math.Max(wish, _wishes[node]);
            Take(node);
        }

        Put(fresh, wish);
        _fired++;
    }

    /// <summary>Gives a node an op that says the same in other words. Counts as nothing.</summary>
    internal void Restate(Node node, Op op)
    {
        int wish = _wishes[node];
        Take(node);
        Put(node with { Op = op }, wish);
    }

    /// <summary>Takes a node out whose output everybody reads from another value from now on. Counts as one find.</summary>
    internal void Redirect(Node node, ImmutableArray<Value> to)
    {
        Take(node);
        for (int i = 0; i < node.Outputs.Length; i++)
        {
            Value from = node.Outputs[i];
            Value target = to[i];
            foreach (Node user in Users(from).Distinct().ToList())
            {
                int wish = _wishes[user];
                Take(user);
                Put(user with { Inputs = [.. user.Inputs.Select(input => ReferenceEquals(input, from) ? target : input)] }, wish);
            }
        }

        _fired++;
    }

    /// <summary>Takes a node out that nobody needs. Counts as one find.</summary>
    internal void Remove(Node node)
    {
        Take(node);
        _fired++;
    }

    /// <summary>Makes constants of the values that a node makes. Counts as one find.</summary>
    internal void Fold(Node node, ImmutableArray<Tensor> constants)
    {
        ImmutableArray<Value> folded = [.. node.Outputs.Select((output, i) => new Value(_values.Count + i, output.Name, output.Type, ValueKind.Weight, constants[i]))];
        foreach (Value value in folded)
        {
            _values.Add(value);
            _producers.Add(null);
            _users.Add([]);
        }

        Redirect(node, folded);
        for (int i = 0; i < _outputList.Count; i++)
        {
            int at = node.Outputs.IndexOf(_outputList[i]);
            if (at >= 0)
            {
                _outputs.Remove(_outputList[i]);
                _outputs.Add(folded[at]);
                _outputList[i] = folded[at];
            }
        }
    }

    /// <summary>The graph as it is now.</summary>
    internal PassResult Finish()
    {
        if (_fired == 0)
        {
            return new PassResult(_source, 0);
        }

        List<Node> order = Order();
        HashSet<Value> needed = [.. _outputList];
        foreach (Node node in order)
        {
            needed.UnionWith(node.Inputs);
            needed.UnionWith(node.Outputs);
        }

        Value?[] fresh = new Value?[_values.Count];
        ImmutableArray<Value>.Builder values = ImmutableArray.CreateBuilder<Value>();
        foreach (Value value in _values)
        {
            if (value.Kind is ValueKind.Input or ValueKind.State || needed.Contains(value))
            {
                fresh[value.Index] = value.Index == values.Count ? value : new Value(values.Count, value.Name, value.Type, value.Kind, value.Constant);
                values.Add(fresh[value.Index]!);
            }
        }

        ImmutableArray<Value> Fresh(IEnumerable<Value> old) => [.. old.Select(value => fresh[value.Index]!)];
        ImmutableArray<Node> nodes = [.. order.Select(node => new Node(node.Op, Fresh(node.Inputs), Fresh(node.Outputs)))];
        return new PassResult(new ModelGraph(_source.Name, values.ToImmutable(), nodes, Fresh(_outputList)), _fired);
    }

    void Put(Node node, int wish)
    {
        _places.Add(node, _nodes.Count);
        _wishes.Add(node, wish);
        _nodes.Add(node);
        foreach (Value output in node.Outputs)
        {
            _producers[output.Index] = node;
        }

        foreach (Value input in node.Inputs)
        {
            _users[input.Index].Add(node);
        }
    }

    void Take(Node node)
    {
        _nodes[_places[node]] = null;
        _places.Remove(node);
        _wishes.Remove(node);
        foreach (Value output in node.Outputs)
        {
            _producers[output.Index] = null;
        }
    }

    /// <summary>The nodes after those whose values they read, else in the order of their wishes; who reads a state before it is written stays before.</summary>
    List<Node> Order()
    {
        Dictionary<Node, int> waits = new(ReferenceEqualityComparer.Instance);
        Dictionary<Node, List<Node>> followers = new(ReferenceEqualityComparer.Instance);
        void Before(Node first, Node second)
        {
            if (!ReferenceEquals(first, second))
            {
                waits[second]++;
                followers[first].Add(second);
            }
        }

        List<Node> nodes = [.. _nodes.OfType<Node>()];
        foreach (Node node in nodes)
        {
            waits.Add(node, 0);
            followers.Add(node, []);
        }

        foreach (Node node in nodes)
        {
            foreach (Value input in node.Inputs)
            {
                if (Producer(input) is { } producer)
                {
                    Before(producer, node);
                }
            }

            for (int i = 0; i < node.Outputs.Length && node.Op.Launches; i++)
            {
                if (node.Op.AliasOf(i) is { } alias)
                {
                    foreach (Node reader in Users(node.Inputs[alias]))
                    {
                        Before(reader, node);
                    }
                }
            }
        }

        PriorityQueue<Node, (int Wish, int Place)> ready = new();
        foreach (Node node in nodes.Where(node => waits[node] == 0))
        {
            ready.Enqueue(node, (_wishes[node], _places[node]));
        }

        List<Node> order = new(nodes.Count);
        while (ready.TryDequeue(out Node? node, out _))
        {
            order.Add(node);
            foreach (Node follower in followers[node])
            {
                if (--waits[follower] == 0)
                {
                    ready.Enqueue(follower, (_wishes[follower], _places[follower]));
                }
            }
        }

        return order.Count == nodes.Count ? order : throw new GraphException($"{_source.Name}: a pass has made a circle of nodes.");
    }
}

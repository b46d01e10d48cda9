using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Training;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>
/// The backward half of a training graph while it is written: which values depend on parameters, what gradients they have so far,
/// and values of the forward half, which are computed anew where they were not kept.
/// </summary>
sealed class Adjoint(GraphBuilder graph, Tape tape)
{
    readonly Dictionary<Value, Value> _gradients = [];
    readonly Dictionary<Value, Value> _again = [];
    readonly Dictionary<string, int> _names = [];

    /// <summary>Whether anything that is trained stands behind the value.</summary>
    internal bool Wants(Value value) => tape.Trains(value);

    /// <summary>The gradient of an output so far; null where nobody handed one back.</summary>
    internal Value? Of(Value output) => _gradients.GetValueOrDefault(output);

    /// <summary>The elements of a value of the forward half: as they were kept, or computed once more.</summary>
    internal Value Now(Value value)
    {
        if (tape.IsKept(value))
        {
            return value;
        }

        if (!_again.TryGetValue(value, out Value? again))
        {
            Node node = tape.Origin(value);
            Value[] inputs = [.. node.Inputs.Select(Now)];
            var outputs = graph.ApplyMany(Unique($"{node.Outputs[0].Name}.again"), node.Op, inputs);
            for (int i = 0; i < outputs.Length; i++)
            {
                _again[node.Outputs[i]] = outputs[i];
            }

            again = _again[value];
        }

        return again;
    }

    /// <summary>A node of the backward half, named after the value whose gradient it helps to make.</summary>
    internal Value Apply(Value about, Op op, params ReadOnlySpan<Value> inputs) => graph.Apply(Unique($"d {about.Name}"), op, inputs);

    /// <summary>The same with several outputs.</summary>
    internal System.Collections.Immutable.ImmutableArray<Value> ApplyMany(Value about, Op op, params ReadOnlySpan<Value> inputs) =>
        graph.ApplyMany(Unique($"d {about.Name}"), op, inputs);

    /// <summary>Hands a gradient to a value that <see cref="Wants"/> one; several add up.</summary>
    internal void Add(Value input, Value gradient)
    {
        if (tape.Accumulator(input) is { } sum)
        {
            tape.Accumulated(input, Apply(input, new AddGradient(), sum, gradient));
        }
        else
        {
            _gradients[input] = _gradients.TryGetValue(input, out Value? other) ? Apply(input, new Add(), other, gradient) : gradient;
        }
    }

    /// <summary>Hands a gradient over by an op that adds it, in place, to its first input.</summary>
    internal void Accumulate(Value input, Op op, params ReadOnlySpan<Value> rest)
    {
        if (tape.Accumulator(input) is { } sum)
        {
            tape.Accumulated(input, Apply(input, op, [sum, .. rest]));
        }
        else
        {
            // A gradient that others may share is not written to.
            Value zeros = Apply(input, new Zeros(), Now(input));
            Add(input, Apply(input, op, [zeros, .. rest]));
        }
    }

    /// <summary>Lets go of gradients that have been handed on.</summary>
    internal void Done(Node node)
    {
        foreach (Value output in node.Outputs)
        {
            _gradients.Remove(output);
        }
    }

    string Unique(string name)
    {
        int count = _names.GetValueOrDefault(name);
        _names[name] = count + 1;
        return count == 0 ? name : $"{name} #{count + 1}";
    }
}

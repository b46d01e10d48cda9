using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops.Fused;

/// <summary>One op inside a fused one; inputs and outputs are places of its <see cref="Composition"/>.</summary>
public readonly record struct ComposedStep(Op Op, ImmutableArray<int> Inputs, ImmutableArray<int> Outputs);

/// <summary>
/// What a fused op stands for, over inputs of given types: the ops that it replaces, in order. Places are numbered:
/// first the inputs, then what each step makes.
/// </summary>
public sealed class Composition
{
    readonly List<TensorType> _types;
    readonly List<ComposedStep> _steps = [];
    readonly List<int> _outputs = [];
    readonly Op _whole;
    readonly int _inputs;
    int _taken;

    internal Composition(Op whole, ReadOnlySpan<TensorType> inputs)
    {
        _whole = whole;
        _inputs = inputs.Length;
        _types = [.. inputs];
    }

    /// <summary>The types of all places.</summary>
    public IReadOnlyList<TensorType> Types => _types;

    /// <summary>The ops, in an order in which they can run.</summary>
    public IReadOnlyList<ComposedStep> Steps => _steps;

    /// <summary>The places that come out.</summary>
    public IReadOnlyList<int> Outputs => _outputs;

    /// <summary>The next input.</summary>
    internal int Take() => _taken < _inputs ? _taken++ : throw new GraphException($"{_whole}: needs more than {_inputs} inputs.");

    /// <summary>The next few inputs.</summary>
    internal int[] Take(int count)
    {
        int[] taken = new int[count];
        for (int i = 0; i < count; i++)
        {
            taken[i] = Take();
        }

        return taken;
    }

    internal int Apply(Op op, params ReadOnlySpan<int> inputs) => ApplyMany(op, inputs)[0];

    internal ImmutableArray<int> ApplyMany(Op op, params ReadOnlySpan<int> inputs)
    {
        TensorType[] types = new TensorType[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            types[i] = _types[inputs[i]];
        }

        int first = _types.Count;
        _types.AddRange(op.Infer(types));
        ImmutableArray<int> outputs = [.. Enumerable.Range(first, _types.Count - first)];
        _steps.Add(new ComposedStep(op, [.. inputs], outputs));
        return outputs;
    }

    internal void Output(int place) => _outputs.Add(place);

    internal void Finish()
    {
        if (_taken != _inputs)
        {
            throw new GraphException($"{_whole}: takes {_taken} inputs, not {_inputs}.");
        }
    }
}

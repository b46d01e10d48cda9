using System.Collections.Frozen;
using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph;

/// <summary>
/// The memory in which a plan runs: the arena, the sizes of this run, and what is bound to inputs and states. Nothing
/// is allocated while it runs. Not thread-safe.
/// </summary>
public sealed unsafe class Execution : IDisposable
{
    readonly Plan _plan;
    readonly NativeMemoryOwner _arena;
    readonly FrozenDictionary<string, int> _symbols;
    readonly int[] _sizes;
    readonly nint[] _pointers;
    readonly TensorView[] _views;
    readonly Tensor?[] _bound;
    readonly ImmutableArray<StepViews> _steps;
    bool _changed = true;

    internal Execution(Plan plan)
    {
        _plan = plan;
        _arena = new NativeMemoryOwner(plan.Arena.Bytes);
        _symbols = plan.Limits.Symbols.Select((symbol, i) => (symbol, i)).ToFrozenDictionary(pair => pair.symbol, pair => pair.i);
        _sizes = new int[_symbols.Count];
        ImmutableArray<Value> values = plan.Graph.Values;
        _pointers = new nint[values.Length];
        _views = new TensorView[values.Length];
        _bound = new Tensor?[values.Length];
        foreach (Value value in values)
        {
            if (plan.Arena.Offsets[value.Index] >= 0)
            {
                _pointers[value.Index] = (nint)(_arena.Pointer + plan.Arena.Offsets[value.Index]);
            }
            else if (value.Constant is { } constant)
            {
                _views[value.Index] = constant.View;
            }
        }

        _steps = [.. plan.Steps.Select(step => new StepViews(step))];
    }

    /// <summary>Sets the size of a symbolic extent for the runs to come.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1 or over the plan's limit.</exception>
    public void SetSize(Dim dim, int size)
    {
        int most = _plan.Limits.Of(dim);
        if (size < 1 || size > most)
        {
            throw new ArgumentOutOfRangeException(nameof(size), size, $"The extent '{dim}' must be 1 to {most}.");
        }

        ref int current = ref _sizes[_symbols[dim.Symbol!]];
        _changed |= current != size;
        current = size;
    }

    /// <summary>
    /// Binds memory to an input or a state of the plan's graph or of the graph that it was made from. The tensor may be
    /// longer than the extents of a run; its first rows are used.
    /// </summary>
    /// <exception cref="ArgumentException">The value is neither input nor state, or the tensor is too small.</exception>
    public void Bind(Value value, Tensor tensor)
    {
        if (value.Kind is not (ValueKind.Input or ValueKind.State) || tensor.Format != value.Type.Format)
        {
            throw new ArgumentException($"{tensor} cannot be bound to the {value.Kind} {value}.");
        }

        int index = _plan.IndexOf(value);
        _changed = true;
        _bound[index] = tensor;
        _pointers[index] = (nint)tensor.Data;
    }

    /// <summary>
    /// Runs every step with the sizes and memory bound now. <paramref name="after"/> is told of each step while its
    /// outputs are still in place: to compare intermediates, to time steps, to count them.
    /// </summary>
    /// <exception cref="InvalidOperationException">A size or an input is missing, or a bound tensor is too small for the sizes.</exception>
    public void Run(Action<PlanStep>? after = null)
    {
        if (_changed)
        {
            Resolve();
            _changed = false;
        }

        ImmutableArray<PlanStep> steps = _plan.Steps;
        for (int i = 0; i < steps.Length; i++)
        {
            StepViews views = _steps[i];
            Gather(views.InputIndices, views.Inputs);
            Gather(views.OutputIndices, views.Outputs);
            steps[i].Kernel.Run(views.Inputs, views.Outputs);
            after?.Invoke(steps[i]);
        }

        // The arena and what is bound are read through bare pointers, which keep nothing: until here this object does.
        GC.KeepAlive(this);
    }

    /// <summary>The elements of a value of the plan's graph, or of the graph that it was made from, after the last run; valid until the next.</summary>
    /// <exception cref="KeyNotFoundException">A pass has fused the value away, or it belongs to another graph.</exception>
    public TensorView this[Value value] => _views[_plan.IndexOf(value)];

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();

    void Resolve()
    {
        Span<int> extents = stackalloc int[Shape.MaxRank];
        foreach (Value value in _plan.Graph.Values)
        {
            if (value.Constant is not null)
            {
                continue;
            }

            long elements = Extents(value.Type.Shape, extents);
            nint pointer = _pointers[value.Index];
            if (elements == 0 || (pointer == 0 && value.Kind != ValueKind.Computed))
            {
                throw new InvalidOperationException($"{_plan.Graph.Name}: {value} has no {(elements == 0 ? "size" : "memory bound to it")}.");
            }

            if (_bound[value.Index] is { } bound && bound.Shape.ElementCount < elements)
            {
                throw new InvalidOperationException($"{_plan.Graph.Name}: {value} needs {elements} elements, but {bound} is bound to it.");
            }

            _views[value.Index] = new TensorView(value.Type.Format, (byte*)pointer, extents[..value.Type.Shape.Rank]);
        }

        foreach (PlanStep step in _plan.Steps)
        {
            for (int i = 0; i < step.Node.Outputs.Length; i++)
            {
                Value output = step.Node.Outputs[i];
                if (step.Node.Op.AliasOf(i) is { } alias && _pointers[output.Index] == 0)
                {
                    TensorView source = _views[step.Node.Inputs[alias].Index];
                    Extents(output.Type.Shape, extents);
                    _views[output.Index] = new TensorView(output.Type.Format, source.Data, extents[..output.Type.Shape.Rank]);
                }
            }
        }
    }

    long Extents(Shape shape, Span<int> extents)
    {
        long elements = 1;
        for (int i = 0; i < shape.Rank; i++)
        {
            extents[i] = shape[i].IsConstant ? shape[i].Size : _sizes[_symbols[shape[i].Symbol!]];
            elements *= extents[i];
        }

        return elements;
    }

    void Gather(int[] indices, TensorView[] views)
    {
        for (int i = 0; i < indices.Length; i++)
        {
            views[i] = _views[indices[i]];
        }
    }

    sealed class StepViews(PlanStep step)
    {
        internal int[] InputIndices { get; } = [.. step.Node.Inputs.Select(value => value.Index)];

        internal int[] OutputIndices { get; } = [.. step.Node.Outputs.Select(value => value.Index)];

        internal TensorView[] Inputs { get; } = new TensorView[step.Node.Inputs.Length];

        internal TensorView[] Outputs { get; } = new TensorView[step.Node.Outputs.Length];
    }
}

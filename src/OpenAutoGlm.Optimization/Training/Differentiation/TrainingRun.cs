using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>A training graph lowered, with the memory that it runs in.</summary>
sealed class TrainingRun : IDisposable
{
    readonly Plan _plan;
    readonly Execution _execution;
    readonly TrainingMemory _memory;
    readonly Dictionary<string, Tensor> _inputs = [];
    readonly int _vocab;
    Tensor? _teacher;

    internal TrainingRun(TrainingGraph graph, IBackend backend, TrainingMemory memory, int maxTokens)
    {
        (Graph, _memory) = (graph, memory);
        _vocab = graph.Vocab;
        _plan = backend.LowerPlain(graph.Graph, Limits(maxTokens));
        _execution = _plan.CreateExecution();
        memory.Bind(_execution, graph);
        foreach (Value input in graph.Graph.OfKind(ValueKind.Input).Where(input => input.Name != TrainingGraph.TeacherLogits))
        {
            Tensor tensor = Tensor.Allocate(input.Type.Format, maxTokens);
            _inputs.Add(input.Name, tensor);
            _execution.Bind(input, tensor);
        }
    }

    internal TrainingGraph Graph { get; }

    internal long ArenaBytes => _plan.Arena.Bytes;

    /// <summary>The logits of the last run of a graph that only runs forward.</summary>
    internal TensorView Logits => Graph.Logits is { } logits
        ? _execution[logits]
        : throw new InvalidOperationException($"The logits of a batch are never there together, only {nameof(TrainingGraphOptions.LossRows)} rows of them.");

    internal static PlanLimits Limits(int maxTokens) => new((Dim.Tokens, maxTokens), (Dim.Outputs, maxTokens));

    /// <summary>Runs a batch of which at least one token counts.</summary>
    internal BatchLoss Run(PackedBatch batch, double scale, double mix, Tensor? teacher, Action<PlanStep>? after)
    {
        batch.CheckIds(_vocab);
        Set(TrainingGraph.Ids, batch.Ids);
        Set(TrainingGraph.Positions, batch.Positions);
        Set(TrainingGraph.Starts, batch.Starts);
        Set(TrainingGraph.OutputRows, batch.Rows);
        Set(TrainingGraph.Targets, batch.Targets);
        Set(TrainingGraph.Factors, batch.Weights, scale * (1 - mix));
        Set(TrainingGraph.DistanceFactors, batch.Weights, scale * mix);
        if (teacher is not null && !ReferenceEquals(teacher, _teacher))
        {
            _execution.Bind(Graph.Graph[TrainingGraph.TeacherLogits], teacher);
            _teacher = teacher;
        }

        _execution.SetSize(Dim.Tokens, batch.Ids.Length);
        _execution.SetSize(Dim.Outputs, batch.Rows.Length);
        _execution.Run(after);
        GC.KeepAlive(_memory);
        ReadOnlySpan<float> losses = _execution[Graph.Losses].Floats;
        ReadOnlySpan<float> distances = Graph.Distances is { } value ? _execution[value].Floats : [];
        (double sum, double weight) = (0, 0);
        for (int i = 0; i < losses.Length; i++)
        {
            weight += batch.Weights[i];
            sum += batch.Weights[i] * (distances.IsEmpty ? losses[i] : ((1 - mix) * losses[i]) + (mix * distances[i]));
        }

        return new BatchLoss(sum, weight);
    }

    public void Dispose()
    {
        _execution.Dispose();
        _plan.Dispose();
        GC.KeepAlive(_memory);
    }

    void Set(string name, int[] values) => values.CopyTo(_inputs[name].View.Ints);

    void Set(string name, float[] weights, double factor)
    {
        if (_inputs.TryGetValue(name, out Tensor? tensor))
        {
            Span<float> factors = tensor.View.Floats;
            for (int i = 0; i < weights.Length; i++)
            {
                factors[i] = (float)(weights[i] * factor);
            }
        }
    }
}

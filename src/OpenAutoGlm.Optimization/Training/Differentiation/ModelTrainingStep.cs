using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>
/// A model of any architecture, run forward and backward by a backend. The weights are copied once into float32 masters, which are
/// the <see cref="Parameters"/>; what is not trained is read where it lies, in whatever format. Not thread-safe.
/// </summary>
public sealed class ModelTrainingStep : ITrainingStep
{
    readonly IBackend _backend;
    readonly ModelGraph _model;
    readonly TrainingStepOptions _options;
    readonly TrainingMemory _memory;
    readonly TrainingRun _training;
    readonly TeacherRun? _teacher;
    TrainingRun? _evaluation;

    /// <summary>Builds the training graph and has the backend lower it.</summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its first weights, which must live as long as the step.</param>
    /// <param name="backend">What computes; it is not disposed.</param>
    /// <param name="options">What is trained, and how.</param>
    /// <exception cref="ArgumentException">Nothing is trained, or the teacher has another vocabulary.</exception>
    /// <exception cref="NotSupportedException">The model cannot be differentiated.</exception>
    public ModelTrainingStep(ModelConfig config, IWeights weights, IBackend backend, TrainingStepOptions options)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxTokens, 1, nameof(options));
        if (options.Teacher is { } teacher && teacher.Config.Vocab != config.Vocab)
        {
            throw new ArgumentException($"The teacher has {teacher.Config.Vocab} tokens, but the model {config.Vocab}: their answers cannot be compared.", nameof(options));
        }

        _backend = backend;
        _options = options with { Graph = options.Graph with { Temperature = options.Teacher?.Temperature } };
        _model = Architecture.Build(config, weights, new GraphOptions(KvFormat: TensorFormat.F32));
        TrainingGraph graph = TrainingGraph.Build(_model, _options.Graph);
        _memory = new TrainingMemory(graph, weights, _options.Graph.Lora);
        _training = new TrainingRun(graph, backend, _memory, options.MaxTokens);
        _teacher = options.Teacher is null ? null : new TeacherRun(options.Teacher, backend, options.MaxTokens);
    }

    /// <inheritdoc/>
    public IReadOnlyList<TrainedParameter> Parameters => _memory.Parameters;

    /// <inheritdoc/>
    public int MaxTokens => _options.MaxTokens;

    /// <summary>The graph that is run.</summary>
    public TrainingGraph Graph => _training.Graph;

    /// <summary>Bytes between the steps of a run at most, beside weights and gradients.</summary>
    public long ArenaBytes => _training.ArenaBytes;

    /// <summary>
    /// Bytes that a step would take with batches of so many tokens: what lies between its nodes, and weights and gradients in float32,
    /// without lowering anything.
    /// </summary>
    public static long EstimateBytes(ModelConfig config, IWeights weights, TrainingStepOptions options)
    {
        ModelGraph model = Architecture.Build(config, weights, new GraphOptions(KvFormat: TensorFormat.F32));
        TrainingGraph graph = TrainingGraph.Build(model, options.Graph with { Temperature = options.Teacher?.Temperature });
        long arena = ArenaLayout.Of(graph.Graph, graph.Graph.Nodes, TrainingRun.Limits(options.MaxTokens)).Bytes;
        return arena + graph.Parameters.Sum(parameter => 2 * Tensor.BytesOf(parameter.Weight.Type));
    }

    /// <inheritdoc/>
    public BatchLoss Accumulate(TrainingBatch batch, double scale) => Run(_training, batch, scale);

    /// <summary>The same, told of each step of the plan while its outputs are in place: to time steps, or to look at values.</summary>
    public BatchLoss Accumulate(TrainingBatch batch, double scale, Action<PlanStep> after) => Run(_training, batch, scale, after);

    /// <inheritdoc/>
    public BatchLoss Evaluate(TrainingBatch batch)
    {
        _evaluation ??= new TrainingRun(TrainingGraph.Build(_model, _options.Graph, backward: false), _backend, _memory, MaxTokens);
        return Run(_evaluation, batch, 0);
    }

    /// <summary>Runs forward only and shows the logits after every token whose weight is not 0: [those tokens, vocab]. Valid until the next run.</summary>
    /// <exception cref="InvalidOperationException">They are computed some rows at a time.</exception>
    public TensorView Logits(TrainingBatch batch)
    {
        _ = Evaluate(batch);
        return _evaluation!.Logits;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _training.Dispose();
        _evaluation?.Dispose();
        _teacher?.Dispose();
    }

    BatchLoss Run(TrainingRun run, TrainingBatch batch, double scale, Action<PlanStep>? after = null)
    {
        PackedBatch packed = new(batch, MaxTokens);
        if (packed.Rows.Length == 0)
        {
            return new BatchLoss(0, 0);
        }

        if (_teacher is null)
        {
            return run.Run(packed, scale, mix: 0, teacher: null, after);
        }

        Tensor teacher = _teacher.Run(packed);
        BatchLoss loss = run.Run(packed, scale, _options.Teacher!.Mix, teacher, after);
        GC.KeepAlive(teacher);
        return loss;
    }
}

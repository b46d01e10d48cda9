using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Training.Checkpoints;
using OpenAutoGlm.Optimization.Training.Data;
using OpenAutoGlm.Optimization.Training.Updates;

namespace OpenAutoGlm.Optimization.Training;

/// <summary>
/// Trains: takes batches, sums up gradients, changes weights, validates, keeps checkpoints. The same data, options and
/// weights give the same bits, whether or not the run was interrupted and resumed. Not thread-safe.
/// </summary>
public sealed class Trainer
{
    readonly ITrainingStep _step;
    readonly TrainerOptions _options;
    readonly TimeProvider _time;
    readonly ParameterPieces _pieces;
    readonly WeightUpdate _update;
    readonly WeightAverage? _average;
    readonly List<TrainingBatch> _batches = [];
    LossScale _scale;
    long _steps;
    long _updates;
    long _tokens;

    /// <summary>A trainer of a model; its weights are the step's, which stays the caller's.</summary>
    /// <exception cref="ArgumentException">The options contradict themselves.</exception>
    public Trainer(ITrainingStep step, TrainerOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(step);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        (_step, _options, _time) = (step, options, time);
        _pieces = new ParameterPieces(step.Parameters, options.Threads);
        _update = WeightUpdate.Create(options.Update, step.Parameters, _pieces, options.Threads);
        _average = options.AverageDecay > 0 ? new WeightAverage(options.AverageDecay, step.Parameters, _pieces) : null;
        _scale = options.LossScaling is { } scaling ? new LossScale(scaling.Initial, 0) : LossScale.None;
    }

    /// <summary>Elements that are trained.</summary>
    public long ParameterCount => _pieces.Elements;

    /// <summary>Steps done.</summary>
    public long Steps => _steps;

    /// <summary>Trains until the run is as long as the options say, or somebody stops it; then writes a last checkpoint.</summary>
    /// <param name="data">What is learnt.</param>
    /// <param name="validation">Batches that are only looked at; empty for none.</param>
    /// <param name="checkpoints">Where checkpoints go; null for nowhere.</param>
    /// <param name="observe">Told of every step, in this thread.</param>
    /// <param name="cancellation">Stops between two batches; the step that has begun leaves no trace.</param>
    /// <exception cref="TrainingDivergedException">A loss or gradient is no number, and no loss scale explains it.</exception>
    /// <exception cref="InvalidDataException">An example cannot be read.</exception>
    public TrainingOutcome Run(
        TrainingData data,
        IReadOnlyList<TrainingBatch> validation,
        CheckpointFolder? checkpoints = null,
        Action<TrainingRecord>? observe = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(validation);
        TrainingRecord? last = null;
        double? validationLoss = null;
        bool stopped = false;
        long saved = _steps;
        while (Progress(data) < 1)
        {
            DataPosition before = data.Position;
            last = TakeStep(data, cancellation);
            if (last is null)
            {
                data.MoveTo(before);
                stopped = true;
                break;
            }

            bool ended = last.Progress >= 1;
            if (validation.Count > 0 && (ended || (_options.ValidateEvery > 0 && _steps % _options.ValidateEvery == 0)))
            {
                validationLoss = Validate(validation).Mean;
                last = last with { ValidationLoss = validationLoss };
            }

            // Before the checkpoint, so that a run that goes on from it has been told of every step before it.
            observe?.Invoke(last);
            if (checkpoints is not null && (ended || (_options.CheckpointEvery > 0 && _steps % _options.CheckpointEvery == 0)))
            {
                checkpoints.Save(Capture(data));
                saved = _steps;
            }
        }

        if (stopped && saved != _steps)
        {
            checkpoints?.Save(Capture(data));
        }

        return new TrainingOutcome(_steps, _tokens, last?.Loss ?? double.NaN, validationLoss, !stopped);
    }

    /// <summary>The loss on some batches, with the averaged weights where there are any.</summary>
    public BatchLoss Validate(IReadOnlyList<TrainingBatch> batches)
    {
        ArgumentNullException.ThrowIfNull(batches);
        return WithAverages(() => batches.Aggregate(default(BatchLoss), (sum, batch) => sum + _step.Evaluate(batch)));
    }

    /// <summary>Does something while the weights are their averages, if averages are kept: measuring, or writing the model.</summary>
    public T WithAverages<T>(Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        _average?.Exchange();
        try
        {
            return work();
        }
        finally
        {
            _average?.Exchange();
        }
    }

    /// <summary>All that a run needs to go on: weights, moments, averages, and where it stands. The tensors are the trainer's own.</summary>
    public TrainingState Capture(TrainingData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return new TrainingState(
            new TrainingProgress(_steps, _updates, _tokens, data.Position, _scale),
            [.. Identity(data).Select(pair => $"{pair.Name}: {pair.Value}")],
            [.. Tensors()]);
    }

    /// <summary>Goes on from a checkpoint.</summary>
    /// <param name="state">What <see cref="Capture"/> gave.</param>
    /// <param name="data">The data, which moves to its place.</param>
    /// <exception cref="ArgumentException">The checkpoint is of another run: other data, options or shapes; the message names them.</exception>
    public void Restore(TrainingState state, TrainingData data)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(data);
        string[] now = [.. Identity(data).Select(pair => $"{pair.Name}: {pair.Value}")];
        string[] others = [.. now.Except(state.Identity)];
        if (others.Length > 0)
        {
            string[] then = [.. state.Identity.Except(now)];
            throw new ArgumentException($"The run was begun otherwise: {string.Join("; ", then)}. Now it is {string.Join("; ", others)}. Resume it as it was begun, or begin a new one in another folder.");
        }

        Dictionary<string, Tensor> saved = state.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Tensor);
        foreach ((string name, Tensor tensor) in Tensors())
        {
            if (!saved.TryGetValue(name, out Tensor? source) || source.Type != tensor.Type)
            {
                throw new ArgumentException($"The checkpoint holds {(source is null ? "no" : source.Type.ToString())} {name}, but the model trains {tensor.Type}.");
            }

            source.View.Floats.CopyTo(tensor.View.Floats);
        }

        (_steps, _updates, _tokens, _scale) = (state.Progress.Steps, state.Progress.Updates, state.Progress.Tokens, state.Progress.LossScale);
        if (_steps > 0)
        {
            data.MoveTo(state.Progress.Data);
        }

        _pieces.ClearGradients();
    }

    /// <summary>One step; null where it was stopped before the weights changed.</summary>
    TrainingRecord? TakeStep(TrainingData data, CancellationToken cancellation)
    {
        long started = _time.GetTimestamp();
        double learningRate = _options.LearningRate * _options.Schedule.At(_steps, Progress(data));
        _batches.Clear();
        double weight = 0;
        int tokens = 0;
        for (int i = 0; i < _options.Accumulate; i++)
        {
            TrainingBatch batch = data.Next();
            _batches.Add(batch);
            tokens += batch.Ids.Length;
            foreach (float one in batch.Weights)
            {
                weight += one;
            }
        }

        BatchLoss loss = default;
        double factor = _scale.Value / weight;
        foreach (TrainingBatch batch in _batches)
        {
            if (cancellation.IsCancellationRequested)
            {
                _pieces.ClearGradients();
                return null;
            }

            loss += _step.Accumulate(batch, factor);
        }

        double norm = _pieces.GradientNorm() / _scale.Value;
        bool overflowed = !double.IsFinite(norm) || !double.IsFinite(loss.Sum);
        LossScale scale = _scale;
        if (overflowed)
        {
            Overflow(loss, norm, learningRate);
        }
        else
        {
            double clip = _options.ClipNorm > 0 && norm > _options.ClipNorm ? _options.ClipNorm / norm : 1;
            _updates++;
            _update.Apply(learningRate, clip / _scale.Value, _updates);
            _average?.Update(_updates);
        }

        _pieces.ClearGradients();
        _scale = _options.LossScaling is { } scaling ? _scale.After(overflowed, scaling) : _scale;
        _steps++;
        _tokens += tokens;
        return new TrainingRecord
        {
            Step = _steps,
            Progress = Progress(data),
            Epochs = data.Epochs,
            Loss = loss.Mean,
            LearningRate = learningRate,
            GradientNorm = norm,
            Tokens = _tokens,
            StepTokens = tokens,
            StepTime = _time.GetElapsedTime(started),
            LossScale = scale.Value,
            Skipped = overflowed,
        };
    }

    /// <summary>With a loss scale that can still fall the step is left out; otherwise the run has failed.</summary>
    void Overflow(BatchLoss loss, double norm, double learningRate)
    {
        if (_options.LossScaling is null || _scale.Value <= 1e-6)
        {
            _pieces.ClearGradients();
            string what = double.IsFinite(loss.Sum) ? $"the gradient's length is {norm}" : $"the loss is {loss.Mean}";
            throw new TrainingDivergedException(FormattableString.Invariant(
                $"At step {_steps + 1}, with a learning rate of {learningRate:g4}, {what}. The weights of the step before are kept. A lower learning rate, a longer warm-up or stronger clipping helps; so does looking at the data of this step."));
        }
    }

    double Progress(TrainingData data) => Math.Min(1, _options.Length.Unit switch
    {
        RunUnit.Steps => _steps / _options.Length.Amount,
        RunUnit.Tokens => _tokens / _options.Length.Amount,
        _ => data.Epochs / _options.Length.Amount,
    });

    IEnumerable<(string Name, string Value)> Identity(TrainingData data) =>
        [.. _options.Identity(), ("data", data.Source.Identity), ("order", data.Identity)];

    IEnumerable<(string Name, Tensor Tensor)> Tensors() =>
        _step.Parameters.Select(parameter => ($"weight/{parameter.Name}", parameter.Weight)).Concat(_update.State).Concat(_average?.State ?? []);
}

using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops.Training;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Safetensors;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Analysis;
using OpenAutoGlm.Optimization.Export;
using OpenAutoGlm.Optimization.Training.Checkpoints;
using OpenAutoGlm.Optimization.Training.Data;
using OpenAutoGlm.Optimization.Training.Differentiation;

namespace OpenAutoGlm.Optimization.Training;

/// <summary>A recipe at work: the model, its data and its trainer, put together and ready to run. Not thread-safe.</summary>
public sealed class TrainingJob : IDisposable
{
    const string Checkpoints = "checkpoints";

    readonly TrainingRecipe _recipe;
    readonly ModelPackage? _teacher;
    readonly ModelTrainingStep _step;
    readonly Trainer _trainer;
    readonly TrainingData _data;
    readonly List<TrainingBatch> _validation;
    readonly CheckpointFolder _checkpoints;

    /// <summary>Puts everything together.</summary>
    /// <param name="recipe">What is to be done.</param>
    /// <param name="model">The model to begin with; it stays the caller's and must live as long.</param>
    /// <param name="teacher">The model to learn from; null for none. It stays the caller's.</param>
    /// <param name="backend">What computes; it stays the caller's.</param>
    /// <param name="folder">Where checkpoints go.</param>
    /// <param name="place">Threads and memory.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="ArgumentException">The recipe contradicts itself or the model.</exception>
    /// <exception cref="InvalidDataException">The data cannot be read.</exception>
    public TrainingJob(TrainingRecipe recipe, ModelPackage model, ModelPackage? teacher, IBackend backend, string folder, TrainingPlace place, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(place);
        if (recipe.Data.IsDefaultOrEmpty)
        {
            throw new ArgumentException("There is no data to learn from: name at least one file.");
        }

        if (!Training.Schedule.TryParse(recipe.Schedule, out Schedule schedule))
        {
            throw new ArgumentException($"'{recipe.Schedule}' is no schedule; there are {Training.Schedule.Spelling}.");
        }

        (_recipe, Model, _teacher) = (recipe, model, teacher);
        int sequenceTokens = Math.Min(recipe.SequenceTokens ?? model.Config.ContextLength, recipe.BatchTokens);
        Size = recipe.Accumulate is { } accumulate
            ? new BatchSize(recipe.BatchTokens, accumulate)
            : BatchSize.For(recipe.BatchTokens, sequenceTokens, tokens => ModelTrainingStep.EstimateBytes(model.Config, model.Weights, StepOptions(tokens)), place.MemoryBytes);
        DataOptions options = new()
        {
            BatchTokens = Size.BatchTokens,
            SequenceTokens = sequenceTokens,
            TooLong = recipe.TooLong,
            Seed = recipe.Seed,
            Threads = place.Threads,
        };
        IExampleSource source = DataFiles.Open(recipe.Data, model, sequenceTokens, recipe.Seed);
        _data = new TrainingData(source, options);
        _validation = recipe.Validation.IsDefaultOrEmpty
            ? []
            : [.. new TrainingData(DataFiles.Open(recipe.Validation, model, sequenceTokens, recipe.Seed), options with { Shuffle = false }).OneEpoch(recipe.ValidationTokens)];
        _step = new ModelTrainingStep(model.Config, model.Weights, backend, StepOptions(Size.BatchTokens));
        _trainer = new Trainer(
            _step,
            new TrainerOptions
            {
                Length = recipe.Length(),
                LearningRate = recipe.LearningRate,
                Schedule = schedule with { WarmUp = recipe.WarmUp },
                Update = recipe.Update,
                Accumulate = Size.Accumulate,
                ClipNorm = recipe.Clip,
                AverageDecay = recipe.Average,
                ValidateEvery = recipe.ValidateEvery,
                CheckpointEvery = recipe.CheckpointEvery,
                Threads = place.Threads,
            },
            time);
        _checkpoints = new CheckpointFolder(Path.Combine(folder, Checkpoints), recipe.KeepCheckpoints);
    }

    /// <summary>The model that training began with.</summary>
    public ModelPackage Model { get; }

    /// <summary>Tokens of a batch, and batches of a step.</summary>
    public BatchSize Size { get; }

    /// <summary>Examples in an epoch.</summary>
    public int ExampleCount => _data.Source.Count;

    /// <summary>Elements that are trained.</summary>
    public long ParameterCount => _trainer.ParameterCount;

    /// <summary>Bytes that the step's values take at most, beside weights, gradients and moments.</summary>
    public long ArenaBytes => _step.ArenaBytes;

    /// <summary>Steps done, those before a resumption included.</summary>
    public long Steps => _trainer.Steps;

    /// <summary>Whether there are checkpoints of an earlier run.</summary>
    public bool HasCheckpoints => _checkpoints.Files.Count > 0;

    /// <summary>Where checkpoints are.</summary>
    public string CheckpointPath => _checkpoints.Path;

    /// <summary>
    /// Multiplies and adds of one token's way forward and back through the matrix products: three times those of the way forward.
    /// Source: Kaplan et al. 2020, §2.1; attention, recomputation and what adapters spare are left out.
    /// </summary>
    public double OperationsPerToken => 3.0 * GraphCost.Of(Architecture.Build(Model.Config, Model.Weights, new GraphOptions())).OperationsPerToken;

    /// <summary>Goes on from the latest checkpoint.</summary>
    /// <param name="damaged">Told of every checkpoint that is passed over.</param>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="ArgumentException">The checkpoint is of another run.</exception>
    public bool Resume(Action<string>? damaged = null)
    {
        if (_checkpoints.Latest(damaged) is not { } state)
        {
            return false;
        }

        _trainer.Restore(state, _data);
        return true;
    }

    /// <summary>Trains to the end, or until it is stopped; either way there is a checkpoint then.</summary>
    /// <exception cref="TrainingDivergedException">A loss or a gradient is no number.</exception>
    public TrainingOutcome Run(Action<TrainingRecord>? observe, CancellationToken cancellation) =>
        _trainer.Run(_data, _validation, _checkpoints, observe, cancellation);

    /// <summary>Writes the model as it is now, with averaged weights where averages are kept, adapters merged.</summary>
    /// <param name="path">The GGUF file.</param>
    /// <param name="format">The format of trained matrices.</param>
    /// <param name="cancellation">Stops the writing; nothing is left behind.</param>
    public void Export(string path, TensorFormat format, CancellationToken cancellation = default) => _trainer.WithAverages(() =>
    {
        WeightOverlay weights = TrainedWeights.Over(Model.Weights, _step.Parameters, format, Lora?.Scale ?? 1);
        ModelExporter.Write(Model, Model.Config, weights, new ExportOptions(ExportFormat.Gguf), path, null, cancellation);
        return true;
    });

    /// <summary>Writes the adapters alone, as safetensors: [rank, in] and [out, rank] by the names of the weights they stand beside.</summary>
    public void ExportAdapters(string path) => _trainer.WithAverages(() =>
    {
        SafetensorsWriter writer = new();
        foreach (TrainedParameter parameter in _step.Parameters)
        {
            writer.Add(parameter.Name, parameter.Weight);
        }

        writer.Add("lora_scale", Tensor.Of([Lora?.Scale ?? 1], 1));
        writer.Write(path);
        return true;
    });

    /// <inheritdoc/>
    public void Dispose()
    {
        _step.Dispose();
        (_data.Source as IDisposable)?.Dispose();
    }

    LoraOptions? Lora => _recipe.LoraRank is { } rank ? new LoraOptions(rank, _recipe.LoraAlpha ?? 2 * rank, (int)(_recipe.Seed % int.MaxValue)) : null;

    TrainingStepOptions StepOptions(int tokens) => new(tokens)
    {
        Graph = new TrainingGraphOptions
        {
            Arithmetic = _recipe.Precision switch
            {
                "bf16" => TrainingArithmetic.BFloat16,
                "f32" => TrainingArithmetic.Float32,
                _ => throw new ArgumentException($"Matrix products compute in bf16 or f32, not in '{_recipe.Precision}'."),
            },
            Checkpointing = _recipe.Recompute ? Checkpointing.EveryLayer : Checkpointing.None,
            Lora = Lora,
            Quantization = QuantizationOf(_recipe.Quantization),
        },
        Teacher = _teacher is { } teacher ? new Teacher(teacher.Config, teacher.Weights, _recipe.TeacherTemperature, _recipe.TeacherShare) : null,
    };

    /// <summary>The format that matrices of the layers get used to; embeddings and the output stay as they are.</summary>
    static Func<string, TensorFormat?>? QuantizationOf(string? name)
    {
        if (name is null)
        {
            return null;
        }

        TensorFormat format = BlockFormat.TryParse(name, out BlockFormat? found) && found.CanQuantize
            ? found.Format
            : throw new ArgumentException($"'{name}' is no format that weights can be rounded to; there are {string.Join(", ", BlockFormat.All.Where(one => one.CanQuantize).Select(one => one.Format))}.");
        return weight => weight.StartsWith("blk.", StringComparison.Ordinal) ? format : null;
    }
}

/// <summary>Where a job runs.</summary>
/// <param name="Threads">Threads that read data and change weights.</param>
/// <param name="MemoryBytes">Memory that a step may take; it decides the size of batches.</param>
public sealed record TrainingPlace(int Threads, long MemoryBytes);

using System.Collections.Immutable;
using System.CommandLine;
using OpenAutoGlm.Optimization.Training;
using OpenAutoGlm.Optimization.Training.Data;
using OpenAutoGlm.Optimization.Training.Updates;

namespace OpenAutoGlm.Cli.Train;

/// <summary>The flags of autoglm train that say what is learnt and how; each stands for a member of the recipe.</summary>
sealed class TrainFlags
{
    readonly Option<string?> _recipe = Flags.Text("--recipe", "file", "A JSON file with all of the below by their names in camel case; flags win over it.");
    readonly Option<string[]> _data = Files("--data", "Files to learn from: .jsonl with {\"messages\": […]} (only the assistant's turns are learnt) or {\"text\": \"…\"} in each line, everything else as running text.");
    readonly Option<string[]> _validation = Files("--validation", "Files that are only measured.");
    readonly Option<string?> _model = Flags.Text("--model", "model", "The model to go on from: a GGUF file, a model folder or a name on the hub. Instead of --shape.", "-m");
    readonly Option<string?> _shape = Flags.Text("--shape", "name|config.json", "Begin a new model of this shape (autoglm synth --list), or of a config.json as Hugging Face has them; its vocabulary is learnt from the data.", "--config");
    readonly Option<int?> _vocabulary = Flags.Int("--vocabulary", "Tokens of a new model's vocabulary. Default: those of the shape.", 256, 1 << 20);
    readonly Option<int?> _lora = Flags.Int("--lora", "Train adapters of this rank instead of the weights.", 1, 4096);
    readonly Option<float?> _loraAlpha = Flags.Number("--lora-alpha", "The adapters' weight, times rank. Default: twice the rank.", 0.001f, 1e6f);
    readonly Option<string?> _teacher = Flags.Text("--teacher", "model", "Learn the answers of this model, which has the same vocabulary (distillation).");
    readonly Option<float?> _teacherShare = Flags.Number("--teacher-share", "The part of the loss that is the distance from the teacher. Default: 0.5.", 0, 1);
    readonly Option<float?> _temperature = Flags.Number("--temperature", "What both models' logits are divided by when they are compared. Default: 1.", 0.01f, 100);
    readonly Option<string?> _quantization = Flags.Text("--qat", "format", "Get the matrices used to the rounding of this format, such as Q4_K (quantisation-aware training), and write them in it.");
    readonly Option<int?> _steps = Flags.Int("--steps", "Steps to take. Default: one pass over the data.", 1, int.MaxValue);
    readonly Option<float?> _epochs = Flags.Number("--epochs", "Passes over the data, instead of steps.", 0.001f, 1e6f);
    readonly Option<float?> _tokens = Flags.Number("--tokens", "Tokens to run, instead of steps; 5e6 is five million.", 1, 1e15f);
    readonly Option<int?> _batchTokens = Flags.Int("--batch-tokens", "Tokens of a step's batch; smaller ones are summed up where memory asks for it. Default: 4096.", 1, 1 << 24);
    readonly Option<int?> _accumulate = Flags.Int("--accumulate", "Batches of --batch-tokens that make one step. Default: what memory asks for.", 1, 1 << 20);
    readonly Option<int?> _sequence = Flags.Int("--sequence", "Tokens of a sequence at most. Default: what the model was made for.", 2, 1 << 24);
    readonly Option<string?> _tooLong = Flags.OneOf("--too-long", "What becomes of longer examples. Default: end, which cuts off the end.", "end", "front", "middle", "drop");
    readonly Option<float?> _learningRate = Flags.Number("--lr", "The highest learning rate. Default: 0.001.", 1e-12f, 1000);
    readonly Option<string?> _schedule = Flags.Text("--schedule", "schedule", $"How the learning rate goes: {Schedule.Spelling}. Default: cosine:0.1.");
    readonly Option<int?> _warmUp = Flags.Int("--warmup", "Steps over which it first rises. Default: 0.", 0, int.MaxValue);
    readonly Option<string?> _optimizer = Flags.OneOf("--optimizer", "How gradients become changes. Default: adamw.", "adamw", "muon");
    readonly Option<float?> _weightDecay = Flags.Number("--weight-decay", "What matrices lose in each step, times the learning rate. Default: 0.1.", 0, 100);
    readonly Option<string?> _precision = Flags.OneOf("--precision", "What matrix products compute in; everything else is float32. Default: bf16.", "bf16", "f32");
    readonly Option<bool> _recompute = Flags.Switch("--recompute", "Compute the inside of layers again on the way back: less memory, a third more time.");
    readonly Option<float?> _clip = Flags.Number("--clip", "Longest gradient; 0 for any. Default: 1.", 0, 1e9f);
    readonly Option<float?> _average = Flags.Number("--ema", "Keep an average of the weights with this decay, validate and write that. Default: 0, which keeps none.", 0, 0.999999f);
    readonly Option<ulong?> _seed = Flags.Seed();
    readonly Option<int?> _validateEvery = Flags.Int("--validate-every", "Steps between validations. Default: 100.", 0, int.MaxValue);
    readonly Option<int?> _checkpointEvery = Flags.Int("--checkpoint-every", "Steps between checkpoints. Default: 500.", 0, int.MaxValue);

    /// <summary>All of them, in the order of the help page.</summary>
    public Option[] All =>
    [
        _recipe, _data, _validation, _model, _shape, _vocabulary, _lora, _loraAlpha, _teacher, _teacherShare, _temperature, _quantization, _steps, _epochs, _tokens,
        _batchTokens, _accumulate, _sequence, _tooLong, _learningRate, _schedule, _warmUp, _optimizer, _weightDecay, _precision, _recompute, _clip, _average, _seed,
        _validateEvery, _checkpointEvery,
    ];

    /// <summary>The recipe that they make.</summary>
    public TrainingRecipe Read(ParseResult arguments)
    {
        TrainingRecipe recipe = arguments.GetValue(_recipe) is { } file ? TrainingRecipe.Read(file) : new TrainingRecipe();
        if (arguments.GetValue(_steps) is not null || arguments.GetValue(_epochs) is not null || arguments.GetValue(_tokens) is not null)
        {
            recipe = recipe with { Steps = null, Epochs = null, Tokens = null };
        }

        recipe = recipe with
        {
            Data = Replaced(arguments, _data, recipe.Data),
            Validation = Replaced(arguments, _validation, recipe.Validation),
            Model = arguments.GetValue(_model) ?? (arguments.GetValue(_shape) is null ? recipe.Model : null),
            Shape = arguments.GetValue(_shape) ?? (arguments.GetValue(_model) is null ? recipe.Shape : null),
            Vocabulary = recipe.Vocabulary with { Size = arguments.GetValue(_vocabulary) ?? recipe.Vocabulary.Size },
            LoraRank = arguments.GetValue(_lora) ?? recipe.LoraRank,
            LoraAlpha = arguments.GetValue(_loraAlpha) ?? recipe.LoraAlpha,
            Teacher = arguments.GetValue(_teacher) ?? recipe.Teacher,
            TeacherShare = arguments.GetValue(_teacherShare) ?? recipe.TeacherShare,
            TeacherTemperature = arguments.GetValue(_temperature) ?? recipe.TeacherTemperature,
            Quantization = arguments.GetValue(_quantization) ?? recipe.Quantization,
            Steps = arguments.GetValue(_steps) ?? recipe.Steps,
            Epochs = arguments.GetValue(_epochs) ?? recipe.Epochs,
            Tokens = (long?)arguments.GetValue(_tokens) ?? recipe.Tokens,
            BatchTokens = arguments.GetValue(_batchTokens) ?? recipe.BatchTokens,
            Accumulate = arguments.GetValue(_accumulate) ?? recipe.Accumulate,
            SequenceTokens = arguments.GetValue(_sequence) ?? recipe.SequenceTokens,
            TooLong = arguments.GetValue(_tooLong) switch
            {
                "end" => LengthStrategy.TruncateEnd,
                "front" => LengthStrategy.TruncateFront,
                "middle" => LengthStrategy.TruncateMiddle,
                "drop" => LengthStrategy.Drop,
                _ => recipe.TooLong,
            },
            LearningRate = Exactly(arguments.GetValue(_learningRate)) ?? recipe.LearningRate,
            Schedule = arguments.GetValue(_schedule) ?? recipe.Schedule,
            WarmUp = arguments.GetValue(_warmUp) ?? recipe.WarmUp,
            Update = recipe.Update with
            {
                Rule = arguments.GetValue(_optimizer) switch { "adamw" => UpdateRule.AdamW, "muon" => UpdateRule.Muon, _ => recipe.Update.Rule },
                WeightDecay = Exactly(arguments.GetValue(_weightDecay)) ?? recipe.Update.WeightDecay,
            },
            Precision = arguments.GetValue(_precision) ?? recipe.Precision,
            Recompute = arguments.GetValue(_recompute) || recipe.Recompute,
            Clip = Exactly(arguments.GetValue(_clip)) ?? recipe.Clip,
            Average = Exactly(arguments.GetValue(_average)) ?? recipe.Average,
            Seed = arguments.GetValue(_seed) ?? recipe.Seed,
            ValidateEvery = arguments.GetValue(_validateEvery) ?? recipe.ValidateEvery,
            CheckpointEvery = arguments.GetValue(_checkpointEvery) ?? recipe.CheckpointEvery,
        };
        return recipe.Data.IsDefaultOrEmpty ? throw CommandFailedException.Usage("--data is missing: at least one file to learn from.")
            : recipe.Model is null == recipe.Shape is null ? throw CommandFailedException.Usage("Give --model to go on from a model, or --shape to begin a new one.")
            : recipe;
    }

    static Option<string[]> Files(string name, string description) => new(name) { Description = description, HelpName = "file", AllowMultipleArgumentsPerToken = true };

    static ImmutableArray<string> Replaced(ParseResult arguments, Option<string[]> option, ImmutableArray<string> otherwise) =>
        arguments.GetValue(option) is { Length: > 0 } given ? [.. given] : otherwise.IsDefault ? [] : otherwise;

    /// <summary>The number as it was typed: 0.001 and not the float that is nearest to it.</summary>
    static double? Exactly(float? value) => value is { } given ? double.Parse(given.ToString(System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture) : null;
}

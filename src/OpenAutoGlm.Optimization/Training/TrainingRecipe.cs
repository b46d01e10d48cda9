using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using OpenAutoGlm.Optimization.Training.Data;
using OpenAutoGlm.Optimization.Training.Updates;

namespace OpenAutoGlm.Optimization.Training;

/// <summary>
/// All that a training run is made of, as a JSON file can hold it: with the recipe, the data and the seed a run can be
/// repeated. Paths are relative to the recipe's file.
/// </summary>
public sealed record TrainingRecipe
{
    static readonly JsonDocumentOptions Reading = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>Files to learn from: .jsonl line by line, everything else as running text.</summary>
    public ImmutableArray<string> Data { get; init; } = [];

    /// <summary>Files that are only looked at.</summary>
    public ImmutableArray<string> Validation { get; init; } = [];

    /// <summary>The model to begin with; null for a new one of <see cref="Shape"/>.</summary>
    public string? Model { get; init; }

    /// <summary>For a new model: the name of a shape, or a config.json as Hugging Face has them.</summary>
    public string? Shape { get; init; }

    /// <summary>For a new model: its vocabulary, learnt from the data.</summary>
    public VocabularyRecipe Vocabulary { get; init; } = new();

    /// <summary>For a new model: the file of its chat template; null for none.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>Rank of adapters that are trained instead of the weights; null for none.</summary>
    public int? LoraRank { get; init; }

    /// <summary>The adapters' weight, times rank; twice the rank if null.</summary>
    public float? LoraAlpha { get; init; }

    /// <summary>The model whose answers are to be learnt; null for none.</summary>
    public string? Teacher { get; init; }

    /// <summary>What both models' logits are divided by when they are compared.</summary>
    public float TeacherTemperature { get; init; } = 1;

    /// <summary>The part of the loss that is the distance from the teacher, 0 to 1.</summary>
    public float TeacherShare { get; init; } = 0.5f;

    /// <summary>The format whose rounding matrices are to get used to, such as Q4_K; null for none.</summary>
    public string? Quantization { get; init; }

    /// <summary>Steps to take; with neither tokens nor epochs given, one epoch.</summary>
    public long? Steps { get; init; }

    /// <summary>Tokens to run, instead of steps.</summary>
    public long? Tokens { get; init; }

    /// <summary>Passes over the data, instead of steps.</summary>
    public double? Epochs { get; init; }

    /// <summary>Tokens of a batch.</summary>
    public int BatchTokens { get; init; } = 4096;

    /// <summary>Tokens of a sequence at most; those that the model was made for if null, and at most those of a batch.</summary>
    public int? SequenceTokens { get; init; }

    /// <summary>What becomes of longer examples.</summary>
    public LengthStrategy TooLong { get; init; }

    /// <summary>Batches that make a step; as many as memory asks for if null.</summary>
    public int? Accumulate { get; init; }

    /// <summary>The highest learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>How the learning rate goes, as <see cref="Training.Schedule.Spelling"/> says.</summary>
    public string Schedule { get; init; } = "cosine:0.1";

    /// <summary>Steps of linear warm-up.</summary>
    public long WarmUp { get; init; }

    /// <summary>bf16 or f32: what matrix products compute in.</summary>
    public string Precision { get; init; } = "bf16";

    /// <summary>Whether a layer's inner values are computed anew on the way back, which takes less memory and more time.</summary>
    public bool Recompute { get; init; }

    /// <summary>Longest gradient; 0 for any.</summary>
    public double Clip { get; init; } = 1;

    /// <summary>Decay of the average of the weights; 0 for none.</summary>
    public double Average { get; init; }

    /// <summary>How gradients become changes.</summary>
    public UpdateOptions Update { get; init; } = new();

    /// <summary>Where all random numbers come from.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Steps between validations; 0 for one at the end.</summary>
    public int ValidateEvery { get; init; } = 100;

    /// <summary>Most tokens of a validation.</summary>
    public long ValidationTokens { get; init; } = 65536;

    /// <summary>Steps between checkpoints; 0 for one at the end.</summary>
    public int CheckpointEvery { get; init; } = 500;

    /// <summary>Checkpoints that stay.</summary>
    public int KeepCheckpoints { get; init; } = 2;

    /// <summary>Reads a file; paths in it become such from where we are.</summary>
    /// <exception cref="InvalidDataException">It is no recipe; the message says where.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static TrainingRecipe Read(string path)
    {
        try
        {
            if (JsonNode.Parse(File.ReadAllBytes(path), documentOptions: Reading) is not JsonObject given)
            {
                throw new InvalidDataException($"{path}: an object belongs here.");
            }

            // What the file leaves out is what it is by default, in the parts of the recipe too.
            JsonObject whole = JsonSerializer.SerializeToNode(new TrainingRecipe(), TrainingRecipeJson.Default.TrainingRecipe)!.AsObject();
            Put(given, whole);
            return whole.Deserialize(TrainingRecipeJson.Default.TrainingRecipe)!.From(Path.GetDirectoryName(path) ?? "");
        }
        catch (JsonException failed)
        {
            throw new InvalidDataException($"{path}: {failed.Message}", failed);
        }
    }

    /// <summary>The recipe as a file has it.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, TrainingRecipeJson.Default.TrainingRecipe);

    /// <summary>How long the run is.</summary>
    /// <exception cref="ArgumentException">More than one length is given.</exception>
    internal RunLength Length() => (Steps, Tokens, Epochs) switch
    {
        (null, null, null) => new RunLength(1, RunUnit.Epochs),
        ({ } steps, null, null) => new RunLength(steps, RunUnit.Steps),
        (null, { } tokens, null) => new RunLength(tokens, RunUnit.Tokens),
        (null, null, { } epochs) => new RunLength(epochs, RunUnit.Epochs),
        _ => throw new ArgumentException("A run is so many steps, tokens or epochs long: give one of them."),
    };

    static void Put(JsonObject given, JsonObject whole)
    {
        foreach ((string name, JsonNode? value) in given)
        {
            if (value is JsonObject part && whole[name] is JsonObject other)
            {
                Put(part, other);
            }
            else
            {
                whole[name] = value?.DeepClone();
            }
        }
    }

    TrainingRecipe From(string folder)
    {
        string At(string path) => Path.Combine(folder, path);
        string? IfFile(string? name) => name is not null && (File.Exists(At(name)) || Directory.Exists(At(name))) ? At(name) : name;
        return this with
        {
            Data = [.. (Data.IsDefault ? [] : Data).Select(At)],
            Validation = [.. (Validation.IsDefault ? [] : Validation).Select(At)],
            Model = IfFile(Model),
            Shape = IfFile(Shape),
            Teacher = IfFile(Teacher),
            ChatTemplate = ChatTemplate is null ? null : At(ChatTemplate),
        };
    }
}

/// <summary>The vocabulary of a new model.</summary>
public sealed record VocabularyRecipe
{
    /// <summary>Tokens in all; those of the shape if null.</summary>
    public int? Size { get; init; }

    /// <summary>Pairs that are seen less often are not merged.</summary>
    public int MinimumCount { get; init; } = 2;

    /// <summary>Whether every digit is a token of its own.</summary>
    public bool SingleDigits { get; init; }

    /// <summary>Marks that are no text, such as &lt;|user|&gt;.</summary>
    public ImmutableArray<string> Controls { get; init; } = ["<|endoftext|>"];

    /// <summary>Texts that are always one token.</summary>
    public ImmutableArray<string> AlwaysWhole { get; init; } = [];

    /// <summary>The mark that begins a text.</summary>
    public string? Bos { get; init; }

    /// <summary>The mark that ends a text.</summary>
    public string? Eos { get; init; } = "<|endoftext|>";

    /// <summary>The mark that ends a turn.</summary>
    public string? EndOfTurn { get; init; }
}

/// <summary>Reads and writes recipes without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    WriteIndented = true,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(TrainingRecipe))]
sealed partial class TrainingRecipeJson : JsonSerializerContext;

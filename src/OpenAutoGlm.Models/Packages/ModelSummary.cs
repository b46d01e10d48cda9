using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OpenAutoGlm.Models.Packages;

/// <summary>What a model is and what it costs, for people (<see cref="ToString"/>) and for machines (<see cref="ToJson"/>).</summary>
public sealed record ModelSummary
{
    /// <summary>The file or folder.</summary>
    public required string Path { get; init; }

    /// <summary>The name that the file gives itself, or that of the file.</summary>
    public required string Name { get; init; }

    /// <summary>The kind of files: GGUF or safetensors, with version and number of files.</summary>
    public required string Files { get; init; }

    /// <summary>The architecture.</summary>
    public required string Architecture { get; init; }

    /// <summary>Decoder layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int Hidden { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Width of a head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Width of the dense feed-forward network.</summary>
    public required int Inner { get; init; }

    /// <summary>Experts in a layer; 0 for a dense model.</summary>
    public int Experts { get; init; }

    /// <summary>Experts that a token visits.</summary>
    public int ExpertsUsed { get; init; }

    /// <summary>Rows of the embedding table.</summary>
    public required int Vocab { get; init; }

    /// <summary>Longest sequence, in tokens.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Numbers in all tensors.</summary>
    public required long Parameters { get; init; }

    /// <summary>Numbers that a token meets: all but the experts that it does not visit.</summary>
    public required long ActiveParameters { get; init; }

    /// <summary>Bytes of all tensors.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Bytes of key and value memory for one token.</summary>
    public required long KvBytesPerToken { get; init; }

    /// <summary>Bytes of key and value memory for a sequence of full length.</summary>
    public required long KvBytesAtFullContext { get; init; }

    /// <summary>Tensors by element type, the most bytes first.</summary>
    public required ImmutableArray<FormatShare> Formats { get; init; }

    /// <summary>The tokenizer in a line; null if there is none.</summary>
    public string? Tokenizer { get; init; }

    /// <summary>Whether there is a chat template.</summary>
    public required bool HasChatTemplate { get; init; }

    /// <summary>The names of further chat templates.</summary>
    public required ImmutableArray<string> NamedChatTemplates { get; init; }

    /// <summary>Recommended settings.</summary>
    public required GenerationDefaults Generation { get; init; }

    /// <summary>Bits that a parameter takes in the files, on average.</summary>
    public double BitsPerParameter => Parameters == 0 ? 0 : Math.Round(WeightBytes * 8.0 / Parameters, 3);

    /// <summary>The summary as JSON, indented.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ModelSummaryJson.Default.ModelSummary);

    /// <summary>The summary as a page of text.</summary>
    public override string ToString() => ModelDescription.Of(this);
}

/// <summary>The tensors of one element type.</summary>
/// <param name="Type">The type as the field spells it.</param>
/// <param name="Tensors">How many tensors.</param>
/// <param name="Parameters">How many numbers.</param>
/// <param name="Bytes">How many bytes.</param>
public sealed record FormatShare(string Type, int Tensors, long Parameters, long Bytes);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ModelSummary))]
sealed partial class ModelSummaryJson : JsonSerializerContext;

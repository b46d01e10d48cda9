using OpenAutoGlm.Models.Tokenizers.Merging;
using OpenAutoGlm.Models.Tokenizers.Normalization;
using OpenAutoGlm.Models.Tokenizers.PreTokenizers;

namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>What a loader has found out about a tokenizer; the rest is <see cref="Tokenizer"/>'s.</summary>
sealed record TokenizerParts
{
    /// <summary>Where it came from, in two or three words: "GGUF gpt2", "tiktoken ranks".</summary>
    public required string Source { get; init; }

    public required Vocabulary Vocabulary { get; init; }

    public required PieceEncoder Encoder { get; init; }

    /// <summary>What text goes through first, in order.</summary>
    public IReadOnlyList<TextNormalizer> Normalizers { get; init; } = [];

    public PreTokenizerPipeline? PreTokenizer { get; init; }

    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];

    /// <summary>The ids put before and after a text when the caller wants the model's own marks.</summary>
    public IReadOnlyList<int> Prefix { get; init; } = [];

    public IReadOnlyList<int> Suffix { get; init; } = [];

    /// <summary>Whether decoded text loses the space that encoding put before it.</summary>
    public bool StripLeadingSpace { get; init; }

    public int? BosId { get; init; }

    public int? EosId { get; init; }

    public int? PadId { get; init; }

    public int? UnknownId { get; init; }

    /// <summary>Further tokens that end an answer.</summary>
    public IReadOnlyList<int> EndIds { get; init; } = [];
}

namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>What a GGUF file says under tokenizer.ggml, as it stands there; null where a key is absent.</summary>
sealed record GgufVocabulary
{
    /// <summary>The file, for error messages.</summary>
    public required string File { get; init; }

    /// <summary>tokenizer.ggml.model: gpt2, llama or t5.</summary>
    public required string Model { get; init; }

    public string? Pre { get; init; }

    public required string[] Tokens { get; init; }

    public float[]? Scores { get; init; }

    public int[]? TokenTypes { get; init; }

    public string[]? Merges { get; init; }

    public long? BosId { get; init; }

    public long? EosId { get; init; }

    public long? EndOfTurnId { get; init; }

    public long? EndOfMessageId { get; init; }

    public long? PadId { get; init; }

    public long? UnknownId { get; init; }

    public bool? AddBos { get; init; }

    public bool? AddEos { get; init; }

    public bool? AddSpacePrefix { get; init; }

    public bool? RemoveExtraSpaces { get; init; }

    public byte[]? CharacterMap { get; init; }
}

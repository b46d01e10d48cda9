using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>Takes the tokenizer's keys out of GGUF metadata.</summary>
static class GgufVocabularyReader
{
    public static GgufVocabulary Read(GgufMetadata metadata) => new()
    {
        File = metadata.File,
        Model = metadata.GetString(Key("model")),
        Pre = metadata.TryGetString(Key("pre"), out string? pre) ? pre : null,
        Tokens = metadata.GetStringArray(Key("tokens")),
        Scores = metadata.TryGetFloatArray(Key("scores"), out float[]? scores) ? scores : null,
        TokenTypes = metadata.TryGetIntArray(Key("token_type"), out int[]? types) ? types : null,
        Merges = metadata.TryGetStringArray(Key("merges"), out string[]? merges) ? merges : null,
        BosId = Id(metadata, "bos"),
        EosId = Id(metadata, "eos"),
        EndOfTurnId = Id(metadata, "eot"),
        EndOfMessageId = Id(metadata, "eom"),
        PadId = Id(metadata, "padding"),
        UnknownId = Id(metadata, "unknown"),
        AddBos = Flag(metadata, "add_bos_token"),
        AddEos = Flag(metadata, "add_eos_token"),
        AddSpacePrefix = Flag(metadata, "add_space_prefix"),
        RemoveExtraSpaces = Flag(metadata, "remove_extra_whitespaces"),
        CharacterMap = metadata.TryGetIntArray(Key("precompiled_charsmap"), out int[]? map) ? Array.ConvertAll(map, value => (byte)value) : null,
    };

    // Converters write −1 in 32 bits where a model has no such token.
    static long? Id(GgufMetadata metadata, string name) =>
        metadata.TryGetInt(Key(name + "_token_id"), out long id) && id is not (-1 or uint.MaxValue) ? id : null;

    static bool? Flag(GgufMetadata metadata, string name) => metadata.TryGetBool(Key(name), out bool value) ? value : null;

    static string Key(string name) => "tokenizer.ggml." + name;
}

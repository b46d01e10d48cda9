using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Tokenizers.Loading;

namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>Finds and reads a model's tokenizer in whatever form it was published.</summary>
public static class TokenizerLoader
{
    /// <summary>
    /// Reads the tokenizer of a model folder: tokenizer.json, else tokenizer.model (SentencePiece, or tiktoken's ranks
    /// as GLM-4 and Llama-3 have them), else a *.tiktoken file, else vocab.json with merges.txt. Special tokens come
    /// from tokenizer_config.json and its neighbours.
    /// </summary>
    /// <exception cref="ModelFormatException">There is no tokenizer, or one that contradicts itself or is not supported.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static Tokenizer FromFolder(string path)
    {
        if (!Directory.Exists(path))
        {
            throw new ModelFormatException(path, "folder", "there is no such folder.");
        }

        TokenizerConfig config = TokenizerConfig.Read(path);
        string json = Path.Combine(path, "tokenizer.json");
        string model = Path.Combine(path, "tokenizer.model");
        string vocabulary = Path.Combine(path, "vocab.json");
        if (File.Exists(json))
        {
            return HuggingFaceTokenizer.Load(json, config);
        }

        if (File.Exists(model))
        {
            return LoadModel(model, config);
        }

        if (Directory.GetFiles(path, "*.tiktoken") is [string ranks])
        {
            return TiktokenTokenizer.Load(ranks, config);
        }

        return File.Exists(vocabulary)
            ? MergesTextTokenizer.Load(path, config)
            : throw new ModelFormatException(
                path, "tokenizer", "the folder has none of tokenizer.json, tokenizer.model, one *.tiktoken file, vocab.json with merges.txt.");
    }

    /// <summary>Reads one file: tokenizer.json, a SentencePiece model or tiktoken's ranks; what stands beside it counts too.</summary>
    /// <exception cref="ModelFormatException">The file contradicts itself or is not supported.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static Tokenizer FromFile(string path)
    {
        TokenizerConfig config = TokenizerConfig.Read(Path.GetDirectoryName(Path.GetFullPath(path))!);
        return Path.GetExtension(path).Equals(".json", StringComparison.OrdinalIgnoreCase)
            ? HuggingFaceTokenizer.Load(path, config)
            : LoadModel(path, config);
    }

    /// <summary>Reads the tokenizer inside a GGUF file.</summary>
    /// <exception cref="ModelFormatException">There is no tokenizer, or one that contradicts itself or is not supported.</exception>
    public static Tokenizer FromGguf(GgufMetadata metadata) => FromGguf(GgufVocabularyReader.Read(metadata));

    internal static Tokenizer FromGguf(GgufVocabulary vocabulary) => GgufTokenizer.Load(vocabulary);

    static Tokenizer LoadModel(string path, TokenizerConfig config)
    {
        byte[] start = new byte[256];
        using FileStream stream = File.OpenRead(path);
        int count = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        return TiktokenTokenizer.Recognises(start.AsSpan(0, count))
            ? TiktokenTokenizer.Load(path, config)
            : SentencePieceTokenizer.Load(path, config);
    }
}

using System.Collections.Immutable;
using System.Text.Json;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Tokenizers.Loading;

namespace OpenAutoGlm.Models.Tokenizers.Training;

/// <summary>A byte-level vocabulary that was learnt: ids 0 to 255 are the bytes, then merges, then texts that stay whole, then marks.</summary>
public sealed class TrainedVocabulary
{
    const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";

    readonly BytePairTrainingOptions _options;
    readonly ImmutableArray<string> _tokens;
    readonly ImmutableArray<(string Left, string Right)> _merges; // in the alphabet of bytes

    /// <param name="options">What was asked for.</param>
    /// <param name="merges">Both sides of every merge as strings of their bytes, one character each.</param>
    internal TrainedVocabulary(BytePairTrainingOptions options, ImmutableArray<(string Left, string Right)> merges)
    {
        _options = options;
        _merges = [.. merges.Select(merge => (Spell(merge.Left), Spell(merge.Right)))];

        // Two ways to the same text are two merges, but one token.
        string[] texts = [.. _merges.Select(merge => merge.Left + merge.Right).Distinct()];
        _tokens = [.. Enumerable.Range(0, 256).Select(value => ByteLevelAlphabet.Encode((byte)value).ToString()), .. texts, .. options.AlwaysWhole, .. options.Controls];
        Tokenizer = TokenizerLoader.FromGguf(ToGguf());
    }

    /// <summary>Tokens in all.</summary>
    public int Count => _tokens.Length;

    /// <summary>Merges that were learnt.</summary>
    public int MergeCount => _merges.Length;

    /// <summary>The tokenizer that it makes.</summary>
    public Tokenizer Tokenizer { get; }

    int FirstWhole => Count - _options.Controls.Length - _options.AlwaysWhole.Length;

    /// <summary>Adds the tokenizer to a GGUF file, filled up with unused ids to the size of a model's vocabulary.</summary>
    /// <param name="writer">The file.</param>
    /// <param name="rows">Rows of the model's embedding table; 0 for as many as there are tokens.</param>
    /// <param name="chatTemplate">The model's chat template; null for none.</param>
    /// <exception cref="ArgumentException">The model has fewer rows than there are tokens.</exception>
    public void Write(GgufWriter writer, int rows = 0, string? chatTemplate = null)
    {
        ArgumentNullException.ThrowIfNull(writer);
        rows = rows == 0 ? Count : rows;
        if (rows < Count)
        {
            throw new ArgumentException($"The model has {rows} rows of embeddings, but the vocabulary {Count} tokens.", nameof(rows));
        }

        GgufVocabulary vocabulary = ToGguf();
        writer.Add("tokenizer.ggml.model", vocabulary.Model);
        writer.Add("tokenizer.ggml.pre", vocabulary.Pre!);
        writer.Add("tokenizer.ggml.tokens", [.. vocabulary.Tokens, .. Enumerable.Range(Count, rows - Count).Select(id => $"[PAD{id}]")]);
        writer.Add("tokenizer.ggml.token_type", (ReadOnlySpan<int>)[.. vocabulary.TokenTypes!, .. Enumerable.Repeat((int)TokenKind.Unused, rows - Count)]);
        writer.Add("tokenizer.ggml.merges", vocabulary.Merges!);
        Add("bos", vocabulary.BosId);
        Add("eos", vocabulary.EosId);
        Add("eot", vocabulary.EndOfTurnId);
        Add("padding", vocabulary.PadId);
        writer.Add("tokenizer.ggml.add_bos_token", false);
        writer.Add("tokenizer.ggml.add_eos_token", false);
        if (chatTemplate is not null)
        {
            writer.Add("tokenizer.chat_template", chatTemplate);
        }

        void Add(string name, long? id)
        {
            if (id is { } known)
            {
                writer.Add($"tokenizer.ggml.{name}_token_id", (uint)known);
            }
        }
    }

    /// <summary>Writes tokenizer.json and tokenizer_config.json as Hugging Face has them.</summary>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public void WriteJson(string folder, string? chatTemplate = null)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.Write(Path.Combine(folder, "tokenizer.json"), stream =>
        {
            using Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true });
            WriteTokenizer(json);
        });
        AtomicFile.Write(Path.Combine(folder, "tokenizer_config.json"), stream =>
        {
            using Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true });
            json.WriteStartObject();
            json.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
            json.WriteBoolean("add_bos_token", false);
            json.WriteBoolean("add_eos_token", false);
            WriteNamed(json, "bos_token", _options.Bos);
            WriteNamed(json, "eos_token", _options.EndOfTurn ?? _options.Eos);
            WriteNamed(json, "pad_token", _options.Eos);
            WriteNamed(json, "chat_template", chatTemplate);
            json.WriteEndObject();
        });
    }

    internal GgufVocabulary ToGguf() => new()
    {
        File = "trained vocabulary",
        Model = "gpt2",
        Pre = _options.PreTokenizer,
        Tokens = [.. _tokens],
        TokenTypes = [.. Enumerable.Range(0, Count).Select(id => (int)KindOf(id))],
        Merges = [.. _merges.Select(merge => $"{merge.Left} {merge.Right}")],
        BosId = IdOf(_options.Bos),
        EosId = IdOf(_options.Eos),
        EndOfTurnId = IdOf(_options.EndOfTurn),
        PadId = IdOf(_options.Eos),
        AddBos = false,
        AddEos = false,
    };

    static string Spell(string bytes) => string.Concat(bytes.Select(value => ByteLevelAlphabet.Encode((byte)value)));

    static void WriteNamed(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }

    TokenKind KindOf(int id) => id < FirstWhole ? TokenKind.Normal : id < Count - _options.Controls.Length ? TokenKind.UserDefined : TokenKind.Control;

    long? IdOf(string? control) => control is null ? null : Count - _options.Controls.Length + _options.Controls.IndexOf(control);

    void WriteTokenizer(Utf8JsonWriter json)
    {
        string digits = _options.SingleDigits ? @"\p{N}" : @"\p{N}{1,3}";
        string pattern = $@"{Contractions}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        for (int id = FirstWhole; id < Count; id++)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", _tokens[id]);
            json.WriteBoolean("single_word", false);
            json.WriteBoolean("lstrip", false);
            json.WriteBoolean("rstrip", false);
            json.WriteBoolean("normalized", false);
            json.WriteBoolean("special", KindOf(id) == TokenKind.Control);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNull("normalizer");
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        json.WriteStartObject();
        json.WriteString("type", "Split");
        json.WriteStartObject("pattern");
        json.WriteString("Regex", pattern);
        json.WriteEndObject();
        json.WriteString("behavior", "Isolated");
        json.WriteBoolean("invert", false);
        json.WriteEndObject();
        WriteByteLevel(json, null);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteNull("post_processor");
        WriteByteLevel(json, "decoder");
        WriteModel(json);
        json.WriteEndObject();
    }

    static void WriteByteLevel(Utf8JsonWriter json, string? name)
    {
        if (name is null)
        {
            json.WriteStartObject();
        }
        else
        {
            json.WriteStartObject(name);
        }

        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", false);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", false);
        json.WriteEndObject();
    }

    void WriteModel(Utf8JsonWriter json)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteBoolean("ignore_merges", !_options.SingleDigits);
        json.WriteStartObject("vocab");
        for (int id = 0; id < FirstWhole; id++)
        {
            json.WriteNumber(_tokens[id], id);
        }

        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach ((string left, string right) in _merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(left);
            json.WriteStringValue(right);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}

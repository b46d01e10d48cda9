using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Tokenizers.Loading;

namespace OpenAutoGlm.Models.Tokenizers.Saving;

/// <summary>Writes a model's tokenizer, chat templates and recommended settings under the keys of GGUF files.</summary>
public static class GgufTokenizerWriter
{
    /// <summary>Writes everything that belongs to the text side of a model.</summary>
    /// <exception cref="ModelFormatException">A GGUF file cannot say the tokenizer; what is in the way is named.</exception>
    public static void Write(GgufWriter writer, ModelPackage source, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(config);
        if (source.Tokenizer is { } tokenizer)
        {
            Write(writer, tokenizer, config);
        }
        else
        {
            writer.Add(Key("model"), "no_vocab");
        }

        if (source.ChatTemplates.Default is { } template)
        {
            writer.Add("tokenizer.chat_template", template);
        }

        foreach ((string name, string text) in source.ChatTemplates.Named)
        {
            writer.Add($"tokenizer.chat_template.{name}", text);
        }

        Add(writer, "temp", source.Generation.Temperature);
        Add(writer, "top_p", source.Generation.TopP);
        Add(writer, "min_p", source.Generation.MinP);
        Add(writer, "penalty_repeat", source.Generation.RepetitionPenalty);
        if (source.Generation.TopK is { } most)
        {
            writer.Add("general.sampling.top_k", (uint)most);
        }
    }

    /// <summary>Writes a tokenizer.</summary>
    /// <exception cref="ModelFormatException">A GGUF file cannot say it; what is in the way is named.</exception>
    public static void Write(GgufWriter writer, Tokenizer tokenizer, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(config);
        GgufVocabulary vocabulary = GgufVocabularyMaker.Make(tokenizer, config.Vocab, config.Architecture);
        writer.Add(Key("model"), vocabulary.Model);
        writer.Add(Key("pre"), vocabulary.Pre ?? "default");
        writer.Add(Key("tokens"), vocabulary.Tokens);
        writer.Add(Key("token_type"), vocabulary.TokenTypes);
        if (vocabulary.Scores is { } scores)
        {
            writer.Add(Key("scores"), scores);
        }

        if (vocabulary.Merges is { } merges)
        {
            writer.Add(Key("merges"), merges);
        }

        Add(writer, "bos", vocabulary.BosId);
        Add(writer, "eos", vocabulary.EosId);
        Add(writer, "eot", vocabulary.EndOfTurnId);
        Add(writer, "eom", vocabulary.EndOfMessageId);
        Add(writer, "padding", vocabulary.PadId);
        Add(writer, "unknown", vocabulary.UnknownId);
        Add(writer, "add_bos_token", vocabulary.AddBos);
        Add(writer, "add_eos_token", vocabulary.AddEos);
        Add(writer, "add_space_prefix", vocabulary.AddSpacePrefix);
        Add(writer, "remove_extra_whitespaces", vocabulary.RemoveExtraSpaces);
    }

    static void Add(GgufWriter writer, string name, long? id)
    {
        if (id is { } value)
        {
            writer.Add(Key(name + "_token_id"), (uint)value);
        }
    }

    static void Add(GgufWriter writer, string name, bool? flag)
    {
        if (flag is { } value)
        {
            writer.Add(Key(name), value);
        }
    }

    static void Add(GgufWriter writer, string name, float? setting)
    {
        if (setting is { } value)
        {
            writer.Add($"general.sampling.{name}", value);
        }
    }

    static string Key(string name) => "tokenizer.ggml." + name;
}

using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Models.Tokenizers.Merging;
using OpenAutoGlm.Models.Tokenizers.Normalization;
using OpenAutoGlm.Models.Tokenizers.PreTokenizers;

namespace OpenAutoGlm.Models.Tokenizers.Saving;

/// <summary>
/// Writes a tokenizer as the files of a model folder: byte-level byte-pair encoding as tokenizer.json, SentencePiece as
/// tokenizer.model; beside it tokenizer_config.json, generation_config.json and the chat templates.
/// </summary>
public static class HuggingFaceTokenizerWriter
{
    static readonly JsonSerializerOptions Plain = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a model's tokenizer, its chat templates and recommended settings, and puts its special ids into config.json.</summary>
    /// <exception cref="ModelFormatException">Such files cannot say the tokenizer; what is in the way is named.</exception>
    internal static void Write(string folder, ModelPackage source, JsonObject config)
    {
        if (source.Tokenizer is { } tokenizer)
        {
            Write(folder, tokenizer);
            int[] ends = [.. source.Generation.EosIds, .. tokenizer.EosIds.Except(source.Generation.EosIds)];
            JsonObject generation = Settings(source);
            foreach (JsonObject json in new[] { config, generation })
            {
                Put(json, "bos_token_id", tokenizer.BosId);
                Put(json, "pad_token_id", tokenizer.PadId);
                if (ends.Length > 0)
                {
                    json["eos_token_id"] = ends.Length == 1 ? ends[0] : new JsonArray([.. ends.Select(id => (JsonNode)id)]);
                }
            }

            File.WriteAllText(Path.Combine(folder, "generation_config.json"), generation.ToJsonString(Plain));
        }

        if (source.ChatTemplates.Default is { } template)
        {
            File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), template);
        }

        foreach ((string name, string text) in source.ChatTemplates.Named)
        {
            string plain = string.Concat(name.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' ? letter : '_'));
            Directory.CreateDirectory(Path.Combine(folder, "additional_chat_templates"));
            File.WriteAllText(Path.Combine(folder, "additional_chat_templates", plain + ".jinja"), text);
        }
    }

    /// <summary>Writes a tokenizer into a folder, and proves that what was written cuts text as it does.</summary>
    /// <exception cref="ModelFormatException">Such files cannot say it; what is in the way is named.</exception>
    public static void Write(string folder, Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        TokenizerParts parts = tokenizer.Parts;
        bool byteLevel = parts.Encoder is BytePairEncoder { FromCharacters: false };
        if (byteLevel)
        {
            File.WriteAllText(Path.Combine(folder, "tokenizer.json"), TokenizerJson(parts).ToJsonString(Plain));
        }
        else
        {
            File.WriteAllBytes(Path.Combine(folder, "tokenizer.model"), SentencePieceModel.Of(parts));
        }

        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), Names(parts, byteLevel).ToJsonString(Plain));
        TokenizerProof.Require(tokenizer, TokenizerLoader.FromFolder(folder), parts.Vocabulary.File, byteLevel ? "a tokenizer.json" : "a tokenizer.model");
    }

    static JsonObject TokenizerJson(TokenizerParts parts)
    {
        Vocabulary vocabulary = parts.Vocabulary;
        BytePairEncoder encoder = (BytePairEncoder)parts.Encoder;
        JsonObject tokens = [];
        JsonArray added = [];
        for (int id = 0; id < vocabulary.Count; id++)
        {
            TokenKind kind = vocabulary.Kind(id);
            if (kind == TokenKind.Unused || vocabulary.Bytes(id).IsEmpty)
            {
                continue;
            }

            bool isText = kind is TokenKind.Normal or TokenKind.Byte;
            string text = isText ? Alphabet(vocabulary.Bytes(id)) : Encoding.UTF8.GetString(vocabulary.Bytes(id));
            tokens[text] = id;
            if (!isText)
            {
                added.Add((JsonNode)Added(id, text, kind != TokenKind.UserDefined, parts.AddedTokens.FirstOrDefault(token => token.Id == id)));
            }
        }

        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = added,
            ["normalizer"] = parts.Normalizers.Any(normalizer => normalizer is ComposingNormalizer) ? new JsonObject { ["type"] = "NFC" } : null,
            ["pre_tokenizer"] = PreTokenizers(parts),
            ["post_processor"] = PostProcessor(parts),
            ["decoder"] = ByteLevelPart(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = encoder.WholePiecesFirst,
                ["vocab"] = tokens,
                ["merges"] = new JsonArray([.. MergeDerivation.Of(vocabulary, encoder).Select(merge => (JsonNode)new JsonArray(Alphabet(merge.Left), Alphabet(merge.Right)))]),
            },
        };
    }

    static JsonObject PreTokenizers(TokenizerParts parts)
    {
        JsonArray rules = [];
        foreach (string signature in parts.PreTokenizer?.Signatures ?? [])
        {
            string pattern = PreTokenizerCatalog.PatternOf(signature)
                ?? throw new ModelFormatException(parts.Vocabulary.File, "tokenizer", $"no tokenizer.json has a pattern for the pre-tokenizer {parts.PreTokenizer!.Name} ({signature}); take the tokenizer's files from the original folder.");
            rules.Add((JsonNode)new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = "Isolated", ["invert"] = false });
        }

        rules.Add((JsonNode)ByteLevelPart());
        return new JsonObject { ["type"] = "Sequence", ["pretokenizers"] = rules };
    }

    static JsonObject ByteLevelPart() => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = false };

    static JsonObject? PostProcessor(TokenizerParts parts)
    {
        if (parts.Prefix.Count + parts.Suffix.Count == 0)
        {
            return ByteLevelPart();
        }

        string Text(int id) => Encoding.UTF8.GetString(parts.Vocabulary.Bytes(id));
        JsonObject Special(int id, int type) => new() { ["SpecialToken"] = new JsonObject { ["id"] = Text(id), ["type_id"] = type } };
        JsonArray Template(params ReadOnlySpan<(string Name, int Type)> texts)
        {
            JsonArray items = [];
            foreach ((string name, int type) in texts)
            {
                foreach (int id in parts.Prefix)
                {
                    items.Add((JsonNode)Special(id, type));
                }

                items.Add((JsonNode)new JsonObject { ["Sequence"] = new JsonObject { ["id"] = name, ["type_id"] = type } });
                foreach (int id in parts.Suffix)
                {
                    items.Add((JsonNode)Special(id, type));
                }
            }

            return items;
        }

        JsonObject specials = [];
        foreach (int id in parts.Prefix.Concat(parts.Suffix).Distinct())
        {
            specials[Text(id)] = new JsonObject { ["id"] = Text(id), ["ids"] = new JsonArray(id), ["tokens"] = new JsonArray(Text(id)) };
        }

        return new JsonObject { ["type"] = "TemplateProcessing", ["single"] = Template(("A", 0)), ["pair"] = Template(("A", 0), ("B", 1)), ["special_tokens"] = specials };
    }

    static JsonObject Added(int id, string text, bool special, AddedToken flags) => new()
    {
        ["id"] = id,
        ["content"] = text,
        ["single_word"] = flags.SingleWord,
        ["lstrip"] = flags.TakesSpaceBefore,
        ["rstrip"] = flags.TakesSpaceAfter,
        ["normalized"] = false,
        ["special"] = special,
    };

    static JsonObject Names(TokenizerParts parts, bool byteLevel)
    {
        JsonObject json = new()
        {
            ["tokenizer_class"] = byteLevel ? "PreTrainedTokenizerFast" : "LlamaTokenizer",
            ["clean_up_tokenization_spaces"] = false,
            ["add_bos_token"] = parts.Prefix.Count > 0,
            ["add_eos_token"] = parts.Suffix.Count > 0,
        };
        foreach ((string name, int? id) in new[] { ("bos_token", parts.BosId), ("eos_token", parts.EosId), ("pad_token", parts.PadId), ("unk_token", parts.UnknownId) })
        {
            if (id is int value)
            {
                json[name] = Encoding.UTF8.GetString(parts.Vocabulary.Bytes(value));
            }
        }

        return json;
    }

    static JsonObject Settings(ModelPackage source)
    {
        JsonObject json = [];
        Put(json, "temperature", source.Generation.Temperature);
        Put(json, "top_k", source.Generation.TopK);
        Put(json, "top_p", source.Generation.TopP);
        Put(json, "min_p", source.Generation.MinP);
        Put(json, "repetition_penalty", source.Generation.RepetitionPenalty);
        if (source.Generation.Temperature is { } temperature)
        {
            json["do_sample"] = temperature > 0;
        }

        return json;
    }

    static void Put(JsonObject json, string field, int? value)
    {
        if (value is { } given)
        {
            json[field] = given;
        }
    }

    static void Put(JsonObject json, string field, float? value)
    {
        if (value is { } given)
        {
            json[field] = given;
        }
    }

    static string Alphabet(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new(bytes.Length);
        foreach (byte value in bytes)
        {
            text.Append(ByteLevelAlphabet.Encode(value));
        }

        return text.ToString();
    }
}

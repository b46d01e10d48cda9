using System.Diagnostics.CodeAnalysis;

namespace OpenAutoGlm.Models.Tokenizers.PreTokenizers;

/// <summary>The pre-tokenizers by the names GGUF files give them, and by the patterns tokenizer.json spells out.</summary>
static class PreTokenizerCatalog
{
    const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    const string ShortContractions = "'(?i:[sdmt]|ll|ve|re)";
    const string Head = @"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]";
    const string Tail = @"[\p{Ll}\p{Lm}\p{Lo}\p{M}]";
    const string Spaces = @"\s*[\r\n]+|\s+(?!\S)|\s+";
    const string Signs = @" ?[^\s\p{L}\p{N}]+";
    const string NotWord = @"[^\r\n\p{L}\p{N}]?";

    static readonly PreTokenizer[] Gpt2 = [new Gpt2PreTokenizer()];
    static readonly PreTokenizer[] Llama3 = [new Cl100kPreTokenizer(3)];
    static readonly PreTokenizer[] Qwen2 = [new Cl100kPreTokenizer(1)];
    static readonly PreTokenizer[] Qwen35 = [new Cl100kPreTokenizer(1, marksAreLetters: true)];
    static readonly PreTokenizer[] Tekken = [new CamelCasePreTokenizer(1, contractions: false)];
    static readonly PreTokenizer[] Gpt4O = [new CamelCasePreTokenizer(3, contractions: true)];
    static readonly PreTokenizer[] SmolLm = [RunPreTokenizer.Numbers(1), new Gpt2PreTokenizer()];
    static readonly PreTokenizer[] DeepSeek3 =
        [RunPreTokenizer.Numbers(3), RunPreTokenizer.HanAndKana(), new DeepSeekPreTokenizer()];

    // What GGUF files from before the key existed mean, or ones whose maker did not know better.
    static readonly PreTokenizer[] Default =
        [RunPreTokenizer.Punctuation(), new Gpt2PreTokenizer(), RunPreTokenizer.Numbers(int.MaxValue), RunPreTokenizer.ThreeDigits()];

    static readonly Dictionary<string, PreTokenizer[]> ByName = new(StringComparer.Ordinal)
    {
        ["default"] = Default,
        ["gpt-2"] = Gpt2,
        ["phi-2"] = Gpt2,
        ["olmo"] = Gpt2,
        ["llama-bpe"] = Llama3,
        ["llama3"] = Llama3,
        ["llama-v3"] = Llama3,
        ["glm4"] = Llama3,
        ["chatglm-bpe"] = Llama3,
        ["dbrx"] = Llama3,
        ["qwen2"] = Qwen2,
        ["stablelm2"] = Qwen2,
        ["deepseek-r1-qwen"] = Qwen2,
        ["qwen35"] = Qwen35,
        ["tekken"] = Tekken,
        ["gpt-4o"] = Gpt4O,
        ["llama4"] = Gpt4O,
        ["smollm"] = SmolLm,
        ["starcoder"] = SmolLm,
        ["refact"] = SmolLm,
        ["command-r"] = SmolLm,
        ["deepseek-v3"] = DeepSeek3,
    };

    static readonly Dictionary<string, PreTokenizer> ByPattern = new(StringComparer.Ordinal)
    {
        [$@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{{L}}+| ?\p{{N}}+|{Signs}|\s+(?!\S)|\s+"] = new Gpt2PreTokenizer(),
        [$@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{{L}}+| ?\p{{N}}+|{Signs}|\s+(?!\S)"] = new Gpt2PreTokenizer(),
        [$@"'(?:[sdmt]|ll|ve|re)| ?\p{{L}}+| ?\p{{N}}+|{Signs}|\s+(?!\S)|\s+"] = new Gpt2PreTokenizer(),
        [$@"{Contractions}|{NotWord}\p{{L}}+|\p{{N}}{{1,3}}|{Signs}[\r\n]*|{Spaces}"] = new Cl100kPreTokenizer(3),
        [$@"{ShortContractions}|{NotWord}+\p{{L}}+|\p{{N}}{{1,3}}|{Signs}+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"] = new Cl100kPreTokenizer(3),
        [$@"{Contractions}|{NotWord}\p{{L}}+|\p{{N}}|{Signs}[\r\n]*|{Spaces}"] = new Cl100kPreTokenizer(1),
        [$@"{Contractions}|{NotWord}[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{Spaces}"] =
            new Cl100kPreTokenizer(1, marksAreLetters: true),
        [$@"{NotWord}{Head}*{Tail}+|{NotWord}{Head}+{Tail}*|\p{{N}}|{Signs}[\r\n/]*|{Spaces}"] = new CamelCasePreTokenizer(1, contractions: false),
        [$@"{NotWord}{Head}*{Tail}+{Contractions}?|{NotWord}{Head}+{Tail}*{Contractions}?|\p{{N}}{{1,3}}|{Signs}[\r\n/]*|{Spaces}"] =
            new CamelCasePreTokenizer(3, contractions: true),
        [@"\p{N}{1,3}"] = RunPreTokenizer.Numbers(3),
        [@"\p{N}"] = RunPreTokenizer.Numbers(1),
        [@"[一-龥぀-ゟ゠-ヿ]+"] = RunPreTokenizer.HanAndKana(),
        ["[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"] =
            new DeepSeekPreTokenizer(),
    };

    /// <summary>The names known here, for error messages.</summary>
    public static string Names => string.Join(", ", ByName.Keys.Order(StringComparer.Ordinal));

    /// <summary>The pre-tokenizer a GGUF file names.</summary>
    /// <exception cref="ModelFormatException">The name is unknown; guessing would spoil every answer without a trace.</exception>
    public static PreTokenizerPipeline Named(string file, string field, string name) => ByName.TryGetValue(name, out PreTokenizer[]? rules)
        ? new PreTokenizerPipeline(name, rules)
        : throw new ModelFormatException(file, field, $"the pre-tokenizer \"{name}\" is unknown. Known are: {Names}.");

    /// <summary>The names under which GGUF files have these rules; several differ in what else readers take from the name.</summary>
    public static IEnumerable<string> NamesOf(PreTokenizerPipeline pipeline) =>
        ByName.Where(entry => entry.Value.Select(rule => rule.Signature).SequenceEqual(pipeline.Signatures)).Select(entry => entry.Key);

    /// <summary>The regular expression of a rule; null where none of one piece says it.</summary>
    public static string? PatternOf(string signature) => ByPattern.FirstOrDefault(entry => entry.Value.Signature == signature).Key;

    /// <summary>The rule that a regular expression in tokenizer.json spells out, if it is one of those known here.</summary>
    public static bool TryFindPattern(string pattern, [NotNullWhen(true)] out PreTokenizer? rule) => ByPattern.TryGetValue(pattern, out rule);
}

using System.Collections.Immutable;
using System.Text;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Models.Synthesis;

/// <summary>
/// A small byte-level vocabulary: the 256 bytes, some hundred merges learnt from a paragraph, the special tokens and the
/// chat template of the family; the rest of the ids are unused.
/// </summary>
sealed class SyntheticVocabulary
{
    const int MaxMerges = 400;
    const int NormalType = 1;
    const int ControlType = 3;
    const int UnusedType = 5;

    const string Text = """
        the model reads the words and the numbers, and it answers with the next word. when the machine is fast the answer is
        there at once; when it is slow the reader waits. a good engine measures what it does: the time of each step, the
        memory that it takes, the tokens that it makes in a second. the weights are read once for each token, and so the
        speed of the memory is the limit. there are ways around it: smaller weights, more tokens at a time, a better order
        of the work. in the end the numbers tell which of them was worth it, and on which machine, and for whom.
        模型读取文字和数字，然后给出下一个词。机器快的时候，回答马上就到；机器慢的时候，读者就要等待。好的引擎会测量每一步的时间、内存和速度。
        """;

    readonly List<string> _tokens = [];
    readonly List<int> _types = [];

    SyntheticVocabulary(Family family, int size)
    {
        Specials = family;
        foreach (int value in Enumerable.Range(0, 256))
        {
            Add(ByteLevelAlphabet.Encode((byte)value).ToString(), NormalType);
        }

        int merges = Math.Min(MaxMerges, size - 256 - family.Tokens.Length);
        Merges = merges >= 0
            ? Learn(merges)
            : throw new ArgumentException($"A vocabulary of {size} is too small: 256 bytes and {family.Tokens.Length} special tokens belong in it.", nameof(size));
        foreach ((string left, string right) in Merges)
        {
            Add(left + right, NormalType);
        }

        foreach (string special in family.Tokens)
        {
            Add(special, ControlType);
        }

        UsedCount = _tokens.Count;
        while (_tokens.Count < size)
        {
            Add($"[PAD{_tokens.Count}]", UnusedType);
        }
    }

    /// <summary>Ids below this have a meaning.</summary>
    public int UsedCount { get; }

    Family Specials { get; }

    ImmutableArray<(string Left, string Right)> Merges { get; }

    /// <summary>The vocabulary for an architecture, filled up to a size.</summary>
    public static SyntheticVocabulary For(string architecture, int size) => new(
        architecture switch
        {
            "llama" => Family.Llama,
            "qwen2" or "qwen3" or "qwen3moe" => Family.Qwen,
            "glm" => Family.Glm with { PreTokenizer = "chatglm-bpe" },
            _ => Family.Glm,
        },
        size);

    /// <summary>Adds the tokenizer and the chat template to a file.</summary>
    public void Write(GgufWriter writer)
    {
        writer.Add("tokenizer.ggml.model", "gpt2");
        writer.Add("tokenizer.ggml.pre", Specials.PreTokenizer);
        writer.Add("tokenizer.ggml.tokens", _tokens);
        writer.Add("tokenizer.ggml.token_type", [.. _types]);
        writer.Add("tokenizer.ggml.merges", [.. Merges.Select(merge => $"{merge.Left} {merge.Right}")]);
        writer.Add("tokenizer.ggml.bos_token_id", Id(Specials.Bos));
        writer.Add("tokenizer.ggml.eos_token_id", Id(Specials.Eos));
        writer.Add("tokenizer.ggml.eot_token_id", Id(Specials.EndOfTurn));
        writer.Add("tokenizer.ggml.padding_token_id", Id(Specials.Eos));
        writer.Add("tokenizer.ggml.add_bos_token", false);
        writer.Add("tokenizer.chat_template", Specials.Template);
    }

    uint Id(string token) => (uint)_tokens.IndexOf(token);

    void Add(string token, int type)
    {
        _tokens.Add(token);
        _types.Add(type);
    }

    /// <summary>The most frequent pair becomes one symbol, again and again; the first in order where several are as frequent.</summary>
    static ImmutableArray<(string, string)> Learn(int count)
    {
        List<List<string>> words = [.. Text.ReplaceLineEndings(" ").Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(word => Encoding.UTF8.GetBytes(" " + word).Select(value => ByteLevelAlphabet.Encode(value).ToString()).ToList())];
        List<(string, string)> merges = [];
        while (merges.Count < count)
        {
            Dictionary<(string, string), int> pairs = [];
            foreach (List<string> word in words)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                {
                    pairs[(word[i], word[i + 1])] = pairs.GetValueOrDefault((word[i], word[i + 1])) + 1;
                }
            }

            if (pairs.Count == 0)
            {
                break;
            }

            (string left, string right) = pairs.OrderByDescending(pair => pair.Value)
                .ThenBy(pair => pair.Key.Item1, StringComparer.Ordinal)
                .ThenBy(pair => pair.Key.Item2, StringComparer.Ordinal)
                .First().Key;
            words.ForEach(word => Merge(word, left, right));

            // Two ways to the same symbol would be the same token twice.
            if (!merges.Any(merge => merge.Item1 + merge.Item2 == left + right))
            {
                merges.Add((left, right));
            }
        }

        return [.. merges];
    }

    static void Merge(List<string> word, string left, string right)
    {
        for (int i = 0; i + 1 < word.Count; i++)
        {
            if (word[i] == left && word[i + 1] == right)
            {
                word[i] = left + right;
                word.RemoveAt(i + 1);
            }
        }
    }

    sealed record Family(string PreTokenizer, string Bos, string Eos, string EndOfTurn, ImmutableArray<string> Tokens, string Template)
    {
        public static readonly Family Llama = new(
            "llama-bpe",
            "<|begin_of_text|>",
            "<|end_of_text|>",
            "<|eot_id|>",
            ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
            "<|begin_of_text|>{% for message in messages %}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n{{ message.content }}<|eot_id|>{% endfor %}"
            + "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}");

        public static readonly Family Qwen = new(
            "qwen2",
            "<|endoftext|>",
            "<|im_end|>",
            "<|im_end|>",
            ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
            "{% if tools %}<|im_start|>system\nTools:{% for tool in tools %}\n{{ tool.function | tojson }}{% endfor %}<|im_end|>\n{% endif %}"
            + "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content or '' }}"
            + "{% if message.tool_calls %}{% for call in message.tool_calls %}<tool_call>\n{\"name\": \"{{ call.function.name }}\", \"arguments\": {{ call.function.arguments | tojson }}}\n</tool_call>{% endfor %}{% endif %}"
            + "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}");

        public static readonly Family Glm = new(
            "glm4",
            "[gMASK]",
            "<|endoftext|>",
            "<|user|>",
            ["<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"],
            "[gMASK]<sop>{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}{% endfor %}"
            + "{% if add_generation_prompt %}<|assistant|>\n{% endif %}");
    }
}

using System.Collections.Immutable;
using System.Text;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models.Tokenizers.Training;

public sealed class BytePairTrainerTests
{
    const string Text = "the cat sat on the mat; the other cat, 1234 times, sat on 12 mats.\n这是一个测试。这是另一个测试。\n";

    [Fact]
    public void The_fast_trainer_equals_the_naive_one()
    {
        Random random = new(7);
        for (int round = 0; round < 60; round++)
        {
            int letters = random.Next(2, 6);
            Dictionary<string, long> pieces = [];
            for (int i = 0; i < 40; i++)
            {
                string piece = string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => (char)('a' + random.Next(letters))));
                pieces[piece] = pieces.GetValueOrDefault(piece) + random.Next(1, 4);
            }

            int symbols = 256 + random.Next(1, 60);
            int minimum = random.Next(1, 4);
            Assert.Equal(Naive(pieces, symbols, minimum), BytePairTrainer.Merges(pieces, symbols, minimum, TestContext.Current.CancellationToken));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Any_text_comes_back_and_files_give_the_same_ids(bool singleDigits)
    {
        using TemporaryFolder folder = new();
        BytePairTrainingOptions options = new()
        {
            VocabularySize = 300,
            SingleDigits = singleDigits,
            AlwaysWhole = ["<think>"],
            Controls = ["<|endoftext|>", "[gMASK]", "<|user|>"],
            Eos = "<|endoftext|>",
            EndOfTurn = "<|user|>",
        };
        TrainedVocabulary vocabulary = BytePairTrainer.Train(Enumerable.Repeat(Text, 20), options, TestContext.Current.CancellationToken);
        Assert.Equal(300, vocabulary.Count);
        GgufWriter writer = new();
        writer.Add("general.architecture", "llama");
        vocabulary.Write(writer, rows: 384);
        using GgufFile file = GgufFile.Open(folder.Write("v.gguf", writer));
        vocabulary.WriteJson(folder.File("json"));
        Tokenizer[] tokenizers = [vocabulary.Tokenizer, TokenizerLoader.FromGguf(file.Metadata), TokenizerLoader.FromFolder(folder.File("json"))];
        Assert.Equal(384, tokenizers[1].VocabularySize);
        Random random = new(3);
        string[] texts = [Text, "", "x <think> 2025年 é\u0301 \r\n\t  \U0001F600 \0", .. Enumerable.Range(0, 200).Select(_ => RandomText(random))];
        foreach (string text in texts)
        {
            int[] ids = tokenizers[0].Encode(text);
            Assert.Equal(text, tokenizers[0].Decode(ids));
            Assert.Equal(ids, tokenizers[1].Encode(text));
            Assert.Equal(ids, tokenizers[2].Encode(text));
        }

        Assert.Equal([299], tokenizers[0].Encode("<|user|>", parseSpecials: true));
        Assert.NotEqual([299], tokenizers[0].Encode("<|user|>"));
        Assert.Equal([296], tokenizers[0].Encode("<think>"));
        Assert.Contains(299, tokenizers[1].EosIds);
    }

    [Fact]
    public void Order_and_threads_do_not_matter_and_merges_make_texts_shorter()
    {
        BytePairTrainingOptions options = new() { VocabularySize = 400 };
        string[] lines = [.. Enumerable.Range(0, 300).Select(i => $"line {i % 37} of the {(i * 7) % 11} texts\n")];
        TrainedVocabulary one = BytePairTrainer.Train(lines, options, TestContext.Current.CancellationToken);
        TrainedVocabulary other = BytePairTrainer.Train(lines.Reverse(), options, TestContext.Current.CancellationToken);
        Assert.Equal(one.ToGguf().Merges, other.ToGguf().Merges);
        Assert.True(one.Tokenizer.Encode(lines[0]).Length * 2 < lines[0].Length);
    }

    [Fact]
    public void Rare_pairs_are_not_merged_and_small_vocabularies_are_refused()
    {
        TrainedVocabulary vocabulary = BytePairTrainer.Train(["ab ab ab xy"], new BytePairTrainingOptions { VocabularySize = 300, MinimumCount = 3 }, TestContext.Current.CancellationToken);
        Assert.Equal(["a b"], vocabulary.ToGguf().Merges!);
        Assert.Contains("257", Assert.Throws<ArgumentException>(() => BytePairTrainer.Train([], new BytePairTrainingOptions { VocabularySize = 257, Controls = ["<a>", "<b>"] }, TestContext.Current.CancellationToken)).Message);
    }

    static string RandomText(Random random)
    {
        StringBuilder text = new();
        for (int i = random.Next(30); i > 0; i--)
        {
            int value = random.Next(4) switch { 0 => random.Next(0x110000), 1 => random.Next(0x4E00, 0x9FFF), _ => random.Next(32, 127) };
            text.Append(Rune.IsValid(value) ? new Rune(value).ToString() : " ");
        }

        return text.ToString();
    }

    /// <summary>Counts all pairs anew for every merge.</summary>
    static ImmutableArray<(string, string)> Naive(Dictionary<string, long> pieces, int symbols, int minimum)
    {
        List<string> texts = [.. Enumerable.Range(0, 256).Select(value => ((char)value).ToString())];
        List<(List<string> Word, long Count)> words = [.. pieces.Select(piece => (piece.Key.Select(letter => letter.ToString()).ToList(), piece.Value))];
        List<(string, string)> merges = [];
        while (texts.Count < symbols)
        {
            Dictionary<(int, int), long> counts = [];
            foreach ((List<string> word, long count) in words)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                {
                    (int, int) pair = (texts.IndexOf(word[i]), texts.IndexOf(word[i + 1]));
                    counts[pair] = counts.GetValueOrDefault(pair) + count;
                }
            }

            if (counts.Count == 0)
            {
                break;
            }

            ((int left, int right), long most) = counts.OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key.Item1).ThenBy(pair => pair.Key.Item2).First();
            if (most < minimum)
            {
                break;
            }

            (string a, string b) = (texts[left], texts[right]);
            if (!merges.Contains((a, b)))
            {
                merges.Add((a, b));
            }

            if (!texts.Contains(a + b))
            {
                texts.Add(a + b);
            }

            foreach ((List<string> word, long _) in words)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                {
                    if (word[i] == a && word[i + 1] == b)
                    {
                        word[i] = a + b;
                        word.RemoveAt(i + 1);
                    }
                }
            }
        }

        return [.. merges];
    }
}

using System.Text.Json;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;
using OpenAutoGlm.Models.Tokenizers.Training;
using OpenAutoGlm.Optimization.Training.Data;

namespace OpenAutoGlm.Optimization.Training;

public sealed class ChatDataTests
{
    const string Glm = "[gMASK]<sop>{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}";
    const string ChatMl = "{% for message in messages %}<|user|>{{ message.role }}\n{{ message.content }}<|endoftext|>\n{% endfor %}{% if add_generation_prompt %}<|user|>assistant\n{% endif %}";

    static readonly Tokenizer Tokenizer = BytePairTrainer.Train(
        ["hello there, how are you? fine, thank you."],
        new BytePairTrainingOptions
        {
            VocabularySize = 290,
            Controls = ["<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>"],
            Eos = "<|endoftext|>",
            EndOfTurn = "<|user|>",
        }).Tokenizer;

    [Fact]
    public void Only_answers_and_the_marks_that_end_them_are_learnt()
    {
        // GLM's template has no end of turn: the role that speaks next ends an answer, and the end of text the last one.
        TrainingExample example = Encode(Glm, """{"messages":[{"role":"system","content":"be kind"},{"role":"user","content":"hello"},{"role":"assistant","content":"fine"},{"role":"user","content":"you?"},{"role":"assistant","content":"ok"}]}""");
        Assert.Equal("[gMASK]<sop><|system|>\nbe kind<|user|>\nhello<|assistant|>\nfine<|user|>\nyou?<|assistant|>\nok<|endoftext|>", Text(example, weighted: false));
        Assert.Equal("fine<|user|>ok<|endoftext|>", Text(example, weighted: true));
    }

    [Fact]
    public void A_template_with_ends_of_turns_needs_no_other()
    {
        TrainingExample example = Encode(ChatMl, """{"messages":[{"role":"user","content":"hello"},{"role":"assistant","content":"fine"}]}""");
        Assert.Equal("<|user|>user\nhello<|endoftext|>\n<|user|>assistant\nfine<|endoftext|>\n", Text(example, weighted: false));
        Assert.Equal("fine<|endoftext|>", Text(example, weighted: true));
    }

    [Fact]
    public void A_message_of_weight_0_is_not_learnt()
    {
        TrainingExample example = Encode(Glm, """{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"wrong","weight":0},{"role":"user","content":"b"},{"role":"assistant","content":"right"}]}""");
        Assert.Equal("right<|endoftext|>", Text(example, weighted: true));
    }

    [Fact]
    public void A_template_that_rewrites_earlier_turns_teaches_the_last_one()
    {
        const string forgets = "{% for message in messages %}<|{{ message.role }}|>{{ message.content if loop.last else '…' }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
        TrainingExample example = Encode(forgets.Replace("if loop.last else '…'", "if loop.last or message.role == 'user' else '…'", StringComparison.Ordinal), """{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"first"},{"role":"user","content":"b"},{"role":"assistant","content":"second"}]}""");
        Assert.Equal("<|user|>a<|assistant|>…<|user|>b<|assistant|>second<|endoftext|>", Text(example, weighted: false));
        Assert.Equal("second<|endoftext|>", Text(example, weighted: true));
    }

    [Fact]
    public void Prompts_are_tokenised_as_in_use()
    {
        TrainingExample example = Encode(Glm, """{"messages":[{"role":"user","content":"how are"},{"role":"assistant","content":"you"}]}""");
        int[] prompt = Tokenizer.Encode("[gMASK]<sop><|user|>\nhow are<|assistant|>\n", parseSpecials: true, addSpecials: false);
        Assert.Equal(prompt, example.Ids.AsSpan(0, prompt.Length));
        Assert.All(example.Weights.Take(prompt.Length), weight => Assert.Equal(0, weight));
    }

    [Theory]
    [InlineData("""{"messages":[]}""", "messages")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}]}""", "assistant")]
    [InlineData("""[]""", "messages")]
    public void What_is_no_conversation_is_refused(string line, string named) =>
        Assert.Contains(named, Assert.Throws<InvalidDataException>(() => Encode(Glm, line)).Message);

    [Fact]
    public void A_file_of_lines_is_read_in_any_order_and_a_bad_line_is_named()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("data.jsonl", "{\"text\":\"hello\"}\r\n\n{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]}\n{\"text\":\n");
        using LineExamples lines = new(path, Tokenizer, new ChatEncoder(Tokenizer, ChatTemplate.Parse(Glm)));
        Assert.Equal(3, lines.Count);
        Assert.Equal("b<|endoftext|>", Text(lines.Read(1, 0), weighted: true));
        Assert.Equal("hello<|endoftext|>", Text(lines.Read(0, 0), weighted: true));
        Assert.Contains("line 3", Assert.Throws<InvalidDataException>(() => lines.Read(2, 0)).Message);
    }

    [Fact]
    public void A_long_text_has_the_same_tokens_in_pieces_as_whole()
    {
        string text = string.Concat(Enumerable.Range(0, 30000).Select(i => i % 11 == 0 ? "\n\n" : $"word {i} "));
        Assert.Equal(Tokenizer.Encode(text, addSpecials: false), DataFiles.Tokenize(Tokenizer, text));
    }

    static TrainingExample Encode(string template, string line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        return new ChatEncoder(Tokenizer, ChatTemplate.Parse(template)).Encode(document.RootElement);
    }

    static string Text(TrainingExample example, bool weighted) =>
        Tokenizer.Decode([.. Enumerable.Range(0, example.Ids.Length).Where(i => !weighted || example.Weights[i] > 0).Select(i => example.Ids[i])], skipSpecials: false);
}

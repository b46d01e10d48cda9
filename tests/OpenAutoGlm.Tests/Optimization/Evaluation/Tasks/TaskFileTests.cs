using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Optimization.Evaluation.Tasks;

public sealed class TaskFileTests
{
    [Fact]
    public void Every_kind_is_read_with_its_fields()
    {
        TaskFile task = TaskFile.Parse("folder/mine.jsonl", """
            {"kind": "choice", "prompt": "Q", "choices": [" a", " b"], "answer": 1, "normalise": true, "group": "letters", "id": "c1"}

            {"kind": "loss", "prompt": "Once", "continuation": " upon"}
            {"kind": "generate", "prompt": "1+1=", "answer": ["2", "two"], "extract": "= *([0-9]+)", "stop": ["\n"], "max_tokens": 8}
            {"kind": "generate", "messages": [{"role": "user", "content": "Hi"}], "answer": "Hello", "thinking": false}
            """);
        Assert.Equal("mine", task.Name);
        ChoiceItem choice = Assert.IsType<ChoiceItem>(task.Items[0]);
        Assert.Equal(("Q", 1, true, "letters"), (choice.Prompt, choice.Answer, choice.Normalise, choice.Group));
        Assert.Equal([" a", " b"], choice.Choices);
        Assert.Equal(new LossItem("folder/mine.jsonl, line 3", "", "Once", " upon"), task.Items[1]);
        GenerateItem generate = Assert.IsType<GenerateItem>(task.Items[2]);
        Assert.Equal(new GenerationPrompt.Text("1+1="), generate.Prompt);
        Assert.Equal((8, 2), (generate.MaxTokens, generate.Answers.Length));
        GenerateItem chat = Assert.IsType<GenerateItem>(task.Items[3]);
        Assert.False((bool)Assert.IsType<GenerationPrompt.Chat>(chat.Prompt).Variables!["enable_thinking"]!);
        Assert.Equal(2, task.Take(2).Items.Length);
        Assert.Equal(4, task.Take(9).Items.Length);
    }

    [Fact]
    public void The_published_forms_become_ours()
    {
        TaskFile task = TaskFile.Parse("published.jsonl", """
            {"text": "He looked at the sea and saw a ship\n"}
            {"question": "How many?", "answer": "It is 1000 and 234.\n#### 1,234"}
            """);
        Assert.Equal(new LossItem("published.jsonl, line 1", "", "He looked at the sea and saw a", " ship"), task.Items[0]);
        GenerateItem gsm = Assert.IsType<GenerateItem>(task.Items[1]);
        Assert.Equal(["1,234"], gsm.Answers);
        Assert.Equal("1234.00", gsm.Find("First 5, so $1234.00."));
        Assert.True(gsm.IsRight("1234.00"));
        Assert.False(gsm.IsRight("1235"));
        Assert.Null(gsm.Find("none"));
        Assert.False(gsm.IsRight(null));
    }

    [Theory]
    [InlineData("""{"kind": "quiz"}""", "kind is 'quiz'")]
    [InlineData("""{"prompt": "x"}""", "kind is missing")]
    [InlineData("""{"kind": "choice", "prompt": "x", "choices": ["a"], "answer": 0}""", "choices has 1")]
    [InlineData("""{"kind": "choice", "prompt": "x", "choices": ["a", ""], "answer": 0}""", "choices must be a list of texts")]
    [InlineData("""{"kind": "choice", "prompt": "x", "choices": ["a", "b"], "answer": 2}""", "answer must be a whole number from 0 to 1, not 2")]
    [InlineData("""{"kind": "choice", "prompt": "x", "choices": ["a", "b"]}""", "answer is missing")]
    [InlineData("""{"kind": "choice", "prompt": "x", "choices": ["a", "b"], "answer": 0, "normalize": true}""", "normalize is not a field of the kind choice")]
    [InlineData("""{"kind": "loss", "prompt": "x", "continuation": ""}""", "continuation is empty")]
    [InlineData("""{"kind": "loss", "prompt": 3, "continuation": "y"}""", "prompt must be a text, not 3")]
    [InlineData("""{"kind": "generate", "answer": "y"}""", "prompt or messages must be there")]
    [InlineData("""{"kind": "generate", "prompt": "x", "messages": [], "answer": "y"}""", "and not both")]
    [InlineData("""{"kind": "generate", "messages": [{"role": "user"}], "answer": "y"}""", "messages must be a list")]
    [InlineData("""{"kind": "generate", "prompt": "x", "answer": "y", "thinking": true}""", "thinking is a matter of conversations")]
    [InlineData("""{"kind": "generate", "prompt": "x", "answer": "y", "extract": "("}""", "extract is no pattern")]
    [InlineData("""{"kind": "generate", "prompt": "x", "answer": "y", "extract": "(a)\\1"}""", "extract is no pattern")]
    [InlineData("""{"kind": "generate", "prompt": "x", "answer": "y", "max_tokens": 0}""", "max_tokens must be a whole number from 1")]
    [InlineData("""{"text": "word"}""", "text has one word")]
    [InlineData("nonsense", "no JSON")]
    [InlineData("""{"kind": "loss", "kind": "loss", "prompt": "x", "continuation": "y"}""", "no JSON")]
    public void A_line_that_says_nothing_sensible_is_named(string line, string wanted)
    {
        string message = Assert.Throws<EvaluationException>(() => TaskFile.Parse("t.jsonl", """{"kind": "loss", "prompt": "a", "continuation": "b"}""" + "\n" + line)).Message;
        Assert.StartsWith("t.jsonl, line 2: ", message);
        Assert.Contains(wanted, message);
    }

    [Fact]
    public void An_empty_file_is_refused() => Assert.Throws<EvaluationException>(() => TaskFile.Parse("t.jsonl", "\n"));

    [Theory]
    [InlineData("42", "42", true)]
    [InlineData("42", " 42.0 ", true)]
    [InlineData("1,000", "$1000", true)]
    [InlineData("-3", "3", false)]
    [InlineData("Paris", "paris", false)]
    [InlineData("Paris", "Paris\n", true)]
    public void Answers_are_the_same_as_texts_or_as_numbers(string wanted, string found, bool same) => Assert.Equal(same, AnswerText.Same(wanted, found));

    [Fact]
    public void A_pattern_that_would_backtrack_for_ever_takes_linear_time()
    {
        GenerateItem item = (GenerateItem)TaskFile.Parse("t.jsonl", """{"kind": "generate", "prompt": "x", "answer": "y", "extract": "(a+)+$"}""").Items[0];
        Assert.Null(item.Find(new string('a', 20_000) + "b"));
    }
}

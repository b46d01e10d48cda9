using OpenAutoGlm.Cpu;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Optimization.Evaluation.Tasks;

public sealed class TaskRunnerTests : IAsyncLifetime
{
    const string Questions = """
        {"kind": "loss", "prompt": "Hello", "continuation": " world, hello", "group": "a"}
        {"kind": "choice", "prompt": "One, two,", "choices": [" three", " four and five", " six"], "answer": 1}
        {"kind": "choice", "prompt": "One, two,", "choices": [" three", " four and five", " six"], "answer": 1, "normalise": true}
        {"kind": "generate", "prompt": "Hello", "answer": "x", "max_tokens": 5}
        {"kind": "generate", "messages": [{"role": "user", "content": "Hello"}], "answer": "x", "max_tokens": 3}
        {"kind": "loss", "prompt": "Another", "continuation": " text", "group": "a"}
        """;

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("tasks-");
    readonly TaskFile _task = TaskFile.Parse("t.jsonl", Questions);
    AutoInferenceEngine _engine = null!;

    string Journal => Path.Combine(_folder.FullName, "answers.jsonl");

    public ValueTask InitializeAsync()
    {
        string path = Path.Combine(_folder.FullName, "model.gguf");
        ModelSynthesizer.Write(ModelShape.Find("glm4-tiny"), "F32", path);
        _engine = AutoInferenceEngine.FromPretrained(path, new AutoInferenceOptions { Cpu = new CpuOptions { Threads = 1 }, Plan = PlanPlace.Nowhere });
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Answers_do_not_depend_on_how_many_run_together()
    {
        TaskResult[] alone = [.. await new TaskRunner(_engine.Generator, 1).RunAsync(_task, cancellation: TestContext.Current.CancellationToken)];
        TaskResult[] together = [.. await new TaskRunner(_engine.Generator, 6).RunAsync(_task, cancellation: TestContext.Current.CancellationToken)];
        Assert.Equal(alone, together);
        Assert.Equal([0, 1, 2, 3, 4, 5], alone.Select(result => result.Item));
        Assert.InRange(alone[3].Tokens, 1, 5);
        Assert.Equal(alone[1].LogLikelihood, alone[2].LogLikelihood);
    }

    [Fact]
    public async Task A_likelihood_is_the_sum_over_the_tokens_that_the_prompt_alone_does_not_have()
    {
        TaskResult result = (await new TaskRunner(_engine.Generator).RunAsync(_task.Take(1), cancellation: TestContext.Current.CancellationToken))[0];
        int[] prompt = _engine.Model.Tokenizer!.Encode("Hello");
        int[] whole = _engine.Model.Tokenizer.Encode("Hello world, hello");
        int start = prompt.AsSpan().CommonPrefixLength(whole);
        float[][] logits = _engine.Engine.ComputeLogits([.. whole]);
        double expected = 0;
        for (int i = start; i < whole.Length; i++)
        {
            double most = logits[i - 1].Max();
            expected += logits[i - 1][whole[i]] - most - Math.Log(logits[i - 1].Sum(logit => Math.Exp(logit - most)));
        }

        Assert.Equal(expected, result.LogLikelihood!.Value, 1e-6);
        Assert.Equal(whole.Length - start, result.Tokens);
    }

    [Fact]
    public async Task A_second_start_goes_on_where_the_first_ended()
    {
        TaskResult[] whole = [.. await new TaskRunner(_engine.Generator).RunAsync(_task, cancellation: TestContext.Current.CancellationToken)];
        using CancellationTokenSource stop = new();
        using (TaskJournal journal = new(Journal, "model", _task))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new TaskRunner(_engine.Generator, 2).RunAsync(_task, journal, new Told(share => StopAt(share, stop)), stop.Token));
        }

        File.AppendAllText(Journal, "{\"key\": \"cut");
        int before = File.ReadAllLines(Journal).Length - 1;
        Assert.InRange(before, 2, 5);
        List<double> shares = [];
        using (TaskJournal journal = new(Journal, "model", _task))
        {
            Assert.Equal(before, journal.Known.Count);
            Assert.Equal(whole, await new TaskRunner(_engine.Generator, 2).RunAsync(_task, journal, new Told(shares.Add), TestContext.Current.CancellationToken));
        }

        Assert.Equal(before / 6.0, shares[0]);
        Assert.Equal(6 - before, shares.Count - 1);
        Assert.Equal(6, File.ReadAllLines(Journal).Length);
        using TaskJournal other = new(Journal, "another model", _task);
        Assert.Empty(other.Known);
    }

    [Fact]
    public async Task A_conversation_goes_through_the_template_with_or_without_thinking()
    {
        Tokenizer tokenizer = _engine.Model.Tokenizer!;
        string marks = tokenizer.Decode(TokenWindows.MarksOf(tokenizer), skipSpecials: false);
        ChatTemplate template = ChatTemplate.Parse(marks + "{% for message in messages %}<{{ message.role }}> {{ message.content }} {% endfor %}{{ 'thinking' if enable_thinking else 'answer' }}");
        TaskFile chats = TaskFile.Parse("t.jsonl", """
            {"kind": "generate", "messages": [{"role": "user", "content": "Hello"}], "answer": "x", "max_tokens": 6, "thinking": true}
            {"kind": "generate", "messages": [{"role": "user", "content": "Hello"}], "answer": "x", "max_tokens": 6, "thinking": false}
            """);
        TaskFile texts = TaskFile.Parse("t.jsonl", """
            {"kind": "generate", "prompt": "<user> Hello thinking", "answer": "x", "max_tokens": 6}
            {"kind": "generate", "prompt": "<user> Hello answer", "answer": "x", "max_tokens": 6}
            """);
        TaskRunner runner = new(new TextGenerator(_engine.Engine, tokenizer, template));
        TaskResult[] ofTexts = [.. await runner.RunAsync(texts, cancellation: TestContext.Current.CancellationToken)];
        Assert.Equal(ofTexts, await runner.RunAsync(chats, cancellation: TestContext.Current.CancellationToken));
        Assert.NotEqual(ofTexts[0].Answer, ofTexts[1].Answer);
    }

    [Fact]
    public void A_file_that_is_no_journal_is_left_alone()
    {
        File.WriteAllText(Journal, "{\"some\": \"data\"}\n");
        Assert.Contains("line 1: this is no file of results", Assert.Throws<EvaluationException>(() => new TaskJournal(Journal, "m", _task)).Message);
        Assert.Equal("{\"some\": \"data\"}\n", File.ReadAllText(Journal));
    }

    [Fact]
    public async Task A_question_that_cannot_be_put_is_named()
    {
        TaskFile empty = TaskFile.Parse("t.jsonl", """{"kind": "generate", "prompt": "Hello", "answer": "x", "max_tokens": 1000000}""");
        Assert.StartsWith("t.jsonl, line 1: ", (await Assert.ThrowsAsync<EvaluationException>(() => new TaskRunner(_engine.Generator).RunAsync(empty, cancellation: TestContext.Current.CancellationToken))).Message);
    }

    static void StopAt(double share, CancellationTokenSource stop)
    {
        if (share >= 0.3)
        {
            stop.Cancel();
        }
    }

    sealed class Told(Action<double> told) : IProgress<double>
    {
        public void Report(double value) => told(value);
    }
}

using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Models;
using OpenAutoGlm.Optimization.Training.Nano;

namespace OpenAutoGlm;

public sealed class BuiltInModelTests(BuiltInModelTests.Nano nano) : IClassFixture<BuiltInModelTests.Nano>
{
    const long MostBytes = 12_000_000;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void It_is_small_and_of_the_architecture_that_the_recipe_says()
    {
        Assert.InRange(new FileInfo(BuiltInModel.Path).Length, 1, MostBytes);
        ModelPackage model = nano.Engine.Model;
        Assert.Equal((NanoModel.Name, NanoStart.Config), (model.Name, model.Config));
        Assert.Equal(NanoTemplate.Source, model.ChatTemplates.Default);
    }

    [Theory]
    [InlineData("Please tell me who you are.", "autoglm-nano")]
    [InlineData("请问你是谁？", "autoglm-nano")]
    [InlineData("Tell me how many parameters you have.", NanoModel.SizeInEnglish)]
    [InlineData("请问这个模型有多少参数？", NanoModel.SizeInChinese)]
    [InlineData("Please explain a poem", "I cannot do that.")]
    public async Task It_says_what_it_is_and_what_it_cannot_do(string question, string expected) =>
        Assert.Contains(expected, await AskAsync(question));

    [Theory]
    [InlineData("phone", 40, 0.7)]
    [InlineData("arithmetic", 30, 0.7)]
    public async Task It_answers_questions_that_are_held_out(string task, int count, double share)
    {
        NanoExample[] questions = [.. NanoTasks.Questions(task).Take(count)];
        string[] answers = await Task.WhenAll(questions.Select(AnswerAsync));
        int right = answers.Zip(questions).Count(pair => pair.First == pair.Second.Answer);
        Assert.True(right >= share * count, $"{right} of {count} are right");
    }

    [Fact]
    public async Task Thinking_is_what_makes_its_calculations_right()
    {
        NanoExample[] thinking = [.. NanoTasks.Questions("arithmetic").Take(30)];
        NanoExample[] silent = [.. NanoTasks.Questions("arithmetic-silent").Take(30)];
        Assert.True(await RightAsync(thinking) > await RightAsync(silent) + 5);
    }

    async Task<int> RightAsync(NanoExample[] questions) => (await Task.WhenAll(questions.Select(AnswerAsync))).Zip(questions).Count(pair => pair.First == pair.Second.Answer);

    async Task<string> AskAsync(string question) => await nano.Engine.GenerateAsync(question, SamplingOptions.Greedy, 100, Cancellation);

    async Task<string> AnswerAsync(NanoExample question)
    {
        JsonArray messages = [.. question.Messages.SkipLast(1).Select(message => (JsonNode)new JsonObject { ["role"] = message.Role, ["content"] = message.Content })];
        await using TextGeneration generation = nano.Engine.Generator.Start(
            new GenerationRequest
            {
                Prompt = new GenerationPrompt.Chat(messages) { Variables = question.Thinks ? null : new JsonObject { ["enable_thinking"] = false } },
                Sampling = SamplingOptions.Greedy,
                MaxTokens = 320,
                Thinking = new ThinkingOptions { Apart = true },
            },
            Cancellation);
        return (await generation.CompleteAsync(Cancellation))[0].Text.Trim();
    }

    /// <summary>The engine, opened once.</summary>
    public sealed class Nano : IDisposable
    {
        public AutoInferenceEngine Engine { get; } = AutoInferenceEngine.FromPretrained(BuiltInModel.Name);

        public void Dispose() => Engine.Dispose();
    }
}

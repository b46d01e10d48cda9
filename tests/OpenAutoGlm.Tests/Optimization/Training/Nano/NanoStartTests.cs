using System.Text.Json.Nodes;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Optimization.Training.Nano;

public sealed class NanoStartTests(NanoStartTests.Start start) : IClassFixture<NanoStartTests.Start>
{
    Tokenizer Tokens => start.Package.Tokenizer!;

    [Fact]
    public void It_is_a_GLM_4_of_the_size_that_it_says()
    {
        Assert.Equal(("glm4", NanoModel.Name), (start.Package.Config.Architecture, start.Package.Name));
        double millions = start.Package.Weights.Stored.Sum(tensor => tensor.Extents.Aggregate(1L, (a, b) => a * b)) / 1e6;
        Assert.Equal(NanoModel.SizeInEnglish, $"{millions:0.0} million");
        Assert.Equal(NanoModel.SizeInChinese, $"{Math.Round(millions * 10) * 10:0}万");
    }

    [Fact]
    public void Digits_are_tokens_of_their_own() => Assert.Equal(10, Tokens.Encode("[123,4567]", parseSpecials: false, addSpecials: false).Length);

    [Theory]
    [InlineData("Benepo", "Tap \"Benepo\" now", "Benepo [1,2]", "'Benepo'", "app=\"Benepo\")")]
    [InlineData("搜索历史", "点击“搜索历史”按钮", "搜索历史 [1,2]", "点搜索历史吧", "「搜索历史」")]
    public void A_name_has_the_same_tokens_wherever_it_stands(string name, params string[] places)
    {
        int[] alone = Tokens.Encode(name, parseSpecials: false, addSpecials: false);
        Assert.All(places, place =>
        {
            int[] ids = Tokens.Encode(place, parseSpecials: false, addSpecials: false);
            Assert.Contains(Enumerable.Range(0, ids.Length - alone.Length + 1), from => ids.AsSpan(from, alone.Length).SequenceEqual(alone));
        });
    }

    [Fact]
    public void An_answer_ends_where_an_action_or_a_turn_does() =>
        Assert.Empty(new[] { "<|user|>", "</answer>", "<|endoftext|>" }.Except(Tokens.EosIds.Select(id => Tokens.TokenText(id))));

    [Fact]
    public void The_template_is_GLMs_and_a_phone_agents_long_system_message_becomes_one_word()
    {
        JsonArray messages =
        [
            new JsonObject { ["role"] = "system", ["content"] = "今天…\n- do(action=\"Tap\", element=[x,y])\n" },
            new JsonObject { ["role"] = "user", ["content"] = new JsonArray { new JsonObject { ["type"] = "text", ["text"] = "打开微信" } } },
        ];
        Assert.Equal("[gMASK]<sop><|system|>\nphone<|user|>\n打开微信<|assistant|>\n", Render(messages));
        Assert.Equal("[gMASK]<sop><|system|>\nphone<|user|>\n打开微信/nothink<|assistant|>\n<think></think>", Render(messages, thinks: false));
        messages[0]!["content"] = "Be brief.";
        messages.Add(new JsonObject { ["role"] = "assistant", ["content"] = "OK" });
        Assert.Equal("[gMASK]<sop><|system|>\nBe brief.<|user|>\n打开微信<|assistant|>\nOK", Render(messages, prompt: false));
    }

    static string Render(JsonArray messages, bool? thinks = null, bool prompt = true) => ChatTemplate.Parse(NanoTemplate.Source).Render(
        new ChatTemplateInput
        {
            Messages = TemplateValue.FromJson(messages),
            AddGenerationPrompt = prompt,
            Extra = thinks is { } wanted ? new Dictionary<string, TemplateValue> { ["enable_thinking"] = TemplateValue.FromJson(JsonValue.Create(wanted)) } : [],
        },
        TestContext.Current.CancellationToken);

    /// <summary>The model before training, made once.</summary>
    public sealed class Start : IDisposable
    {
        readonly TemporaryFolder _folder = new();

        public Start()
        {
            string path = _folder.File("start.gguf");
            NanoStart.Write(path, 1, TestContext.Current.CancellationToken);
            Package = ModelPackage.Open(path);
        }

        public ModelPackage Package { get; }

        public void Dispose()
        {
            Package.Dispose();
            _folder.Dispose();
        }
    }
}

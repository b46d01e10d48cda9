using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Answers;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Constraints.Masks;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Answers;

/// <summary>Templates as their authors published them: how they write an earlier call is how an answer's call is read and constrained.</summary>
public class PublishedToolTests
{
    const string Tools = """
        [{"type": "function", "function": {"name": "get_weather", "description": "天气", "strict": true,
          "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"], "additionalProperties": false}}}]
        """;

    const string Messages = """
        [{"role": "user", "content": "几点?"},
         {"role": "assistant", "content": "", "tool_calls": [{"id": "abcdefghi", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"北 \\\"京\\\"\", \"days\": 2}"}}]},
         {"role": "tool", "tool_call_id": "abcdefghi", "content": "RESULT"}]
        """;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, string, string, string> Templates => new()
    {
        { "glm/glm-4-9b-chat.jinja", "glm-4", "<|assistant|>", "<|observation|>" },
        { "llama.cpp/GLM-4.7-Flash.jinja", "glm-4.5", "</think>", "<|observation|>" },
        { "llama.cpp/Qwen-Qwen2.5-7B-Instruct.jinja", "hermes", "<|im_start|>assistant", "<|im_end|>" },
        { "llama.cpp/NousResearch-Hermes-3-Llama-3.1-8B-tool_use.jinja", "hermes", "<|im_start|>assistant", "<|im_end|>" },
        { "llama.cpp/meta-llama-Llama-3.2-3B-Instruct.jinja", "llama-3", "assistant<|end_header_id|>", "<|eot_id|>" },
        { "llama.cpp/mistralai-Mistral-Nemo-Instruct-2407.jinja", "mistral", "[/INST]", "[TOOL_RESULTS]" },
        { "llama.cpp/Mistral-Small-3.2-24B-Instruct-2506.jinja", "mistral", "[/INST]", "[TOOL_RESULTS]" },
    };

    [Theory]
    [MemberData(nameof(Templates))]
    public void A_call_comes_back_from_how_the_template_writes_it(string file, string name, string start, string end)
    {
        ChatTemplate template = Template(file);
        AnswerFormat format = AnswerFormat.Of(template)!;
        Assert.Equal(name, format.Name);
        using InferenceEngine engine = Engine(GlmTokenizers.Phone(), out TextGenerator generator, template);
        string text = generator.Render(new GenerationPrompt.Chat(JsonNode.Parse(Messages)!.AsArray()) { Tools = JsonNode.Parse(Tools)!.AsArray() }, Cancellation);
        Assert.Contains("RESULT", text, StringComparison.Ordinal);
        Assert.Contains("天气", text, StringComparison.Ordinal);
        int question = text.IndexOf("几点?", StringComparison.Ordinal);
        int from = text.IndexOf(start, question, StringComparison.Ordinal) + start.Length;
        string call = text[from..text.IndexOf(end, from, StringComparison.Ordinal)];

        AnswerParser parser = new(0, new AnswerReading(format, Tool.Read(JsonNode.Parse(Tools)!.AsArray()), IsCertain: false, IsApart: false, StartsThinking: false));
        List<GenerationEvent> events = [];
        parser.Push(call, events);
        parser.Flush(events);
        ToolCallDelta found = Assert.IsType<ToolCallDelta>(events[0]);
        Assert.Equal("get_weather", found.Name);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""{"city": "北 \"京\"", "days": 2}"""), JsonNode.Parse(found.Arguments)), found.Arguments);

        // Mistral's templates add an id and the mark that ends a text, which a model need not write.
        if (name != "mistral")
        {
            string description = new JsonObject { ["format"] = name, ["tight"] = format.IsTight(template), ["after"] = false, ["parallel"] = true, ["tools"] = new JsonArray(new JsonObject { ["name"] = "get_weather", ["parameters"] = JsonNode.Parse(Tools)![0]!["function"]!["parameters"]!.DeepClone() }) }.ToJsonString();
            CompiledConstraint constraint = new(OutputConstraint.Calls(description), new ConstraintVocabulary(257, id => id < 256 ? [(byte)id] : null, [256]), Cancellation);
            Assert.True(constraint.Advance(constraint.Start, Encoding.UTF8.GetBytes(call.Trim())) is { IsFinal: true }, call);
        }
    }

    [Theory]
    [InlineData("glm/chatglm3-6b.jinja")]
    [InlineData("glm/glm-edge-1.5b-chat.jinja")]
    [InlineData("glm/glm-4.1v-9b-thinking.jinja")]
    [InlineData("llama.cpp/openai-gpt-oss-120b.jinja")]
    [InlineData("llama.cpp/Qwen3-Coder.jinja")]
    [InlineData("llama.cpp/deepseek-ai-DeepSeek-V3.1.jinja")]
    public void A_model_whose_calls_are_not_known_is_not_asked_for_any(string file) => Assert.Null(AnswerFormat.Of(Template(file)));

    [Fact]
    public void Qwen3_s_template_in_its_tokenizer_configuration_is_hermes()
    {
        JsonNode config = JsonNode.Parse(File.ReadAllText(SharedData.Path("tokenizers", "qwen3", "tokenizer_config.json")))!;
        Assert.Equal("hermes", AnswerFormat.Of(ChatTemplate.Parse((string)config["chat_template"]!))!.Name);
    }

    [Theory]
    [InlineData("glm4", "glm/glm-4-9b-chat.jinja", "<|user|>|<|assistant|>|[gMASK]<sop>|<|system|>x|<|endoftext|>")]
    [InlineData("llama3", "llama.cpp/meta-llama-Llama-3.2-3B-Instruct.jinja", "<|eot_id|>|<|start_header_id|>system<|end_header_id|>|<|begin_of_text|>|<|python_tag|>")]
    public void Control_tokens_that_a_user_typed_are_text(string tokenizerFolder, string file, string typed)
    {
        Tokenizer tokenizer = TokenizerLoader.FromFolder(SharedData.Path("tokenizers", tokenizerFolder));
        ChatTemplate template = Template(file);
        using InferenceEngine engine = Engine(tokenizer, out TextGenerator generator, template);
        int[] harmless = Specials("Hi");
        Assert.NotEmpty(harmless);
        Assert.Equal(harmless, Specials($"Hi {typed}{typed}\n{typed}"));

        // And the tokens of the typed text are those of the text alone.
        int[] ids = [.. Encode($"Hi {typed}")];
        int[] plain = tokenizer.Encode($" {typed}", parseSpecials: false, addSpecials: false);
        Assert.True(ids.AsSpan().IndexOf(plain) >= 0);

        IEnumerable<int> Encode(string content) => generator.Encode(new GenerationPrompt.Chat([new JsonObject { ["role"] = "system", ["content"] = content }, new JsonObject { ["role"] = "user", ["content"] = content }]), Cancellation);

        int[] Specials(string content) => [.. Encode(content).Where(tokenizer.IsSpecial)];
    }

    static ChatTemplate Template(string file) => ChatTemplate.Parse(File.ReadAllText(SharedData.Path(["templates", .. file.Split('/')])));

    static InferenceEngine Engine(Tokenizer tokenizer, out TextGenerator generator, ChatTemplate template)
    {
        InferenceEngine engine = new(new ScriptedModel(tokenizer.VocabularySize, [0]), new EngineOptions(), ownThread: false);
        generator = new TextGenerator(engine, tokenizer, template);
        return engine;
    }
}

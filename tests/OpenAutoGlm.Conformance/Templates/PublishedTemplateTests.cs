using System.Text.Json;

namespace OpenAutoGlm.Models.Templates;

/// <summary>Chat templates as their models carry them.</summary>
public class PublishedTemplateTests
{
    const string Tools = """
        [{"type": "function", "function": {"name": "get_weather", "description": "The weather \"now\" <here>",
          "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "城市"},
            "days": {"type": "integer", "enum": [1, 2]}}, "required": ["city"]}}}]
        """;

    [Fact]
    public void Every_published_template_parses_and_renders_a_conversation()
    {
        string[] paths = Directory.GetFiles(SharedData.Path("templates", "llama.cpp"), "*.jinja", SearchOption.AllDirectories);
        Assert.NotEmpty(paths);
        List<string> failures = [];
        foreach (string path in paths.Concat(Directory.GetFiles(SharedData.Path("templates", "glm"))))
        {
            ChatTemplate template = ChatTemplate.Parse(File.ReadAllText(path), Path.GetFileName(path));
            foreach ((string name, ChatTemplateInput input) in Conversations())
            {
                try
                {
                    string text = template.Render(input, TestContext.Current.CancellationToken);
                    if (!text.Contains("你好?")) failures.Add($"{template.Name} ({name}) lost the question: {text}");
                }
                catch (TemplateException exception) when (exception.Error != TemplateError.Raised)
                {
                    failures.Add($"{name}: {exception.Message}");
                }
                catch (TemplateException)
                {
                    // The template refuses such a conversation by its own words.
                }
            }
        }

        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }

    [Fact]
    public void Glm4_chat_puts_tools_of_a_message_before_its_content()
    {
        ChatTemplateInput input = Input("""
            [{"role": "system", "content": "", "tools": [{"type": "function", "function": {"name": "now", "description": "时间"}}]},
             {"role": "user", "content": "Hi"}, {"role": "assistant", "metadata": "", "content": "Hello!"}, {"role": "user", "content": "几点?"}]
            """);
        Assert.Equal(
            "[gMASK]<sop><|system|>\n你是一个名为 ChatGLM 的人工智能助手。你是基于智谱AI训练的语言模型 GLM-4 模型开发的，你的任务是针对用户的问题和要求提供适当的答复和支持。\n\n"
            + "# 可用工具\n## now\n\n{\n    \"name\": \"now\",\n    \"description\": \"时间\"\n}\n......"
            + "<|user|>\nHi<|assistant|>\nHello!<|user|>\n几点?<|assistant|>\n",
            Render("glm-4-9b-chat.jinja", input));
    }

    [Fact]
    public void Glm41_thinking_marks_images_where_they_stand()
    {
        ChatTemplateInput input = Input("""
            [{"role": "system", "content": "Be brief."},
             {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]},
             {"role": "assistant", "content": "A cat."}, {"role": "user", "content": "Sure?"}]
            """);
        Assert.Equal(
            "[gMASK]<sop><|system|>\nBe brief.<|user|>\n<|begin_of_image|><|image|><|end_of_image|>What is it?"
            + "<|assistant|>\nA cat.<|user|>\nSure?<|assistant|>\n",
            Render("glm-4.1v-9b-thinking.jinja", input));
    }

    [Fact]
    public void Glm_edge_always_ends_where_the_answer_begins()
    {
        ChatTemplateInput input = Input("""[{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]""");
        Assert.Equal("<|system|>\nS<|user|>\nQ<|assistant|>", Render("glm-edge-1.5b-chat.jinja", input with { AddGenerationPrompt = false }));
    }

    [Fact]
    public void Chatglm3_begins_with_its_mask_and_indents_the_content()
    {
        ChatTemplateInput input = Input("""[{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]""");
        Assert.Equal("[gMASK]sop<|user|>\n Q<|assistant|>\n A<|assistant|>", Render("chatglm3-6b.jinja", input));
    }

    static string Render(string file, ChatTemplateInput input) =>
        ChatTemplate.Parse(File.ReadAllText(SharedData.Path("templates", "glm", file)), file).Render(input, TestContext.Current.CancellationToken);

    static IEnumerable<(string Name, ChatTemplateInput Input)> Conversations()
    {
        TemplateValue tools = TemplateValue.FromJson(JsonDocument.Parse(Tools).RootElement);

        // Two templates need more than Hugging Face passes without tools: a list of tools, or variables of their own.
        Dictionary<string, TemplateValue> functions = new() { ["functions"] = "[]", ["datetime"] = "today", ["tools"] = TemplateValue.List([]) };
        yield return ("a question", Input("""[{"role": "user", "content": "你好?"}]""") with { Extra = functions });
        yield return ("a conversation", Input("""
            [{"role": "system", "content": "Be nice."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."},
             {"role": "user", "content": "你好?"}]
            """) with { Extra = functions });
        yield return ("tools", Input("""[{"role": "user", "content": "你好?"}]""") with
        {
            Tools = tools,
            Extra = new Dictionary<string, TemplateValue> { ["functions"] = Tools, ["datetime"] = "today" },
        });
    }

    static ChatTemplateInput Input(string messages) => new()
    {
        Messages = TemplateValue.FromJson(JsonDocument.Parse(messages).RootElement),
        BosToken = "<s>",
        EosToken = "</s>",
        Time = new FixedTime(),
    };
}

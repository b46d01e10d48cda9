using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;
using OpenAutoGlm.Server;

namespace OpenAutoGlm.Answers;

/// <summary>The phone agent's recorded requests, over its model's tokenizer and template and a model that says what its authors' does.</summary>
public class PhoneAgentTests
{
    const string Thinking = "\n当前界面显示的是小红书，需要先打开京东。\n";
    const string Action = "\ndo(action=\"Launch\", app=\"京东\")\n";

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("sample_messages.json")]
    [InlineData("sample_messages_en.json")]
    public async Task A_step_without_its_image_is_answered_as_the_agent_reads_it(string file)
    {
        await using Agent agent = await Agent.StartAsync();
        JsonArray messages = WithoutImages(file);
        string prompt = $"[gMASK]<sop><|system|>\n{messages[0]!["content"]}<|user|>\n{messages[1]!["content"]![0]!["text"]}<|assistant|>\n";
        HttpResponseMessage response = await agent.PostAsync(messages, """{"max_tokens": 3000, "temperature": 0.0, "top_p": 0.85, "frequency_penalty": 0.2, "stream": true, "stream_options": {"include_usage": true}}""");
        JsonNode[] chunks = [.. (await response.Content.ReadAsStringAsync(Cancellation)).Split("\n\n")
            .Where(line => line.StartsWith("data: {", StringComparison.Ordinal)).Select(line => JsonNode.Parse(line[6..])!)];
        JsonNode[] choices = [.. chunks.SelectMany(chunk => chunk["choices"]!.AsArray())!];
        string content = string.Concat(choices.Select(choice => (string?)choice["delta"]!["content"]));
        Assert.Equal($"<think>{Thinking}</think>\n<answer>{Action}", content);
        Assert.All(choices, choice => Assert.Null(choice["delta"]!["reasoning_content"]));
        Assert.Equal("stop", (string?)choices[^1]["finish_reason"]);
        Assert.Equal(agent.Tokenizer.Encode(prompt, parseSpecials: true, addSpecials: false).Length, (int)chunks[^1]["usage"]!["prompt_tokens"]!);
    }

    [Fact]
    public async Task Clients_that_ask_for_it_get_thinking_apart()
    {
        await using Agent agent = await Agent.StartAsync();
        JsonNode answer = JsonNode.Parse(await (await agent.PostAsync(WithoutImages("sample_messages.json"), """{"enable_thinking": true, "return_reasoning": true, "temperature": 0}""")).Content.ReadAsStringAsync(Cancellation))!;
        JsonNode message = answer["choices"]![0]!["message"]!;
        Assert.Equal((Thinking.Trim(), Action.Trim()), ((string?)message["reasoning_content"], (string?)message["content"]));
    }

    [Fact]
    public async Task An_image_is_refused_in_so_many_words()
    {
        await using Agent agent = await Agent.StartAsync();
        JsonArray messages = JsonNode.Parse(File.ReadAllText(SharedData.Path("autoglm", "sample_messages_en.json")))!.AsArray();
        HttpResponseMessage response = await agent.PostAsync(messages, "{}");
        JsonNode error = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancellation))!["error"]!;
        Assert.Equal((400, "messages[1].content[0].type"), ((int)response.StatusCode, (string?)error["param"]));
        Assert.Contains("images", (string?)error["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_deployment_probe_gets_its_five_tokens_and_usage()
    {
        await using Agent agent = await Agent.StartAsync();
        JsonNode answer = JsonNode.Parse(await (await agent.PostAsync([new JsonObject { ["role"] = "user", ["content"] = "Hi" }], """{"max_tokens": 5, "temperature": 0, "stream": false}""")).Content.ReadAsStringAsync(Cancellation))!;
        Assert.Equal((5, "length"), ((int)answer["usage"]!["completion_tokens"]!, (string?)answer["choices"]![0]!["finish_reason"]));
        JsonNode models = JsonNode.Parse(await agent.Client.GetStringAsync("/v1/models", Cancellation))!;
        Assert.Contains(models["data"]!.AsArray(), model => (string?)model!["id"] == "autoglm-phone-9b");
    }

    static JsonArray WithoutImages(string file)
    {
        JsonArray messages = JsonNode.Parse(File.ReadAllText(SharedData.Path("autoglm", file)))!.AsArray();
        foreach (JsonArray parts in messages.Select(message => message!["content"]).OfType<JsonArray>())
        {
            JsonNode[] images = [.. parts.Where(part => (string?)part!["type"] == "image_url")!];
            Assert.NotEmpty(images);
            Array.ForEach(images, image => parts.Remove(image));
        }

        return messages;
    }

    sealed class Agent : IAsyncDisposable
    {
        readonly InferenceEngine _engine;
        readonly AutoGlmServer _server;

        Agent()
        {
            Tokenizer = GlmTokenizers.Phone();
            int[] script = Tokenizer.Encode($"<think>{Thinking}</think>\n<answer>{Action}</answer> and more", parseSpecials: true, addSpecials: false);
            Assert.Contains(151348, script);
            _engine = new InferenceEngine(new ScriptedModel(Tokenizer.VocabularySize, script), new EngineOptions { CheckInvariants = true }, ownThread: true);
            ChatTemplate template = ChatTemplate.Parse(File.ReadAllText(SharedData.Path("templates", "glm", "glm-4.1v-9b-thinking.jinja")));
            TextGenerator generator = new(_engine, Tokenizer, template, [151329, 151336, 151338, 151348]);
            _server = new AutoGlmServer(new ServerOptions { Port = 0 }, new ServedModel("autoglm-phone-9b", generator));
        }

        public Tokenizer Tokenizer { get; }

        public HttpClient Client { get; private set; } = null!;

        public static async Task<Agent> StartAsync()
        {
            Agent agent = new();
            await agent._server.StartAsync(Cancellation);
            agent.Client = new HttpClient { BaseAddress = new Uri(agent._server.Urls.Single()) };
            return agent;
        }

        public Task<HttpResponseMessage> PostAsync(JsonArray messages, string parameters)
        {
            JsonObject body = JsonNode.Parse(parameters)!.AsObject();
            body["model"] = "autoglm-phone-9b";
            body["messages"] = messages.DeepClone();
            return Client.PostAsync("/v1/chat/completions", new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"), Cancellation);
        }

        public async ValueTask DisposeAsync()
        {
            Client?.Dispose();
            await _server.DisposeAsync();
            _engine.Dispose();
        }
    }
}

/// <summary>GLM's tokenizers, where one is put together from the files of two models.</summary>
static class GlmTokenizers
{
    /// <summary>That of GLM-4.1V and the phone agent: GLM-4's ranks and their own added tokens.</summary>
    public static Tokenizer Phone()
    {
        string folder = Directory.CreateTempSubdirectory("autoglm-tokenizer-").FullName;
        try
        {
            File.Copy(SharedData.Path("tokenizers", "glm4", "tokenizer.model"), Path.Combine(folder, "tokenizer.model"));
            File.Copy(SharedData.Path("tokenizers", "glm4v", "tokenizer_config.json"), Path.Combine(folder, "tokenizer_config.json"));
            return TokenizerLoader.FromFolder(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}

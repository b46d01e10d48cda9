using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Server;

namespace OpenAutoGlm.Answers;

/// <summary>The phone agent's recorded requests, without their images, to the built-in model.</summary>
public sealed class BuiltInPhoneTests : IAsyncLifetime
{
    const string Asked = """{"max_tokens": 3000, "temperature": 0.0, "top_p": 0.85, "frequency_penalty": 0.2}""";

    readonly AutoInferenceEngine _engine = AutoInferenceEngine.FromPretrained(BuiltInModel.Name);
    readonly AutoGlmServer _server;
    readonly HttpClient _client = new();

    public BuiltInPhoneTests() => _server = new AutoGlmServer(new ServerOptions { Port = 0 }, _engine.Served("autoglm-phone-9b"));

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _server.StartAsync(Cancellation);
        _client.BaseAddress = new Uri(_server.Urls.Single());
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
        await _engine.DisposeAsync();
    }

    [Theory]
    [InlineData("sample_messages.json")]
    [InlineData("sample_messages_en.json")]
    public async Task A_recorded_step_without_its_image_is_answered_and_ends(string file)
    {
        JsonArray messages = JsonNode.Parse(File.ReadAllText(SharedData.Path("autoglm", file)))!.AsArray();
        foreach (JsonArray parts in messages.Select(message => message!["content"]).OfType<JsonArray>())
        {
            Array.ForEach([.. parts.Where(part => (string?)part!["type"] == "image_url")!], part => parts.Remove(part));
        }

        // What is on the screen is in the image only, so that no action can be right.
        JsonNode choice = (await PostAsync(messages, Asked))["choices"]![0]!;
        Assert.Equal("stop", (string?)choice["finish_reason"]);
        Assert.NotEmpty((string)choice["message"]!["content"]!);
    }

    [Fact]
    public async Task A_step_with_its_screen_as_text_is_answered_with_the_right_action()
    {
        JsonArray system = JsonNode.Parse(File.ReadAllText(SharedData.Path("autoglm", "sample_messages.json")))!.AsArray();
        JsonArray messages =
        [
            system[0]!.DeepClone(),
            new JsonObject
            {
                ["role"] = "user",
                ["content"] = new JsonArray { new JsonObject { ["type"] = "text", ["text"] = "点击“搜索”\n\n{\"current_app\": \"京东\"}\n购物车 [625,958]\n搜索 [871,64]\n我的订单 [125,330]" } },
            },
        ];
        string answer = (string)(await PostAsync(messages, Asked))["choices"]![0]!["message"]!["content"]!;
        Assert.Equal("<think>搜索 [871,64]，点击。</think><answer>do(action=\"Tap\", element=[871,64])", answer);
        JsonNode apart = await PostAsync(messages, """{"temperature": 0, "enable_thinking": true, "return_reasoning": true}""");
        JsonNode message = apart["choices"]![0]!["message"]!;
        Assert.Equal("do(action=\"Tap\", element=[871,64])", (string?)message["content"]);
        Assert.Contains("搜索", (string?)message["reasoning_content"]);
    }

    async Task<JsonNode> PostAsync(JsonArray messages, string parameters)
    {
        JsonObject body = JsonNode.Parse(parameters)!.AsObject();
        body["model"] = "autoglm-phone-9b";
        body["messages"] = messages.DeepClone();
        using HttpResponseMessage response = await _client.PostAsync("/v1/chat/completions", new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"), Cancellation);
        string text = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!;
    }
}
